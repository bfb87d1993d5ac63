"""A clearinghouse over an option market, a perpetual one and base as collateral, for laws measured on its bytecode."""

from collections.abc import Mapping
from fractions import Fraction
from typing import Any, NamedTuple

from simulator.chain.types import Address
from simulator.protocols.genesis import Contract
from simulator.units import WAD, to_wad
from simulator.validation.options_bench import ANY, DAY, MarketTerms, OptionBench
from simulator.validation.perp_bench import PerpBench, PerpTerms

CREDIT = 10**12 * WAD  # of the option instrument
FACTOR = 1.25  # of the shocks for initial margin
CONTINGENCY = 0.01
_PERPS = PerpTerms(skew_scale=1e13, open_interest=1e9, max_skew=1e9, trade_fee=0.0005)

Holding = tuple[Contract, int]  # an instrument and a series


class Margin(NamedTuple):
    """[money wad]"""

    equity: int
    required: int

    @property
    def room(self) -> int:
        """Above zero where an account may trade and withdraw."""
        return self.equity - self.required


class AuctionTerms(NamedTuple):
    """IClearinghouse.AuctionRules."""

    start_share: float = 0.95
    length: int = 3600  # [s]
    max_reward: float = 0.5
    fee: float = 0.02


_AUCTION = AuctionTerms()


def grid() -> list[tuple[int, int]]:
    """23 shocks [wad]: spot from -20 to 20 % with volatility up, as it is and down, and two far ones."""
    spots = [int(Fraction(step, 15) * WAD) for step in range(-3, 4)]
    near = [(spot, volatility) for spot in spots for volatility in (6 * WAD // 10, 0, -3 * WAD // 10)]
    return [*near, (-3 * WAD // 10, 6 * WAD // 10), (3 * WAD // 10, 6 * WAD // 10)]


class HouseBench:
    """Money is the option market's Dollar."""

    def __init__(self, terms: MarketTerms, auction: AuctionTerms = _AUCTION) -> None:
        self.options = OptionBench(terms)
        self.lab = lab = self.options.lab
        self.perps = PerpBench(_PERPS, lab, self.options.dollar)
        self.perps.provide(lab.person("provider"), 1e9)
        a = auction
        rules = (to_wad(a.start_share), a.length, to_wad(a.max_reward), to_wad(a.fee))
        self.house = house = lab.deploy("Clearinghouse", lab.owner, self.options.dollar.address, rules, DAY)
        self.standard = lab.deploy("StandardRisk", house.address)
        add_ons = tuple(map(to_wad, (FACTOR, CONTINGENCY, 0.99, 4.0, 0.55, 1.0)))
        self.portfolio = lab.deploy("PortfolioRisk", lab.owner, house.address, grid(), add_ons)
        self.by_options = lab.deploy("OptionInstrument", house.address, self.options.market.address)
        self.by_perps = lab.deploy("PerpInstrument", house.address, self.perps.market.address, to_wad(0.2))
        self._own("addAsset", self.options.base.address, self.options.guard.address, WAD // 5, WAD, 10**12 * WAD)
        for model in (self.standard, self.portfolio):
            self._own("setRiskModel", model.address, True)
        for instrument in (self.by_options, self.by_perps):
            self._own("setInstrument", instrument.address, True)
        lab.do(lab.owner, self.options.market, "setGuarantor", self.by_options.address, True, CREDIT)

    def _own(self, function: str, *args: Any) -> None:
        self.lab.do(self.lab.owner, self.house, function, *args)

    # ---------------------------------------------------------------- actions

    def say(self, price: int) -> None:
        """Report an index price [wad] to both markets."""
        self.options.say(price)
        self.perps.report(price)

    def open(self, owner: Address, model: Contract, usd: float) -> int:
        """A cross account with money in it."""
        account = int(self.lab.do(owner, self.house, "open", False, model.address))
        self.pay(owner, usd)
        self.lab.do(owner, self.house, "deposit", account, to_wad(usd))
        return account

    def pay(self, owner: Address, usd: float) -> int:
        """New money that the house may take; gives the wad."""
        amount = to_wad(usd)
        self.lab.endow(self.options.dollar, owner, amount, self.house)
        return amount

    def trade(self, owner: Address, account: int, holding: Holding, size: int) -> int:
        """At any price; gives the cash [wad] that the account got."""
        instrument, series = holding
        return int(self.lab.do(owner, self.house, "trade", account, instrument.address, series, size, ANY[size > 0]))

    # ------------------------------------------------------------------ views

    def ask(self, view: str, *args: Any) -> Any:
        """What the house says."""
        return self.lab.read(self.house, view, *args)

    def cash(self, account: int) -> int:
        """[wad]"""
        return int(self.ask("accountOf", account)[3])

    def margin(self, account: int, *, initial: bool) -> Margin:
        """By the account's model."""
        return Margin(*self.ask("marginOf", account, initial))

    def margin_of_book(
        self, model: Contract, legs: Mapping[Holding, int], *, cash: int = 0, base: int = 0, initial: bool = True
    ) -> Margin:
        """What a model says of a book that is nobody's."""
        instruments: dict[str, list[tuple[int, int]]] = {}
        for (instrument, series), size in legs.items():
            if size:
                instruments.setdefault(instrument.address, []).append((series, size))
        places = sorted(instruments, key=lambda address: int(address, 16))
        ids = [[series for series, _ in sorted(instruments[place])] for place in places]
        sizes = [[size for _, size in sorted(instruments[place])] for place in places]
        return Margin(*self.lab.read(model, "marginOfBook", (cash, [base], places, ids, sizes), initial))
