"""What a prober's rows come to, each by hand."""

import pytest
from metric_samples import Run

COUNTS = ["stale_answers_used", "wild_answers_used", "limits_passed", "stuck_lots", "queue_jumps", "expiry_price_moves"]
GREATEST = [
    "round_trip_gain", "self_liquidation_gain_usd", "liquidation_harm", "close_factor_excess", "liquidation_toxicity",
    "unliquidatable_debt_usd", "accrual_gap", "share_price_push", "adl_losers_usd", "adl_past_floor_usd",
    "rebalance_excess_loss", "books_gap_usd", "stale_hour_loss_usd", "greek_gap", "quote_arbitrage_usd",
    "waterfall_skips_usd", "margin_gap_usd",
]  # fmt: skip


def tried(name, *values):
    """Rows of one attempt each, all in one block and of one subject: every one counts."""
    run = Run()
    for value in values:
        run.measures(5, name, prober_cdp=value)
    return run.metric(name)


@pytest.mark.parametrize("name", COUNTS)
def test_what_got_through_is_counted_over_all_attempts(name):
    assert tried(name, 1.0, 0.0, 1.0) == 2
    assert tried(name, 0.0, 0.0) == 0


@pytest.mark.parametrize("name", GREATEST)
def test_the_worst_attempt_counts(name):
    assert tried(name, 0.25, 3.5, 0.0) == 3.5
    assert tried(name, 0.0) == 0


def test_the_cheapest_manipulation_counts():
    assert tried("manipulation_cost_ratio", 100.0, 1.25, 7.0) == 1.25


@pytest.mark.parametrize("name", [*COUNTS, *GREATEST, "manipulation_cost_ratio"])
def test_what_was_not_tried_is_no_zero(name):
    assert Run().block(1).metric(name) is None


def test_bad_debt_less_reserve_is_negative_while_the_reserve_reaches():
    run = Run().measures(1, "shortfall_usd", cdp_ETH=30.0, cdp_BTC=10.0).measures(1, "bad_debt_usd", cdp=5.0)
    run.measures(1, "reserve_usd", cdp=100.0)
    assert run.metric("bad_debt_less_reserve_usd") == 45.0 - 100.0
    run.measures(2, "reserve_usd", cdp=20.0)
    assert run.metric("bad_debt_less_reserve_usd") == 25.0
