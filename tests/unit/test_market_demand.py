import math

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from pydantic import ValidationError

from simulator.market import DemandSettings
from simulator.market.declared import DeclaredDemand, base_fee_premium, mined_premium
from simulator.mempool import Eip1559
from simulator.streams import Streams

LIMIT = 10_000_000
GWEI = 10**9


def demand_of(
    settings: DemandSettings, *, steps: int, seed: int = 1, legacy: bool = True, limit: int = LIMIT
) -> DeclaredDemand:
    return DeclaredDemand(settings, Streams(seed), gas_limit=limit, steps=steps, step_seconds=13, legacy=legacy)


def mined(demand: DeclaredDemand, step: int) -> tuple[int, int]:
    """Gas that fits the block when the dearest comes first, and what it pays [wei]."""
    left, paid = LIMIT, 0
    for virtual in sorted(demand.block(step, 0), key=lambda virtual: -virtual.tip):
        used = min(left, virtual.gas)
        left -= used
        paid += used * virtual.tip
    return LIMIT - left, paid


@pytest.mark.parametrize(
    ("load", "load_sigma", "price_sigma", "tranches"),
    [
        (0.5, 0.3, 0.5, 24),
        (1.0, 0.2, 0.5, 24),
        (1.2, 0.0, 0.35, 24),
        (1.2, 0.2, 0.5, 24),
        (2.0, 0.0, 0.35, 24),
        (2.0, 0.2, 0.35, 24),
        (2.0, 0.2, 0.35, 6),
        (2.0, 0.2, 1.0, 24),
        (1.5, 0.3, 0.5, 200),
        (1.0, 1.0, 0.8, 24),
    ],
)
def test_the_mean_price_of_mined_gas_is_the_stated_one(load, load_sigma, price_sigma, tranches):
    blocks, price = 4000, 100.0
    demand = demand_of(
        DemandSettings(
            gas_price_gwei=price, load=load, load_sigma=load_sigma, price_sigma=price_sigma, tranches=tranches
        ),
        steps=blocks,
    )
    gas, paid = np.array([mined(demand, step) for step in range(1, blocks + 1)], dtype=float).T
    mean = paid.sum() / gas.sum() / GWEI
    # Of a ratio of sums, by its residuals; .2 % more for what is left out beyond the second order in 1/tranches.
    standard_error = np.std(paid / GWEI - mean * gas) / gas.mean() / math.sqrt(blocks)
    assert standard_error < 0.01 * price
    assert mean == pytest.approx(price, abs=3 * standard_error + 0.002 * price)


def test_the_mean_follows_knots_hour_by_hour():
    knots = ((0.0, 10.0), (2.0, 10.0), (2.1, 200.0), (4.0, 200.0))
    loads = ((0.0, 1.2), (2.0, 1.2), (2.1, 2.0), (4.0, 2.0))
    demand = demand_of(DemandSettings(gas_price_gwei=knots, load=loads, price_sigma=0.35), steps=1107)
    blocks = np.array([mined(demand, step) for step in range(1108)], dtype=float)
    hours = np.arange(1108) * 13 / 3600
    for span, price in (((0, 2), 10.0), ((2.1, 4), 200.0)):
        gas, paid = blocks[(hours >= span[0]) & (hours <= span[1])].sum(axis=0)
        assert paid / gas / GWEI == pytest.approx(price, rel=0.02)


def test_the_premium_of_a_full_block_is_the_truncated_lognormal_mean():
    steady = {"load_sigma": 0.0, "price_sigma": 1.0}
    # Twice what fits: z = 0, 2 e^(1/2) N(1) = 2 * 1.648721 * .841345; a tranche short by .5 / (2 * 24 / sqrt(2 pi)).
    many = mined_premium(np.array([2.0]), DemandSettings(**steady, tranches=1000))[0]
    few = mined_premium(np.array([2.0]), DemandSettings(**steady, tranches=24))[0]
    assert many == pytest.approx(2.774286 - 0.000627, abs=1e-6)
    assert few == pytest.approx(2.774286 - 0.026111, abs=1e-6)


@pytest.mark.parametrize("load", [0.0, 0.4, 1.0])
def test_the_premium_of_a_block_with_room_for_all_is_the_lognormal_mean(load):
    settings = DemandSettings(load_sigma=0.0, price_sigma=0.6)
    assert mined_premium(np.array([load]), settings)[0] == pytest.approx(math.exp(0.18), rel=1e-12)


@given(st.floats(0, 1000), st.floats(0, 5), st.floats(0, 5), st.integers(1, 1000))
@example(1000.0, 0.0, 5.0, 24)
def test_the_premium_is_a_number_and_at_least_that_of_all_gas(load, price_sigma, load_sigma, tranches):
    settings = DemandSettings(price_sigma=price_sigma, load_sigma=load_sigma, tranches=tranches)
    premium = mined_premium(np.array([load]), settings)[0]
    assert math.isfinite(premium)
    assert premium >= math.exp(price_sigma**2 / 2) * (1 - 1e-9)


def test_the_gas_wanted_is_the_load_times_the_limit_on_average():
    blocks, load, sigma = 20_000, 1.4, 0.3
    demand = demand_of(DemandSettings(load=load, load_sigma=sigma, tranches=2), steps=blocks)
    wanted = [sum(virtual.gas for virtual in demand.block(step, 0)) for step in range(1, blocks + 1)]
    spread = load * LIMIT * math.sqrt(math.expm1(sigma**2) / blocks)
    assert np.mean(wanted) == pytest.approx(load * LIMIT, abs=3 * spread)


def test_tranches_are_whole_wei_and_whole_gas():
    for legacy in (True, False):
        demand = demand_of(DemandSettings(gas_price_gwei=20.0, tranches=24), steps=50, legacy=legacy)
        virtuals = [virtual for step in range(1, 51) for virtual in demand.block(step, 5 * GWEI)]
        assert {(type(virtual.gas), type(virtual.tip)) for virtual in virtuals} == {(int, int)}
        assert all(virtual.gas > 0 and virtual.tip >= 0 for virtual in virtuals)


def test_every_legacy_block_has_all_its_tranches_at_once():
    demand = demand_of(DemandSettings(tranches=7), steps=600)
    for step in (1, 2, 511, 512, 513, 600):
        virtuals = demand.block(step, 0)
        assert len(virtuals) == 7
        assert len({virtual.gas for virtual in virtuals}) == 1


# ---------------------------------------------------------------------------- EIP-1559


@pytest.mark.parametrize("load", [0.65, 0.8, 1.2, 2.0])
def test_the_base_fee_settles_at_the_stated_price(load):
    blocks, price = 6000, 30.0
    demand = demand_of(
        DemandSettings(gas_price_gwei=price, load=load, price_sigma=0.5, load_sigma=0.2),
        steps=blocks,
        legacy=False,
    )
    market, fees, used = Eip1559(5 * GWEI, LIMIT), [], []
    for step in range(1, blocks + 1):
        gas = min(LIMIT, sum(virtual.gas for virtual in demand.block(step, market.base_fee)))
        fees.append(market.base_fee / GWEI)
        used.append(gas / LIMIT)
        market.advance(gas)
    assert np.mean(fees[500:]) == pytest.approx(price, rel=0.03)
    assert np.mean(used[500:]) == pytest.approx(0.5, abs=0.02)


def test_the_base_fee_premium_is_a_quantile():
    settings = DemandSettings(price_sigma=1.0)
    # Half of what is wanted at load 1, a quarter at load 2: z = 0 and .674490. Never more than nine in ten: -1.281552.
    premium = base_fee_premium(np.array([1.0, 2.0, 0.5, 0.0]), settings)
    assert np.log(premium) == pytest.approx([0.0, 0.674490, -1.281552, -1.281552], abs=1e-6)


@given(st.integers(0, 200 * GWEI))
def test_nobody_pays_more_than_he_is_ready_to_and_nobody_waits_who_could_pay(base_fee):
    settings = DemandSettings(gas_price_gwei=60.0, load=1.5, tranches=40)
    ready = demand_of(settings, steps=3, legacy=True).block(1, 0)
    offered = demand_of(settings.model_copy(), steps=3, legacy=False).block(1, base_fee)
    # The same draws: the level alone differs, by the two premiums.
    scale = (mined_premium(np.array([1.5]), settings) / base_fee_premium(np.array([1.5]), settings))[0]
    prices = [virtual.tip * scale for virtual in ready]
    assert abs(len(offered) - sum(price >= base_fee for price in prices)) <= sum(abs(p - base_fee) < 10 for p in prices)
    payers = [price for price in prices if price >= base_fee]
    for virtual, price in zip(offered, payers, strict=False):
        assert virtual.tip == pytest.approx(min(price / 10, price - base_fee), abs=10)
        assert virtual.tip >= 0


# ------------------------------------------------------------------------------ streams


def blocks_of(settings: DemandSettings, steps: int, seed: int = 1, *, ask: range | None = None):
    demand = demand_of(settings, steps=steps, seed=seed)
    return {step: list(demand.block(step, 0)) for step in ask or range(steps + 1)}


def test_the_same_seed_gives_the_same_blocks_and_another_does_not():
    assert blocks_of(DemandSettings(), 700) == blocks_of(DemandSettings(), 700)
    assert blocks_of(DemandSettings(), 700) != blocks_of(DemandSettings(), 700, seed=2)


def test_a_longer_run_begins_as_the_shorter_one():
    short, long = blocks_of(DemandSettings(), 700), blocks_of(DemandSettings(), 1500)
    assert all(long[step] == block for step, block in short.items())


def test_slots_that_nobody_asks_for_change_nothing():
    every, some = blocks_of(DemandSettings(), 1500), blocks_of(DemandSettings(), 1500, ask=range(3, 1501, 300))
    assert all(every[step] == block for step, block in some.items())


def test_other_streams_do_not_disturb_it():
    streams = Streams(1)
    streams.generator("market/ETH").random(1000)
    demand = DeclaredDemand(DemandSettings(), streams, gas_limit=LIMIT, steps=10, step_seconds=13, legacy=True)
    assert list(demand.block(4, 0)) == blocks_of(DemandSettings(), 10)[4]


# ----------------------------------------------------------------------------- settings


@pytest.mark.parametrize(
    "settings",
    [
        {"gas_price_gwei": -1},
        {"gas_price_gwei": ((0, 1.0), (0, 2.0))},
        {"gas_price_gwei": ((1, 1.0), (0, 2.0))},
        {"gas_price_gwei": ((0, -1.0),)},
        {"gas_price_gwei": ()},
        {"gas_price_gwei": 1e7},
        {"load": -0.1},
        {"load": 1001},
        {"load": ((0, 1e9),)},
        {"price_sigma": -1},
        {"load_sigma": 6},
        {"tranches": 0},
        {"laod": 1},
    ],
)
def test_impossible_demand_is_refused(settings):
    with pytest.raises(ValidationError):
        DemandSettings(**settings)


@pytest.mark.parametrize("legacy", [True, False])
@pytest.mark.parametrize(
    "settings",
    [
        {"gas_price_gwei": 1e6, "price_sigma": 5.0, "load": 1000.0, "load_sigma": 5.0, "tranches": 3},
        {"gas_price_gwei": 1e6, "price_sigma": 5.0, "load": 0.5},
        {"load": 0.0},
        {"price_sigma": 0.0, "load_sigma": 0.0, "load": 3.0},
        {"gas_price_gwei": 0.0},
    ],
)
def test_the_widest_settings_still_give_whole_amounts_that_are_not_negative(settings, legacy):
    demand = demand_of(DemandSettings(**settings), steps=600, legacy=legacy)
    virtuals = [virtual for step in range(601) for virtual in demand.block(step, GWEI)]
    assert all(virtual.gas >= 0 and virtual.tip >= 0 for virtual in virtuals)
    assert len(virtuals) == 601 * demand_tranches(settings) or not legacy


def demand_tranches(settings: dict[str, float]) -> int:
    return DemandSettings(**settings).tranches
