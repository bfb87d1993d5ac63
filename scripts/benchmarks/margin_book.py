"""A clearinghouse over an option market, and an account with a large book of calls and puts by portfolio margin."""

from typing import Any, Final

from simulator.chain.types import BlockEnv, Receipt, Transaction
from simulator.protocols.genesis import Contract
from simulator.units import WAD, to_wad
from simulator.validation.lab import Lab, Step

LEGS: Final = 40  # a call and a put of each strike and expiry
SHOCKS: Final = 23
PRICE: Final = 2_000 * WAD

_ANY: Final = 2**256 - 1
_DAY: Final = 24 * 3600
_EXPIRIES, _STRIKES = 4, (0.8, 0.9, 1.0, 1.1, 1.2)
_GAS: Final = 30_000_000
_MONEY: Final = 10_000_000 * WAD


def shocks() -> list[tuple[int, int]]:
    """Spot up to 20 % either way with volatility up, as it is and down, and two that go further [wad]."""
    spots = [step * WAD // 15 for step in range(-3, 4)]
    grid = [(spot, volatility) for spot in spots for volatility in (to_wad(0.6), 0, -to_wad(0.3))]
    return [*grid, (-to_wad(0.3), to_wad(0.6)), (to_wad(0.3), to_wad(0.6))]


class MarginBook:
    """The contracts on a chain of their own, the book traded."""

    def __init__(self, gas: str) -> None:
        self.lab = lab = Lab(gas)
        self.trader = lab.person("trader")
        self._expiries = [lab.now + (1 + place) * 14 * _DAY for place in range(_EXPIRIES)]
        money, base = lab.token("MONEY"), lab.token("BASE")
        self.surface, market = self._market(money, base)
        self.house, risk, options = self._clearinghouse(money, base, market)
        lab.endow(money, self.trader, _MONEY, self.house)
        self.account: int = lab.do(self.trader, self.house, "open", False, risk.address)
        lab.do(self.trader, self.house, "deposit", self.account, _MONEY)
        self.ids: list[int] = []
        self.sizes: list[int] = []
        self._trade(market, options)

    def _market(self, money: Contract, base: Contract) -> tuple[Contract, Contract]:
        lab, owner = self.lab, self.lab.owner
        feed = lab.deploy("PushFeed", owner, owner, 8, "BASE / USD")
        lab.do(owner, feed, "report", PRICE // 10**10)
        guarded = lab.deploy("GuardedFeed", feed.address, _DAY, 0, 0, 0)
        rules = (_DAY, *map(to_wad, (0.1, 3.0, 0.5)), 3600, to_wad(0.5))
        surface = lab.deploy("VolSurface", owner, owner, guarded.address, rules)
        near, far = (0.003, 0.03, -0.4, 0.01, 0.1), (0.03, 0.08, -0.35, 0.02, 0.15)
        slices = [(*map(to_wad, near), 7 * _DAY), (*map(to_wad, far), 60 * _DAY)]
        lab.do(owner, surface, "report", slices, to_wad(0.04), to_wad(0.01))
        expiries = lab.deploy("ExpiryPrice", owner, feed.address, (3600, 6 * 3600, _DAY, to_wad(0.2)))
        quotes = (*map(to_wad, (0.02, 2_000.0, 0.5, 0.0003, 0.125, 0.2)),)
        margin = (*map(to_wad, (0.15, 0.1, 0.075, 0.01, 0.5)),)
        limits = (to_wad(0.01), to_wad(0.5), 600, 400 * _DAY, to_wad(0.005))
        places = (owner, money.address, base.address, surface.address, expiries.address)
        market = lab.deploy("OptionMarket", *places, quotes, margin, limits)
        pool = lab.deploy("PerpPool", market.address, 0, _DAY)
        lab.do(owner, market, "setPool", pool.address)
        lab.endow(money, owner, _MONEY, pool)
        lab.do(owner, pool, "deposit", _MONEY, owner)
        self._feed = guarded
        return surface, market

    def _clearinghouse(self, money: Contract, base: Contract, market: Contract) -> tuple[Contract, Contract, Contract]:
        lab, owner = self.lab, self.lab.owner
        auction = (to_wad(0.95), 3600, to_wad(0.5), to_wad(0.02))
        house = lab.deploy("Clearinghouse", owner, money.address, auction, _DAY)
        add_ons = (*map(to_wad, (1.25, 0.01, 0.99, 4.0, 0.55, 1.0)),)
        risk = lab.deploy("PortfolioRisk", owner, house.address, shocks(), add_ons)
        options = lab.deploy("OptionInstrument", house.address, market.address)
        collateral = (base.address, self._feed.address, to_wad(0.1), WAD, _MONEY)
        steps = [
            Step(owner, house, "setRiskModel", (risk.address, True)),
            Step(owner, house, "addAsset", collateral),
            Step(owner, house, "setInstrument", (options.address, True)),
            Step(owner, market, "setGuarantor", (options.address, True, _MONEY)),
        ]
        lab.do_all(steps)
        return house, risk, options

    def _trade(self, market: Contract, options: Contract) -> None:
        for leg in range(LEGS):
            expiry, strike = self._expiries[leg // 10], _STRIKES[leg // 2 % 5]
            series = self.lab.do(self.lab.owner, market, "list", expiry, int(strike * 100) * PRICE // 100, leg % 2)
            size = -2 * WAD if leg % 3 == 0 else WAD
            limit = _ANY if size > 0 else 0
            self.lab.do(self.trader, self.house, "trade", self.account, options.address, series, size, limit)
            self.ids.append(series)
            self.sizes.append(size)

    def gas_of(self, contract: Contract, function: str, *args: Any) -> Receipt:
        """The receipt of a view that is asked in a transaction. Raises AssertionError where it fails."""
        lab, data = self.lab, contract.encode(function, *args)
        tx = Transaction(lab.owner, lab.chain.nonce(lab.owner), contract.address, data, 0, _GAS, 0, 0)
        (outcome,) = lab.chain.execute(BlockEnv(10**6, lab.now, 0, _GAS), [tx])
        assert isinstance(outcome, Receipt), outcome
        assert outcome.status, outcome
        return outcome
