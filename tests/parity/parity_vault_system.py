"""Vaults and a lending pool for random transactions: one vault for each strategy, rebalanced at small moves."""

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


def vault_fees(recipient: Address) -> tuple[int, int, Address]:
    """What a vault charges."""
    return (WAD // 50, WAD // 10, recipient)


def vault_arguments(asset: Address, recipient: Address) -> list[Any]:
    """What a vault is made with."""
    return [asset, "Vault", "V", LIMITS, vault_fees(recipient), TRIGGERS, EXECUTION]


def deploy_vaults(system: "System") -> list[Contract]:
    """The lending pool, then the three vaults with their strategies."""
    genesis, scope = system.genesis, "vaults"
    genesis.scope = scope
    dollar, eth = system.cdp.dollar.address, system.genesis.tokens["ETH"].address
    lending = genesis.deploy("LendingPool", dollar, eth, system.push["ETH"], TERMS, CURVE)
    found = [lending]
    for kind, asset in (("DeltaNeutral", dollar), ("CrossHedge", dollar), ("CdpCarry", eth)):
        vault = genesis.deploy("HedgedVault", *vault_arguments(asset, genesis.deployer))
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
    engine, id = system.cdp.engine.address, system.ids["ETH"]
    return [engine, id, dollar, lending, eth_pool.address, DEPTH_LOSS, CARRY_RATIO, LOOP_SHARE]


def fill_vaults(system: "System") -> None:
    """Everybody lends and the first user puts money into each vault, which is put to work."""
    genesis, (lending, *rest) = system.genesis, system.vaults
    first = system.users[0]
    genesis.call(lending, "deposit", _LENT, first, sender=first)
    for vault, asset in zip(rest[::2], ("DOLLAR", "DOLLAR", "ETH"), strict=True):
        genesis.call(vault, "deposit", round(_DEPOSIT / system.prices[asset]), first, sender=first)
        genesis.call(vault, "rebalance", b"", sender=first)
    genesis.flush()
