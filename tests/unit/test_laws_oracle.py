"""The laws of feeds hold, and would not by a worse reporter."""

import pytest

from simulator.results import run_scenario
from simulator.validation.catalogue import chosen
from simulator.validation.law import judge
from simulator.validation.oracle import Feed, reports_of, too_far


@pytest.mark.parametrize("law", chosen(["oracle"]), ids=lambda law: law.name)
def test_a_law_of_feeds_holds(law):
    finding = judge(law)
    assert finding.verdict == "holds", finding.result


def test_the_count_is_far_from_that_of_a_price_seen_at_every_moment():
    feed = Feed(0.005, 0.9, 60)
    watched = feed._replace(step=1).reports_a_second
    assert watched > 1.2 * feed.reports_a_second
    assert reports_of(Feed(0.02, 0.8, 600), seed=5).holds


def test_a_reporter_that_waits_for_its_report_to_leave_breaks_the_bound():
    feed = Feed(0.0005, 1.0, 2, 31.0)
    late = run_scenario(feed.scenario(2.0, {"watches_on": False}), seed=6, gas="fast")
    assert len(too_far(late, feed)) > 100


def test_a_report_that_comes_one_step_too_late_breaks_the_bound():
    feed = Feed(0.001, 0.8, 12)
    late = run_scenario(feed.scenario(10.0, {"latency_seconds": 13}), seed=1, gas="fast")
    assert len(too_far(late, feed)) > 10
