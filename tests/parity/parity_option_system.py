"""Options, their margin and what is settled beside them, for random transactions: short lives and small funds.

A surface, settlement prices, a market with a pool and a put with a barrier; a clearinghouse with both models of risk
over that market, the perpetual future, a squared one and variance swaps. Expiries are so near that series live and
end within a few blocks.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from simulator.chain.types import Address
from simulator.protocols.genesis import Contract
from simulator.units import WAD

if TYPE_CHECKING:
    from parity_system import System

_POOL = 40_000 * WAD  # [Dollar wad]
_MONEY = 1_500 * WAD  # [Dollar wad] of each user, at the market and at the clearinghouse

CALL, PUT, BARRIER = 0, 1, 2
SURFACE_RULES = (86_400, WAD // 10, 3 * WAD, WAD // 2, 120, WAD // 2)
EXPIRY_RULES = (600, 600, 7_200, WAD // 2)
QUOTES = (WAD // 50, 20 * WAD, WAD // 2, 3 * WAD // 10_000, WAD // 8, WAD // 5)
MARGIN = (15 * WAD // 100, WAD // 10, 75 * WAD // 1000, WAD // 100, WAD // 2)
LIMITS = (WAD // 100, WAD // 2, 60, 30 * 86_400, WAD // 200)
BARRIER_RATIO, REPORT_TIME = 9 * WAD // 10, 120
POWER_SCALE = 10_000 * WAD
POWER_RULES = (15 * WAD // 10, WAD // 10, WAD // 2, 100 * WAD, 86_400, 8 * WAD // 10, 14 * WAD // 10)
SWAP_TERMS = (60, 60, 25 * WAD // 10)  # interval, greatest age, cap
AUCTION, QUIT_DELAY = (95 * WAD // 100, 600, WAD // 2, WAD // 50), 60
ADD_ONS = (125 * WAD // 100, WAD // 100, 99 * WAD // 100, 4 * WAD, 55 * WAD // 100, WAD)
SHOCKS = [(-WAD // 5, WAD // 2), (-WAD // 20, 0), (WAD // 20, 0), (WAD // 5, WAD // 2)]
PERP_TARGET, POWER_TARGET = WAD // 5, 18 * WAD // 10
BASE_LIMIT = 10_000 * WAD  # [token wad] of an asset as collateral


@dataclass(frozen=True)
class Options:
    """What is deployed for options and margin."""

    math: Contract
    surface: Contract
    expiries: Contract
    market: Contract
    pool: Contract
    plans: Contract
    barrier: Contract
    power: Contract
    swaps: Contract
    house: Contract
    standard: Contract
    portfolio: Contract
    instruments: dict[str, Contract]

    @property
    def spenders(self) -> list[Address]:
        """Who draws money and tokens from those who act."""
        return [c.address for c in (self.market, self.pool, self.power, self.swaps, self.house)]


def market_arguments(system: "System", owner: Address, surface: Address, expiries: Address) -> list[Any]:
    """What a market is made with."""
    tokens = [system.cdp.dollar.address, system.genesis.tokens["ETH"].address]
    return [owner, *tokens, surface, expiries, QUOTES, MARGIN, LIMITS]


def constructors_of_options(system: "System", sender: Address) -> dict[str, list[Any]]:
    """What each kind is made with, around the system's own."""
    made, push, dollar = system.options, system.push["ETH"], system.cdp.dollar.address
    house = made.house.address
    return {
        "OptionMath": [],
        "VolSurface": [sender, sender, push, SURFACE_RULES],
        "ExpiryPrice": [sender, push, EXPIRY_RULES],
        "OptionMarket": market_arguments(system, sender, made.surface.address, made.expiries.address),
        "OverlayPlan": [made.market.address],
        "DownAndOutPut": [push, BARRIER_RATIO, REPORT_TIME],
        "PowerPerp": [sender, dollar, push, POWER_SCALE, POWER_RULES],
        "VarianceSwap": [dollar, push, *SWAP_TERMS],
        "Clearinghouse": [sender, dollar, AUCTION, QUIT_DELAY],
        "StandardRisk": [house],
        "PortfolioRisk": [sender, house, SHOCKS, ADD_ONS],
        "OptionInstrument": [house, made.market.address],
        "PerpInstrument": [house, system.perps[0].address, PERP_TARGET],
        "PowerInstrument": [house, made.power.address, POWER_TARGET],
        "SwapInstrument": [house, made.swaps.address, made.surface.address],
    }


def deploy_options(system: "System") -> Options:
    """All of it, with the pool named, the barrier known as a kind and the instruments let in."""
    genesis, push = system.genesis, system.push["ETH"]
    genesis.scope = "options"
    owner, dollar = genesis.deployer, system.cdp.dollar.address
    math = genesis.deploy("OptionMath")
    reporter = genesis.account("reporter/ETH").address
    surface = genesis.deploy("VolSurface", owner, reporter, push, SURFACE_RULES)
    expiries = genesis.deploy("ExpiryPrice", owner, push, EXPIRY_RULES)
    market = genesis.deploy("OptionMarket", *market_arguments(system, owner, surface.address, expiries.address))
    pool = genesis.deploy("PerpPool", market.address, 60, 600)
    plans = genesis.deploy("OverlayPlan", market.address)
    barrier = genesis.deploy("DownAndOutPut", push, BARRIER_RATIO, REPORT_TIME)
    genesis.call(market, "setPool", pool.address)
    genesis.call(market, "setKind", BARRIER, barrier.address)
    power = genesis.deploy("PowerPerp", owner, dollar, push, POWER_SCALE, POWER_RULES)
    swaps = genesis.deploy("VarianceSwap", dollar, push, *SWAP_TERMS)
    house = genesis.deploy("Clearinghouse", owner, dollar, AUCTION, QUIT_DELAY)
    standard = genesis.deploy("StandardRisk", house.address)
    portfolio = genesis.deploy("PortfolioRisk", owner, house.address, SHOCKS, ADD_ONS)
    genesis.flush()
    instruments = {
        "OptionInstrument": genesis.deploy("OptionInstrument", house.address, market.address),
        "PerpInstrument": genesis.deploy("PerpInstrument", house.address, system.perps[0].address, PERP_TARGET),
        "PowerInstrument": genesis.deploy("PowerInstrument", house.address, power.address, POWER_TARGET),
        "SwapInstrument": genesis.deploy("SwapInstrument", house.address, swaps.address, surface.address),
    }
    made = Options(
        math, surface, expiries, market, pool, plans, barrier, power, swaps, house, standard, portfolio, instruments
    )
    _let_in(system, made)
    return made


def _let_in(system: "System", made: Options) -> None:
    genesis, house = system.genesis, made.house
    for model in (made.standard, made.portfolio):
        genesis.call(house, "setRiskModel", model.address, True)
    for instrument in made.instruments.values():
        genesis.call(house, "setInstrument", instrument.address, True)
    genesis.call(made.market, "setGuarantor", made.instruments["OptionInstrument"].address, True, 100_000 * WAD)
    for asset, beta in (("ETH", WAD), ("BTC", 0)):
        token, feed = genesis.tokens[asset].address, system.push[asset]
        genesis.call(house, "addAsset", token, feed, WAD // 10, beta, BASE_LIMIT)
    genesis.flush()


def flat_slices(volatility: float) -> list[tuple[int, ...]]:
    """A flat surface at a day and at a month."""
    return [(round(volatility**2 * days / 365 * WAD), 0, 0, 0, WAD // 10, days * 86_400) for days in (1, 30)]


def fill_options(system: "System") -> None:
    """The first user is the pool; everybody has money at the market and an account at the clearinghouse."""
    genesis, made = system.genesis, system.options
    genesis.call(made.surface, "report", flat_slices(0.7), 0, 0, sender=system.reporters["ETH"])
    genesis.call(made.pool, "deposit", _POOL, system.users[0], sender=system.users[0])
    for number, user in enumerate(system.users, 1):
        genesis.call(made.market, "deposit", user, _MONEY, sender=user)
        genesis.call(made.power, "approve", made.instruments["PowerInstrument"].address, 2**256 - 1, sender=user)
        model = made.standard if number % 3 == 0 else made.portfolio
        genesis.call(made.house, "open", number % 5 == 0, model.address, sender=user)
        genesis.call(made.house, "deposit", number, _MONEY, sender=user)
    genesis.flush()
    for expiry in (1_800, 7_200, 86_400):
        for strike in (1_900, 2_000, 2_100):
            for kind in (CALL, PUT, BARRIER):
                genesis.call(made.market, "list", system.time + expiry, strike * WAD, kind)
            genesis.call(made.barrier, "watch", (system.time + expiry) << 136 | strike * WAD << 8 | BARRIER)
    genesis.flush()
