"""Vaults and a lending pool for random transactions: one vault for each strategy, rebalanced at small moves.

The overlay's is let go as far as its legs take it.
"""

from typing import TYPE_CHECKING, Any

from simulator.chain.types import Address
from simulator.protocols.genesis import Contract
from simulator.units import WAD

if TYPE_CHECKING:
    from parity_system import System

_DEPOSIT = 4_000 * WAD  # [Dollar wad], as much of the asset's worth in the vault of ether
_LENT = 200_000 * WAD  # [Dollar wad]

LIMITS = (10**27, 0, WAD // 1000, 60, 0, 0)
TRIGGERS = (WAD // 100, WAD // 50, 600, WAD // 10, 5 * WAD, WAD // 50)
EXECUTION = (0, 24, WAD // 20, 0, WAD // 50, WAD)
SHAPE = (WAD // 4, WAD // 20, WAD // 20)
ESTIMATE = (WAD // 10, 3 * WAD, 12, 20, 3, True)
TERMS = (7 * WAD // 10, 8 * WAD // 10, WAD // 20, WAD // 2, WAD // 10, 100 * WAD)
CURVE = (0, WAD // 20, WAD, 8 * WAD // 10)
DEPTH_LOSS = WAD // 20
CARRY_RATIO = 22 * WAD // 10
LOOP_SHARE = WAD // 5
HEDGE_RATIO = WAD
# Of the overlay: a put bought, a call that pays for it, a put written against collateral, a call for its gamma.
LEGS = (
    (True, 0, 0, WAD, 86_400, WAD),
    (False, 2, 1, 9 * WAD // 10, 86_400, -WAD),
    (True, 0, 0, 95 * WAD // 100, 86_400, -WAD // 2),
    (False, 1, 2, WAD // 2, 86_400, WAD // 4),
)
OVERLAY_SHAPE = (WAD // 2, WAD // 10, 15 * WAD // 10, WAD // 50, False, 0)
ROLLS = (300, WAD // 20, 99 * WAD // 100, WAD // 2, WAD // 5)
OVERLAY_GAS = 8_000_000  # of a roll of all legs: it looks at every series
OVERLAY_TRIGGERS = (WAD, WAD // 50, 600, 11 * WAD // 10, 0, WAD // 50)


def vault_fees(recipient: Address) -> tuple[int, int, Address]:
    """What a vault charges."""
    return (WAD // 50, WAD // 10, recipient)


def vault_arguments(asset: Address, recipient: Address, triggers: tuple[int, ...] = TRIGGERS) -> list[Any]:
    """What a vault is made with."""
    return [asset, "Vault", "V", LIMITS, vault_fees(recipient), triggers, EXECUTION]


def deploy_vaults(system: "System") -> list[Contract]:
    """The lending pool, then the vaults with their strategies."""
    genesis, scope = system.genesis, "vaults"
    genesis.scope = scope
    dollar, eth = system.cdp.dollar.address, system.genesis.tokens["ETH"].address
    lending = genesis.deploy("LendingPool", dollar, eth, system.push["ETH"], TERMS, CURVE)
    found = [lending]
    for kind, asset in (("DeltaNeutral", dollar), ("CrossHedge", dollar), ("CdpCarry", eth), ("Overlay", dollar)):
        triggers = OVERLAY_TRIGGERS if kind == "Overlay" else TRIGGERS
        vault = genesis.deploy("HedgedVault", *vault_arguments(asset, genesis.deployer, triggers))
        strategy = genesis.deploy(kind, vault.address, *strategy_arguments(system, kind, lending.address))
        genesis.call(vault, "setStrategy", strategy.address)
        found += [vault, strategy]
    genesis.flush()
    return found


def strategy_arguments(system: "System", kind: str, lending: Address) -> list[Any]:
    """What a strategy is made with, after its vault."""
    dollar, market = system.cdp.dollar.address, system.perps[0].address
    (eth_pool, link_pool), tokens = system.pool_contracts, system.genesis.tokens
    if kind == "DeltaNeutral":
        return [dollar, tokens["ETH"].address, system.push["ETH"], market, eth_pool.address, DEPTH_LOSS, SHAPE]
    if kind == "CrossHedge":
        spot = [tokens["LINK"].address, system.push["LINK"], market, link_pool.address]
        return [dollar, *spot, DEPTH_LOSS, SHAPE, ESTIMATE, HEDGE_RATIO]
    if kind == "Overlay":
        plans = system.options.plans.address
        return [dollar, plans, eth_pool.address, DEPTH_LOSS, LEGS, OVERLAY_SHAPE, ROLLS]
    engine, id = system.cdp.engine.address, system.ids["ETH"]
    return [engine, id, dollar, lending, eth_pool.address, DEPTH_LOSS, CARRY_RATIO, LOOP_SHARE]


def fill_vaults(system: "System") -> None:
    """Everybody lends and the first user puts money into each vault, which is put to work."""
    genesis, (lending, *rest) = system.genesis, system.vaults
    first = system.users[0]
    genesis.call(lending, "deposit", _LENT, first, sender=first)
    for vault, asset in zip(rest[::2], ("DOLLAR", "DOLLAR", "ETH", "DOLLAR"), strict=True):
        genesis.call(vault, "deposit", round(_DEPOSIT / system.prices[asset]), first, sender=first)
        data = vault.encode("rebalance", b"")
        genesis.send(first, vault.address, data, "rebalance", vault.abi, OVERLAY_GAS)
    genesis.flush()
