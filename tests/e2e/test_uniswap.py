"""Uniswap V3's own bytecode as the pool of our storms: one table changes, agents and metrics stay."""

import json
from collections.abc import Iterator

import pytest
from nodes import need_anvil
from npm_parts import uniswap  # noqa: F401

from simulator import load, run
from simulator.chain.revm import RevmChain
from simulator.chain.types import Address, BlockEnv, Receipt, Transaction
from simulator.digest import Digest
from simulator.observer import Observer
from simulator.protocols.base import Pool
from simulator.protocols.uniswap import UniswapPool, bounds_of
from simulator.results import RunResult
from simulator.units import WAD
from simulator.world import World

pytestmark = pytest.mark.usefixtures("uniswap")
TABLE = {"pool.protocol": "uniswap-v3", "pool.liquidity_usd": 2_000_000}
NARROW = TABLE | {"pool.range": 0.12}
SMALL = {"borrowers.count": 80, "world.hours": 3.2, "pool.liquidity_usd": 700_000, "liquidators.capital_usd": 60_000,
         "world.sample_minutes": 30}  # fmt: skip


@pytest.fixture(scope="module")
def storm() -> RunResult:
    return run(load("flash-crash", **TABLE))


def world_of(seed: int = 7, **changes: object) -> World:
    scenario = load("flash-crash", **TABLE | SMALL | changes)
    chain = scenario.chain
    engine = RevmChain("exact", chain_id=chain.id, gas_limit=chain.gas_limit, coinbase=Address(chain.coinbase))
    return World(scenario, seed, engine, Observer(None, Digest()))


def pool_of(world: World) -> UniswapPool:
    (pool,) = world.capabilities(Pool)
    assert isinstance(pool, UniswapPool)
    return pool


def steps(world: World, every: int) -> Iterator[int]:
    for step in range(every, world.steps + 1, every):
        world.run_to(step)
        yield step


def swapped(world: World, pool: UniswapPool, sell_base: bool, amount: int) -> tuple[int, int, int]:
    """What a swap in the next block takes and gives, and the price's root after it; the chain is as before."""
    chain = world.chain
    token = world.tokens[pool.assets[0 if sell_base else 1]]
    other = world.tokens[pool.assets[1 if sell_base else 0]]
    trader = next(a for a in world.agents if a.desk.agent == "arbitrageurs").desk.address  # who has both
    held = [int(each.read(chain, "balanceOf", trader)) for each in (token, other)]
    mark = chain.snapshot()
    try:
        call = pool.swap(sell_base, min(amount, held[0]), 0, trader)
        env = BlockEnv(world.number + 1, world.now + 12, 0, world.scenario.chain.gas_limit)
        tx = Transaction(trader, chain.nonce(trader), call.to, call.data, 0, call.gas, 0, 0)
        (receipt,) = chain.execute(env, [tx])
        assert isinstance(receipt, Receipt)
        assert receipt.status, pool.contract.abi.decode_revert(receipt.output)
        left = [int(each.read(chain, "balanceOf", trader)) for each in (token, other)]
        return held[0] - left[0], left[1] - held[1], pool.contract.read(chain, "slot0")[0]
    finally:
        chain.revert(mark)


# ------------------------------------------------------------------ in a storm


def test_every_agent_of_the_storm_uses_it(storm):
    transactions = storm.transactions
    done = transactions[transactions["status"] == "included"].groupby(["agent", "action"]).size()
    for acted in (("traders", "swap"), ("arbitrageurs", "swap"), ("flash-liquidators", "liquidate")):
        assert done[acted] > 10, acted
    assert storm.metrics["unexpected_reverts"] == 0
    assert {"UniswapV3Factory", "SwapRouter", "Quoter", "NonfungiblePositionManager"} <= set(storm.manifest["bytecode"])


def test_arbitrage_keeps_it_at_the_market(storm):
    """A pool of the same fee and depth of ours is held as near."""
    ours = run(load("flash-crash", **{"pool.liquidity_usd": 2_000_000}))
    gaps = []
    for result in (storm, ours):
        prices = result.prices[result.prices["asset"] == "ETH"].dropna(subset=["pool"])
        gaps.append((prices["pool"] / prices["market"] - 1).abs().quantile(0.9))
    assert gaps[0] == pytest.approx(gaps[1], abs=0.003)
    assert gaps[0] < 0.02


def test_a_position_that_ends_stops_the_price_there_and_lets_it_come_back():
    result = run(load("flash-crash", **NARROW))
    prices = result.prices[result.prices["asset"] == "ETH"].dropna(subset=["pool"])
    first = prices["pool"].iloc[0]
    lowest = prices["pool"].min() / first
    assert lowest == pytest.approx(1 / 1.12, abs=0.01)  # the market falls by a third
    assert prices["market"].min() / first < 0.7
    assert prices["pool"].iloc[-1] / prices["market"].iloc[-1] == pytest.approx(1, abs=0.02)
    assert result.metrics["unexpected_reverts"] == 0


# ------------------------------------------------------------------- the mirror


@pytest.mark.parametrize("seed", [1, 2, 3, 4])
def test_price_and_liquidity_are_the_pools_own_to_the_digit(seed):
    world = world_of(seed)
    pool = pool_of(world)
    for _ in steps(world, 60):
        assert pool.root == pool.contract.read(world.chain, "slot0")[0]
        assert pool.liquidity == pool.contract.read(world.chain, "liquidity") > 0
    assert len({pool_of(world_of(each)).base_first for each in (1, 2, 3, 4)}) == 2  # both orders of tokens


@pytest.mark.parametrize("width", [0.0, 0.5])
@pytest.mark.parametrize("sell_base", [True, False], ids=["base", "quote"])
@pytest.mark.parametrize("fee", [0.0005, 0.003, 0.0123])
def test_a_quote_is_what_a_swap_gives_and_that_of_a_constant_product(width, sell_base, fee):
    world = world_of(**{"pool.range": width, "pool.fee": fee})
    pool = pool_of(world)
    world.run_to(50)
    for share in (1e-6, 1e-4, 0.01):
        inside, outside = pool.reserves if sell_base else pool.reserves[::-1]
        amount = int(inside * share)
        taken, given, _ = swapped(world, pool, sell_base, amount)
        assert pool.quote(sell_base, taken) == given
        kept = taken * (1 - pool.fee)
        assert given == pytest.approx(outside * kept / (inside + kept), rel=1e-9)


@pytest.mark.parametrize("sell_base", [True, False], ids=["base", "quote"])
@pytest.mark.parametrize("seed", [1, 2, 3, 4])
def test_the_most_it_takes_brings_it_to_the_positions_bound(sell_base, seed):
    world = world_of(seed, **{"pool.range": 0.002, "pool.liquidity_usd": 20_000})
    pool = pool_of(world)
    most = pool.most(sell_base)
    assert pool.quote(sell_base, most) == pytest.approx(pool.quote(sell_base, 2 * most), rel=1e-9)
    taken, given, root = swapped(world, pool, sell_base, 2 * most)
    assert taken == pytest.approx(most, rel=1e-9)
    assert given == pytest.approx(pool.quote(sell_base, most), rel=1e-9)
    assert root == pool.limit(sell_base)


def test_what_it_holds_is_what_the_provider_brought():
    for width in (0.0, 0.12):
        world = world_of(**{"pool.range": width})
        pool = pool_of(world)
        held = pool.held()
        there = [world.tokens[a].read(world.chain, "balanceOf", pool.contract.address) / WAD for a in pool.assets]
        assert held == pytest.approx(tuple(there), rel=1e-9)
        assert there[1] == pytest.approx(700_000, rel=0.03)


def test_bounds_hold_the_first_price_between_them():
    for price in (1e-4, 0.9, 2500.0):
        for width in (0.001, 0.1, 3.0):
            bounds = bounds_of(price, width, 60)
            assert 1.0001**bounds.lower <= price / (1 + width) < price * (1 + width) <= 1.0001**bounds.upper
            assert bounds.lower % 60 == bounds.upper % 60 == 0
            assert 1.0001**bounds.lower < (bounds.lowest / 2**96) ** 2 < (bounds.highest / 2**96) ** 2
            assert (bounds.highest / 2**96) ** 2 < 1.0001**bounds.upper
    assert bounds_of(1.0, 0.0, 60) == (-887_220, 887_220, 0, 0)


# ---------------------------------------------------------------- whole runs


@pytest.mark.anvil
@pytest.mark.parametrize("table", [TABLE, NARROW], ids=["full", "narrow"])
def test_an_embedded_chain_and_a_node_give_one_digest(table):
    need_anvil()
    here, there = (run(load("flash-crash", **table | SMALL), chain=name) for name in ("revm", "anvil"))
    assert json.loads(json.dumps(here.metrics)) == json.loads(json.dumps(there.metrics))
    assert here.digest == there.digest
    assert here.metrics["liquidations"] > 3
