"""A market of perpetual futures for random transactions: a small pool and thin margins, so that everybody can fail."""

from typing import TYPE_CHECKING, Any

from simulator.chain.types import Address
from simulator.protocols.genesis import Contract, Genesis
from simulator.units import WAD

if TYPE_CHECKING:
    from parity_system import System

_POOL = 20_000 * WAD  # [Dollar wad]
_MARGIN = 3_000 * WAD  # [Dollar wad] of each user

MARGIN = (WAD // 25, WAD // 50, WAD // 200, WAD // 2, 500 * WAD)
FEES = (WAD // 2000, WAD // 5)
LIMITS = (100_000 * WAD, 20_000 * WAD, 10_000 * WAD, WAD // 200)
ORDERS = (0, 1_200, WAD)
FUNDING = (0, WAD // 10, 28_800, 3_600, WAD // 10_000, WAD // 2_000, 10 * WAD)
RULE = (0, 100 * WAD, 10 * WAD, 120)


def market_arguments(token: Address, feed: Address) -> list[Any]:
    """What a market is made with."""
    return [token, feed, False, MARGIN, FEES, LIMITS, ORDERS, FUNDING]


def deploy_perps(genesis: Genesis, token: Address, feed: Address) -> list[Contract]:
    """A market, its pool and its backstop."""
    genesis.scope = "perps"
    market = genesis.deploy("PerpMarket", *market_arguments(token, feed))
    pool = genesis.deploy("PerpPool", market.address, 60, 600)
    backstop = genesis.deploy("Backstop", market.address, *RULE)
    genesis.call(market, "setSatellites", pool.address, backstop.address)
    return [market, pool, backstop]


def fill_perps(system: "System") -> None:
    """The first user is the pool, everybody has some margin."""
    genesis, (market, pool, _) = system.genesis, system.perps
    genesis.call(pool, "deposit", _POOL, system.users[0], sender=system.users[0])
    for user in system.users:
        genesis.call(market, "deposit", user, _MARGIN, sender=user)
    genesis.flush()
