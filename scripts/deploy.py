"""Deploy the debt contracts with Brownie, three collaterals that are each liquidated in another way, and a pool.

    brownie run deploy                                    a local node, which ends with the script
    brownie run deploy main ACCOUNT [FILE] --network NAME another network, paid by an account of `brownie accounts`

The addresses go to FILE, deployments/<chain id>.json in Brownie's build folder by default.
"""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from brownie import accounts, chain, network, project

from simulator.units import WAD, per_second_ray, to_fixed, to_wad

ROOT = Path(__file__).resolve().parent.parent
DEPLOYMENTS = ROOT / ".brownie" / "deployments"
ABIS = "simulator/artifacts"
NOBODY = "0x" + "00" * 20
FEED_DECIMALS = 8
POOL_FEE = 0.003
POOL_DOLLARS = 1_000_000  # beside as much ETH
DEPOSIT_RATIO = 4.0  # of the position that the pool's first Dollars are drawn from


class Market(NamedTuple):
    """A collateral and its terms."""

    symbol: str
    decimals: int
    price: float  # [usd] first answer
    liquidation: str  # fixed, english or dutch
    bonus: float
    interest: float  # a year
    lot: float = 0.0  # [tokens] in one auction, 0 = no limit
    delay: int = 0  # [s] until a price counts, 0 = at once
    max_age: int = 7_200  # [s] of an answer; the reporter's heartbeat is an hour

    @property
    def id(self) -> bytes:
        """The engine's name for it."""
        return self.symbol.encode().ljust(32, b"\0")


MARKETS = (
    Market("ETH", 18, 200.0, "fixed", bonus=0.1, interest=0.05),
    Market("BTC", 8, 8_000.0, "english", bonus=0.13, interest=0.0, lot=2.0, delay=3_600),
    Market("GOLD", 6, 1_500.0, "dutch", bonus=0.13, interest=0.08, lot=50.0),
)
MINIMUM_RATIO, LIQUIDATION_RATIO = 1.6, 1.5
CLOSE_FACTOR, PROTOCOL_FEE = 0.5, 0.2
DEBT_CEILING, DEBT_FLOOR = 10_000_000, 100  # [usd]
ENGLISH = (to_wad(0.03), 600, 6 * 3_600)  # raise of a bid, seconds that it stands, seconds in all
# First price over the feed's, step and its seconds; fall and age that end it; tip, share of the debt; debt at auction.
DUTCH = (to_wad(1.2), to_wad(0.99), 90, to_wad(0.45), 7_200, to_wad(20), to_wad(0.001), to_wad(1_000_000))


@dataclass
class System:
    """What was deployed, by role and by market symbol."""

    dollar: Any
    engine: Any
    tokens: dict[str, Any] = field(default_factory=dict)
    feeds: dict[str, Any] = field(default_factory=dict)  # what reporters write to
    guards: dict[str, Any] = field(default_factory=dict)
    delays: dict[str, Any] = field(default_factory=dict)
    houses: dict[str, Any] = field(default_factory=dict)
    pool: Any = None
    flash: Any = None

    def named(self) -> dict[str, Any]:
        """Every contract by a name that is its own."""
        groups = (self.tokens, self.feeds, self.guards, self.delays, self.houses)
        owned = {f"{symbol}/{made._name}": made for group in groups for symbol, made in group.items()}
        return {made._name: made for made in (self.dollar, self.engine, self.pool, self.flash)} | owned


def main(account: str | None = None, out: str | None = None) -> None:
    """Deploy, print the addresses and write them down."""
    payer = accounts.load(account) if account else accounts[0]
    system = deploy_system(payer)
    path = Path(out) if out else DEPLOYMENTS / f"{chain.id}.json"
    write_deployment(system, path)
    print(f"\nDeployed to {network.show_active()}, chain {chain.id}; written to {path}\n")
    for name, contract in sorted(system.named().items()):
        print(f"  {name:<22} {contract.address}")


def deploy_system(payer: Any) -> System:
    """Everything, owned by `payer`, who is the feeds' reporter and the pool's first provider."""
    contracts = project.get_loaded_projects()[0]
    dollar = contracts.Dollar.deploy({"from": payer})
    system = System(dollar, contracts.CdpEngine.deploy(dollar, {"from": payer}))
    dollar.grantRoles(system.engine, dollar.MINTER(), {"from": payer})
    for market in MARKETS:
        deploy_collateral(contracts, system, market, payer)
    deploy_pool(contracts, system, MARKETS[0], payer)
    return system


def deploy_collateral(contracts: Any, system: System, market: Market, payer: Any) -> None:
    """Token, feeds and auction of one market, and its entry in the engine."""
    symbol = market.symbol
    token = contracts.CollateralToken.deploy(f"{symbol} collateral", symbol, market.decimals, {"from": payer})
    system.tokens[symbol] = token
    consumer = deploy_feeds(contracts, system, market, payer)
    house = deploy_auction(contracts, system, market, payer)
    config = (
        token.address,
        consumer.address,
        house.address if house else NOBODY,
        to_wad(MINIMUM_RATIO),
        to_wad(LIQUIDATION_RATIO),
        to_wad(market.bonus),
        to_wad(CLOSE_FACTOR),
        to_wad(PROTOCOL_FEE),
        per_second_ray(market.interest),
        DEBT_CEILING * WAD,
        DEBT_FLOOR * WAD,
        to_wad(market.lot),
        False,  # liquidations wait for a fresh price
    )
    system.engine.addCollateral(market.id, config, {"from": payer})


def deploy_feeds(contracts: Any, system: System, market: Market, payer: Any) -> Any:
    """The reporter's feed with its first answer, the guard before it and, where there is one, the delay."""
    symbol = market.symbol
    feed = contracts.PushFeed.deploy(payer, payer, FEED_DECIMALS, f"{symbol} / USD", {"from": payer})
    feed.report(to_fixed(market.price, 10**FEED_DECIMALS), {"from": payer})
    guard = contracts.GuardedFeed.deploy(feed, market.max_age, 0, 0, 0, {"from": payer})
    system.feeds[symbol], system.guards[symbol] = feed, guard
    if not market.delay:
        return guard
    system.delays[symbol] = contracts.DelayedFeed.deploy(guard, market.delay, {"from": payer})
    return system.delays[symbol]


def deploy_auction(contracts: Any, system: System, market: Market, payer: Any) -> Any:
    """The auction house of a market, None where it sells at a fixed spread."""
    if market.liquidation == "fixed":
        return None
    parties = (system.engine, market.id, system.tokens[market.symbol], system.dollar)
    if market.liquidation == "english":
        house = contracts.EnglishAuction.deploy(*parties, *ENGLISH, {"from": payer})
    else:
        house = contracts.DutchAuction.deploy(*parties, *DUTCH, {"from": payer})
    system.houses[market.symbol] = house
    return house


def deploy_pool(contracts: Any, system: System, market: Market, payer: Any) -> None:
    """A pool of the market's token and Dollar with its first liquidity, and the liquidator that trades on it."""
    token, dollar = system.tokens[market.symbol], system.dollar
    system.pool = contracts.ConstantProductPool.deploy(token, dollar, to_wad(POOL_FEE), {"from": payer})
    system.flash = contracts.FlashLiquidator.deploy(dollar, system.pool, {"from": payer})
    dollars = POOL_DOLLARS * WAD
    beside = to_wad(POOL_DOLLARS / market.price)
    deposit = to_wad(POOL_DOLLARS / market.price * DEPOSIT_RATIO)
    unit = 10 ** (18 - market.decimals)
    token.mint(payer, (beside + deposit) // unit, {"from": payer})
    token.approve(system.engine, 2**256 - 1, {"from": payer})
    system.engine.adjust(market.id, payer, deposit, dollars, {"from": payer})
    token.approve(system.pool, 2**256 - 1, {"from": payer})
    dollar.approve(system.pool, 2**256 - 1, {"from": payer})
    system.pool.addLiquidity(beside // unit, dollars, payer, {"from": payer})


def write_deployment(system: System, path: Path) -> None:
    """Addresses by name, each with the file of its ABI in this repository."""
    found = {
        name: {"address": contract.address, "abi": f"{ABIS}/{contract._name}.json"}
        for name, contract in sorted(system.named().items())
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"chain_id": chain.id, "contracts": found}, indent=1) + "\n")
