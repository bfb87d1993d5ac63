"""The option storms that ship tell their stories, and where a loss falls is told to the last digit."""

import json
from collections import defaultdict
from itertools import groupby

import pytest

from simulator import load, run

SEED = 7
FEWER = {"chain.block_seconds": 36}  # a third of the blocks


def told(name, **changes):
    result = run(load(name, **FEWER, **changes), seed=SEED, gas="fast")
    assert result.manifest["status"] == "complete"
    assert result.metrics["unexpected_reverts"] == 0
    return result


@pytest.fixture(scope="module")
def spike():
    return told("vol-spike-august-5")


@pytest.fixture(scope="module")
def gap():
    return told("put-seller-gap")


def measured(result, name, protocol="options"):
    rows = result.measures
    return rows[(rows["protocol"] == protocol) & (rows["name"] == name)]["value"].astype(float)


def emitted(result, *names):
    """What the market's contracts emitted, in order: block, name, arguments with integers as such."""
    rows = result.events[(result.events["protocol"] == "options") & result.events["name"].isin(names)]
    rows = rows[rows["log"].notna()].sort_values(["block", "index", "log"], kind="stable")
    for block, index, name, args in zip(rows["block"], rows["index"], rows["name"], rows["args"], strict=True):
        yield (int(block), int(index)), name, {key: _whole(value) for key, value in json.loads(args).items()}


def _whole(value):
    try:
        return int(value)
    except (TypeError, ValueError):
        return value


def agents_of(result):
    rows = result.transactions
    return dict(zip(rows["sender"], rows["agent"], strict=True))


# ------------------------------------------------------------- volatility spikes, 5 August


def test_volatility_spikes_and_the_surface_halts_once_its_sources_speak_again(spike):
    quoted = measured(spike, "quoted_volatility_7d")
    assert quoted.max() > 1.3 * quoted.iloc[0]
    halts = list(emitted(spike, "SurfaceHalted"))
    assert len(halts) >= 1
    times = spike.blocks.set_index("block")["time"]
    hour = (times[halts[0][0][0]] - times.iloc[0]) / 3600
    assert 17.3 < hour < 17.6


def test_hunters_buy_volatility_while_the_surface_is_silent(spike):
    agents, times = agents_of(spike), spike.blocks.set_index("block")["time"]
    bought = defaultdict(int)
    for (block, _), _, args in emitted(spike, "OptionTraded"):
        hour = (times[block] - times.iloc[0]) / 3600
        if agents[args["account"]] == "hunters" and 17.1 < hour < 17.4:
            bought[args["sizeDelta"] > 0] += 1
    assert bought[True] >= 3
    assert bought[True] > bought[False]


def test_those_who_wrote_with_borrowed_money_are_bought_back_and_pay_for_it_themselves(spike):
    agents = agents_of(spike)
    lost = [args for _, _, args in emitted(spike, "PositionLiquidated")]
    assert len(lost) >= 15
    assert {agents[args["account"]] for args in lost} <= {"sellers", "gamblers", "hunters"}
    assert sum(args["deficit"] for args in lost) < 0.02 * sum(args["cost"] for args in lost)
    assert spike.metrics["bad_debt_usd"] == 0


def test_fear_drives_the_demand_for_protection(spike):
    agents, times = agents_of(spike), spike.blocks.set_index("block")["time"]
    bought = defaultdict(int)
    for (block, _), _, args in emitted(spike, "OptionTraded"):
        if agents[args["account"]] == "holders" and args["sizeDelta"] > 0:
            bought[(times[block] - times.iloc[0]) / 3600 > 9] += 1  # from then on the price falls
    assert bought[False] >= 5
    assert bought[True] > 3 * bought[False]


# ----------------------------------------------------------------------- gamma squeeze


def gaps(result):
    """The market's price over the one outside, less 1."""
    rows = result.prices[result.prices["asset"] == "ETH"]
    return rows["market"] / rows["exogenous"] - 1


def test_hedging_lifts_the_rise_and_deepens_what_follows():
    squeezed = told("gamma-squeeze")
    idle = told("gamma-squeeze", **{"makers.hedge.capital_usd": 0})
    assert (gaps(idle) == 0).all()  # nobody else trades the asset
    assert gaps(squeezed).max() > 0.015
    assert gaps(squeezed).min() < -0.01  # once the calls have expired they sell
    assert squeezed.metrics["cascade_amplification"] > 1.5
    bought = [
        sum(args["sizeDelta"] for _, _, args in emitted(result, "OptionTraded") if args["sizeDelta"] > 0)
        for result in (squeezed, idle)
    ]
    assert bought[0] > bought[1]  # the rise that it feeds brings more who fear to miss it
    size = measured(squeezed, "hedge_size", "makers")
    assert size.max() > 500
    assert measured(squeezed, "hedge_costs_usd", "makers").max() > 0


# --------------------------------------------------------------------- put sellers, a gap


def walk(result):
    """Every loss with what had happened in its transaction; the fund and the pool's money are followed to the wei."""
    fund = pool = None  # before the first of its events
    losses = []
    names = ("FundChanged", "PoolChanged", "LossAbsorbed", "PositionLiquidated", "PositionChanged", "PositionSettled")
    for _, group in groupby(emitted(result, *names), key=lambda one: one[0]):
        seen = defaultdict(list)
        for _, name, args in group:
            seen[name].append(args)
            if name == "FundChanged":
                assert fund in (None, args["fund"] - args["change"])
                fund = args["fund"]
            elif name == "PoolChanged":
                assert pool in (None, args["poolCash"] - args["change"])
                pool = args["poolCash"]
        losses.append((seen, fund))
    return [loss for loss in losses if loss[0]["LossAbsorbed"] or loss[0]["PositionSettled"]]


def the_order_holds(result):
    """Collateral, then the fund, then the pool, then those who are owed; how much each of them lost [wad]."""
    lost = defaultdict(int)
    for seen, fund in walk(result):
        for absorbed in seen["LossAbsorbed"]:
            (whole,) = [
                args["deficit"] if name == "PositionLiquidated" else args["unpaid"] + absorbed["fromFund"]
                for name in ("PositionLiquidated", "PositionSettled")
                for args in seen[name]
            ]
            assert absorbed["fromFund"] + absorbed["fromPool"] == whole > 0
            assert all(args["collateral"] == 0 for args in seen["PositionChanged"])  # first all that was posted
            assert absorbed["fromPool"] == 0 or fund == 0  # then all of the fund
            lost["fund"] += absorbed["fromFund"]
            lost["pool"] += absorbed["fromPool"]
            for args in seen["PositionLiquidated"]:
                lost["collateral"] += args["cost"] - args["deficit"]
                (moved,) = seen["PoolChanged"]
                assert moved["change"] == args["cost"] - absorbed["fromPool"]
        for args in seen["PositionSettled"]:
            if args["size"] > 0 and args["unpaid"]:
                assert fund == 0
                lost["longs"] += args["unpaid"]
    return lost


def test_the_loss_falls_on_collateral_then_the_fund_then_the_pool_to_the_wei(gap):
    lost = the_order_holds(gap)
    assert lost["collateral"] > 300_000 * 10**18
    assert lost["fund"] > 100_000 * 10**18  # all that it had, fees included
    assert lost["pool"] > 100_000 * 10**18
    assert lost["longs"] == 0
    assert gap.metrics["bad_debt_usd"] == 0


# One strike, as many bought as written, and next to nothing of the pool's own between them.
POOR = {
    "options.pool.liquidity_usd": 20_000, "makers.capital_usd": 20_000, "options.fund_usd": 10_000,
    "holders.insured": 1.0,
    "weekly-sellers.count": 0, "planners.count": 0, "hunters.count": 0,
}  # fmt: skip


def test_what_a_poor_pool_cannot_pay_those_who_bought_lose():
    poor = told("put-seller-gap", **POOR)
    lost = the_order_holds(poor)
    assert lost["pool"] > 0
    assert lost["longs"] > 0
    assert measured(poor, "shortfall_usd").iloc[-1] == 0  # what is not paid is recorded as unpaid
    assert measured(poor, "bad_debt_usd").iloc[-1] == pytest.approx(lost["longs"] / 1e18, rel=2e-3)
    assert poor.metrics["bad_debt_usd"] >= measured(poor, "bad_debt_usd").iloc[-1]  # with what the pool still owes


def test_a_gap_is_what_leverage_pays_for_and_a_slide_is_not(gap):
    slide = told("put-seller-gap", **{"market.ETH.knots": [[0, 2650.0], [9, 2650.0], [18, 1770.0], [26, 1860.0]]})
    lost = the_order_holds(slide)
    assert lost["fund"] + lost["pool"] < 0.05 * (the_order_holds(gap)["fund"] + the_order_holds(gap)["pool"])
