"""Each fault of a feed shows on chain what it is known by."""

import math

import numpy as np
import pytest
from feed_samples import STEP, Seen, fault, feed

from simulator.agents.sight import Sight
from simulator.errors import ConfigError

FLAT = {"process": "constant", "price": 100.0}
SLIDE = {"process": "replay", "knots": [[0, 100.0], [6, 40.0]]}  # 0.17 a minute
WILD = {"process": "gbm", "price": 100.0, "volatility": 2.0}
HOUR = 3600


def gaps(seen, start, end):
    rows = seen.between(start, end)
    return np.abs(rows["oracle"] / rows["market"] - 1)


def waits(seen):
    return np.diff([report.sent for report in seen.reports]).tolist()


def test_a_fault_that_never_comes_changes_nothing():
    plain = Seen(feed(WILD))
    never = [fault("peg", 7, price=1.0), fault("wick", 3, 3, factor=5.0), fault("twap", 8, window_seconds=60)]
    assert Seen(feed(WILD, never)).result.digest == plain.result.digest
    assert Seen(feed(WILD, [fault("peg", 5, price=1.0)])).result.digest != plain.result.digest


def test_a_stretched_heartbeat_is_that_until_it_is_over():
    seen = Seen(feed(FLAT, [fault("heartbeat", 1, 3.25, heartbeat_seconds=3600)]))
    # The report of hour 1 is due as before; at a quarter past three the old heartbeat is overdue.
    sent = [report.sent for report in seen.reports if report.sent <= 4 * HOUR]
    assert sent == [600, 1200, 1800, 2400, 3000, 6600, 10200, 11700, 12300, 12900, 13500, 14100]
    assert seen.metrics["oracle_lag_seconds_max"] == 3600 - STEP  # at the last block before the next


def test_without_heartbeat_and_deviation_nothing_is_reported():
    assert Seen(feed(WILD, heartbeat_seconds=0, deviation=0.0)).reports == []
    silent = [fault("heartbeat", heartbeat_seconds=0), fault("deviation", deviation=0)]
    assert Seen(feed(WILD, silent)).reports == []


def test_a_wider_threshold_lets_the_feed_fall_behind_by_it():
    seen = Seen(feed(SLIDE, [fault("deviation", 2, 4, deviation=0.2)], heartbeat_seconds=0))
    assert gaps(seen, 0.2, 2).max() < 0.02
    assert 0.2 < gaps(seen, 2, 4.1).max() < 0.26  # a fifth of the answer is a quarter of what is left
    assert gaps(seen, 4.1, 6).max() < 0.03


def test_a_threshold_that_ends_at_a_step_is_not_that_of_the_step():
    faults = [fault("deviation", 0, STEP / HOUR, deviation=0.001)]
    assert Seen(feed(SLIDE, faults, heartbeat_seconds=0, deviation=0.0)).reports == []


@pytest.mark.parametrize("latency", [60, 90, 900])
def test_latency_is_the_time_from_what_was_seen_to_what_was_sent(latency):
    seen = Seen(feed(SLIDE, [fault("latency", 1, 3, latency_seconds=latency)], deviation=0.0))
    slow = [report for report in seen.reports if report.sent >= HOUR + latency][:12]
    for number, report in enumerate(slow):
        looked = report.sent - latency
        assert looked == HOUR + 600 * number
        assert report.answer == round(seen.rows["market"][looked] * 1e8)
        assert 0 <= report.block - report.sent <= STEP
    assert gaps(seen, 3.5, 6).max() < gaps(seen, 1.5, 3).max()


def test_reports_leave_in_the_order_in_which_they_were_seen():
    faults = [fault("latency", 1, 2, latency_seconds=3000)]
    seen = Seen(feed(SLIDE, faults, deviation=0.0))
    answers = [report.answer for report in seen.reports]
    assert answers == sorted(answers, reverse=True)
    # What is seen at 2:00 and until 2:40 leaves with the last slow one, seen at 1:50.
    assert sum(report.sent == 110 * 60 + 3000 for report in seen.reports) == 6


@pytest.mark.parametrize("how", [{"outages": [(2.0, 4.0)]}, {"faults": [fault("stall", 2, 4)]}])
def test_a_stalled_reporter_is_silent_and_reports_at_once_when_it_is_back(how):
    seen = Seen(feed(SLIDE, **how))
    assert not [report for report in seen.reports if 2 * HOUR <= report.sent < 4 * HOUR]
    assert any(report.sent == 4 * HOUR for report in seen.reports)
    assert seen.metrics["oracle_lag_seconds_max"] >= 2 * HOUR
    assert len(set(seen.between(2.05, 4)["oracle"])) == 1


def test_an_outage_is_a_stall_without_a_name():
    assert (
        Seen(feed(WILD, outages=[(1.0, 2.0)])).result.digest == Seen(feed(WILD, [fault("stall", 1, 2)])).result.digest
    )


def test_a_stuck_price_has_fresh_timestamps_so_it_is_a_gap_and_no_lag():
    seen = Seen(feed(SLIDE, [fault("stuck", 2, 5)]))
    frozen = seen.rows["market"][2 * HOUR]
    during = seen.between(2.2, 5)
    assert np.allclose(during["oracle"], frozen, rtol=0, atol=1e-8)
    assert (during.index - during["since"]).max() <= 600 + STEP
    assert seen.metrics["oracle_lag_seconds_max"] <= 600 + STEP
    assert seen.metrics["oracle_gap_max"] == pytest.approx(frozen / seen.rows["market"][5 * HOUR] - 1, rel=0.01)
    assert gaps(seen, 5.05, 6).max() < 0.03


def test_a_stall_is_a_lag_and_a_stuck_price_is_none():
    stalled, stuck = (Seen(feed(FLAT, [fault(kind, 2, 5)])) for kind in ("stall", "stuck"))
    assert stalled.metrics["oracle_lag_seconds_max"] >= 3 * HOUR > 1000 > stuck.metrics["oracle_lag_seconds_max"]


def test_a_peg_is_its_value_whatever_the_market_does():
    seen = Seen(feed(SLIDE, [fault("peg", 1, price=95.0)]))
    assert (seen.between(1.05, 6)["oracle"] == 95.0).all()
    assert (seen.rows.index - seen.rows["since"]).max() <= 600 + STEP
    assert seen.metrics["oracle_gap_max"] == pytest.approx(95 / 40 - 1)


def test_a_peg_from_the_start_is_seen_at_the_first_step():
    seen = Seen(feed(FLAT, [fault("peg", price=1.0)], heartbeat_seconds=0))
    assert seen.reports == [(STEP, 2 * STEP, 10**8)]


def test_a_twap_lags_by_half_its_window_and_is_whole_from_its_first_report():
    window = 1800
    seen = Seen(feed(SLIDE, [fault("twap", 2, 4, window_seconds=window)], deviation=0.0))
    (first, *_) = (report for report in seen.reports if report.sent >= 2 * HOUR)
    market = seen.rows["market"]
    assert first.answer == pytest.approx(1e8 * market.loc[first.sent - window + STEP : first.sent].mean(), abs=1)
    late = [market[r.sent - window // 2] / (r.answer * 1e-8) for r in seen.reports if 2 * HOUR <= r.sent < 4 * HOUR]
    assert np.allclose(late, 1, atol=0.002)
    assert len(late) == 12


def test_a_wick_of_the_only_source_is_in_the_feed():
    seen = Seen(feed(FLAT, [fault("wick", 2, 3, factor=1.5)]))
    assert (seen.between(2.05, 3)["oracle"] == 150).all()
    assert (seen.between(3.05, 6)["oracle"] == 100).all()
    assert seen.metrics["oracle_gap_max"] == 0.5


def test_a_decaying_wick_halves_in_its_half_life():
    seen = Seen(feed(FLAT, [fault("wick", 2, 5, factor=3.0, half_life_seconds=1800)]))
    for report in seen.reports:
        if 2 * HOUR <= report.sent < 5 * HOUR:
            assert report.answer == pytest.approx(1e8 * (100 + 200 * 0.5 ** ((report.sent - 2 * HOUR) / 1800)), abs=1)
    steps = [report for report in seen.reports if 2 * HOUR < report.sent < 5 * HOUR]
    assert len(steps) > 40  # each loss of 1 % is news, not only each heartbeat
    assert seen.rows["oracle"].max() == 300


def test_one_wick_among_three_sources_is_not_in_the_feed():
    seen = Seen(feed(WILD, [fault("wick", 2, 3, factor=1.5, source=1)], sources={"count": 3}))
    assert seen.result.digest == Seen(feed(WILD)).result.digest


@pytest.mark.parametrize(("count", "liars"), [(3, 1), (9, 4), (5, 2), (4, 1)])
@pytest.mark.parametrize("lie", [{"factor": 0.1}, {"price": 1e6}])
def test_liars_below_half_change_nothing_where_sources_agree(count, liars, lie):
    seen = Seen(feed(FLAT, [fault("liars", 1, 5, liars=liars, **lie)], sources={"count": count}))
    assert (seen.rows["oracle"] == 100).all()


@pytest.mark.parametrize(("count", "liars"), [(1, 1), (3, 2), (9, 5), (4, 3)])
@pytest.mark.parametrize(("lie", "price"), [({"factor": 0.1}, 10.0), ({"price": 1e6}, 1e6)])
def test_liars_above_half_say_the_price(count, liars, lie, price):
    seen = Seen(feed(FLAT, [fault("liars", 1, 5, liars=liars, **lie)], sources={"count": count}))
    assert (seen.between(1.05, 5)["oracle"] == price).all()
    assert (seen.between(5.05, 6)["oracle"] == 100).all()


def test_exactly_half_of_the_sources_say_half_of_the_price():
    seen = Seen(feed(FLAT, [fault("liars", 1, liars=2, price=300.0)], sources={"count": 4}))
    assert (seen.between(1.05, 6)["oracle"] == 200).all()


def test_liars_below_half_move_a_noisy_median_no_further_than_honest_sources_reach():
    sources = {"count": 9, "noise": 0.01}
    seen = Seen(feed(FLAT, [fault("liars", liars=4, price=1e6)], sources=sources, heartbeat_seconds=60, deviation=0.0))
    said = np.array([report.answer for report in seen.reports]) * 1e-8
    assert said.max() < 100 * math.exp(0.01 * 5)
    # The median is then the highest of five honest errors, whose mean is 1.163 sd.
    assert np.log(said / 100).mean() == pytest.approx(0.01163, abs=4 * 0.0067 / math.sqrt(len(said)))


def test_the_noise_of_a_median_falls_with_the_sources_and_is_seeded():
    def errors(count, seed=7):
        run = feed(FLAT, sources={"count": count, "noise": 0.01}, heartbeat_seconds=60, deviation=0.0, hours=40.0)
        return [math.log(report.answer * 1e-10) for report in Seen(run, seed).reports]

    one, nine = errors(1), errors(9)
    assert len(one) == len(nine) == 2399
    assert np.std(one) == pytest.approx(0.01, rel=0.06)
    assert np.std(nine) == pytest.approx(0.01 * 0.4075, rel=0.06)  # sd of the median of nine normals
    assert np.mean(nine) == pytest.approx(0, abs=4 * 0.0041 / math.sqrt(2399))
    assert errors(1) == one != errors(1, seed=8)


def test_a_source_more_leaves_the_errors_of_the_others():
    quiet = {"heartbeat_seconds": 60, "deviation": 0.0}
    alone = Seen(feed(FLAT, sources={"count": 1, "noise": 0.01}, **quiet))
    # The first of three, between two who are far off on either side.
    faults = [fault("wick", source=1, factor=10.0), fault("wick", source=2, factor=0.1)]
    assert Seen(feed(FLAT, faults, sources={"count": 3, "noise": 0.01}, **quiet)).reports == alone.reports


def test_a_venue_that_there_is_not_is_refused():
    with pytest.raises(ConfigError, match=r'market\.ETH has no venue "deep"') as refused:
        Seen(feed(FLAT, sources={"count": 2, "venues": ["", "deep"]}))
    assert refused.value.where == "oracle.ETH.sources.venues[1]"


class TwoVenues:
    """A desk at a market where the pool is a tenth below the reference."""

    block_seconds = STEP

    @property
    def market(self):
        return self

    def venues(self, asset):
        return ["pool"]

    def price(self, asset, venue=""):
        return 90.0 if venue else 100.0

    def stream(self, name):
        raise AssertionError(name)


@pytest.mark.parametrize(
    ("venues", "price"), [(["pool"], 100.0), (["pool", "pool"], 90.0), (["pool", "", "pool"], 90.0)]
)
def test_a_source_looks_at_its_venue(venues, price):
    settings = feed(FLAT, sources={"count": 3, "venues": venues}).oracle["ETH"]
    sight = Sight(TwoVenues(), "ETH", settings)
    sight.move(0.0, stepped=True)
    assert sight.report(0.0) == price
    assert sight.scale is None  # so each step is looked at: no level of the reference price says when it is due


# ------------------------------------------------------------------ a chain that is down


def test_while_the_chain_is_down_the_pool_waits_for_its_first_block():
    seen = Seen(feed(SLIDE, chain={"outages": [(2.0, 4.0)]}))
    times = {report.block for report in seen.reports}
    assert not [time for time in times if 2 * HOUR <= time < 4 * HOUR]
    waiting = [report for report in seen.reports if 2 * HOUR <= report.sent < 4 * HOUR]
    assert len(waiting) > 12
    assert {report.block for report in waiting} == {4 * HOUR}
    assert seen.metrics["blocks"] == 6 * 60 - 2 * 60
    assert seen.metrics["oracle_lag_seconds_max"] > 2 * HOUR
    rows = seen.between(2, 4 - 1 / 60)
    assert rows["oracle"].nunique() == 1
    assert (seen.between(4, 4)["oracle"] - waiting[-1].answer * 1e-8).abs().max() < 1e-9


def test_overlapping_outages_of_the_chain_are_one():
    together = Seen(feed(SLIDE, chain={"outages": [(1.0, 3.0), (2.0, 4.0)]}))
    assert together.result.digest == Seen(feed(SLIDE, chain={"outages": [(1.0, 4.0)]})).result.digest


GUARDED = {"sequencer_grace_seconds": 1800, "gas": {"multiple": 20.0}}


def test_a_sequencer_is_known_to_have_been_down_before_anything_else_happens():
    seen = Seen(feed(SLIDE, chain={"outages": [(2.0, 4.0)]}, **GUARDED))
    sent = seen.result.transactions
    first = sent[sent["block"] == sent.loc[sent["action"] == "report-uptime", "block"].min()].sort_values("index")
    assert first["action"].tolist()[:3] == ["report-uptime", "report-uptime", "report"]
    assert len(first) > 12  # prices that waited pay more than the market asks, and are behind it all the same


def test_there_is_no_price_until_the_grace_after_an_outage_is_over():
    seen = Seen(feed(SLIDE, chain={"outages": [(2.0, 4.0)]}, **GUARDED))
    there = np.isfinite(seen.rows["oracle"])
    assert there.loc[: 4 * HOUR - STEP].all()  # nobody can read it meanwhile, but nobody said that it is down
    assert not there.loc[4 * HOUR : 4 * HOUR + 1800].any()
    assert there.loc[4 * HOUR + 1800 + STEP :].all()


@pytest.mark.parametrize("spans", [[(1.0, 3.0), (2.0, 4.0)], [(1.0, 4.0), (2.0, 3.0)], [(1.0, 2.0), (2.0, 4.0)]])
def test_the_uptime_of_overlapping_outages_is_that_of_one(spans):
    together = Seen(feed(SLIDE, chain={"outages": spans}, **GUARDED))
    assert together.metrics["unexpected_reverts"] == 0
    assert together.result.digest == Seen(feed(SLIDE, chain={"outages": [(1.0, 4.0)]}, **GUARDED)).result.digest


def test_an_outage_of_no_length_is_none():
    never = Seen(feed(SLIDE, chain={"outages": [(2.0, 2.0)]}, **GUARDED))
    assert never.result.digest == Seen(feed(SLIDE, **GUARDED)).result.digest
