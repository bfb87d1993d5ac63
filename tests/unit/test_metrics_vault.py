"""Hedge, drift, cost and waiting of vaults."""

import numpy as np
import pytest
from metric_samples import Run


def hours(run, nav, *, target=None, hedge=None, vault="vault_v"):
    """Rows of full hours, an hour a block."""
    for block, level in enumerate(nav):
        run.measures(block, "nav_per_share", **{vault: level})
        run.measures(block, "target_per_share", **{vault: target[block] if target else 1.0})
        if hedge is not None:
            run.measures(block, "hedge_profit_per_share", **{vault: hedge[block]})
    return run


def test_a_hedge_that_takes_nine_tenths_of_each_return_is_99_per_cent_effective():
    # Spot moves by +10 %, -10 %, +10 % of what is left; nine tenths of it are lost on the hedge, so variance is 1/100.
    nav, hedge = [1.0], [0.0]
    for move in (0.10, -0.10, 0.10):
        hedge.append(hedge[-1] - 0.9 * move * nav[-1])
        nav.append(nav[-1] * (1 + 0.1 * move))
    assert hours(Run(), nav, hedge=hedge).metric("hedge_effectiveness") == pytest.approx(0.99)


def test_a_hedge_that_adds_to_the_movement_is_worse_than_none():
    # Hedged +2 %, -2 %; unhedged +1 %, -1 %: 1 - 4.
    run = hours(Run(), [1.0, 1.02, 1.02 * 0.98], hedge=[0.0, 0.01, 0.01 - 0.01 * 1.02])
    assert run.metric("hedge_effectiveness") == pytest.approx(-3.0)


@pytest.mark.parametrize("hedge", [None, [0.0, 0.0, 0.0]])
def test_without_a_hedge_leg_or_anything_to_hedge_there_is_no_effectiveness(hedge):
    assert hours(Run(), [1.0, 1.0, 1.0], hedge=hedge).metric("hedge_effectiveness") is None


def test_the_downside_counts_falls_alone():
    # Unhedged +4 %, -2 %; the hedge is an option that costs 1 % of a rise and pays half of a fall: +3 %, -1 %.
    run = hours(Run(), [1.0, 1.03, 1.03 * 0.99], hedge=[0.0, -0.01, -0.01 + 0.01 * 1.03])
    assert run.metric("hedge_effectiveness_downside") == pytest.approx(1 - 0.01**2 / 0.02**2)


def test_what_never_falls_has_no_downside_to_hedge():
    run = hours(Run(), [1.0, 1.01, 1.02], hedge=[0.0, -0.01, -0.02])
    assert run.metric("hedge_effectiveness_downside") is None


def test_the_least_effective_vault_counts():
    run = hours(Run(), [1.0, 1.02, 1.02 * 0.98], hedge=[0.0, 0.01, 0.01 - 0.01 * 1.02])
    hours(run, [1.0, 1.0, 1.0], hedge=[0.0, 0.1, -0.1], vault="other_v")
    assert run.metric("hedge_effectiveness") == pytest.approx(-3.0)


def test_delta_counts_at_every_block_whatever_its_sign():
    run = Run()
    for block in range(101):  # 0, 0.01, ... 1.00: the 99th percentile of 101 values is the hundredth of them
        run.measures(block, "delta", vault_v=(-1) ** block * block / 100)
    assert run.metric("delta_abs_p99") == pytest.approx(0.99)


def test_tracking_error_is_the_deviation_of_what_the_target_does_not_explain():
    # Returns 3 % and 1 %, of the target 1 % and 1 %: differences 2 % and 0 %, sd 1.4142 %, times sqrt(8760).
    run = hours(Run(), [1.0, 1.03, 1.03 * 1.01], target=[1.0, 1.01, 1.01**2])
    assert run.metric("tracking_error") == pytest.approx(np.sqrt(2e-4) * np.sqrt(8760))


def test_following_the_target_exactly_is_no_error():
    run = hours(Run(), [2.0, 2.2, 1.1], target=[1.0, 1.1, 0.55])
    assert run.metric("tracking_error") == pytest.approx(0.0, abs=1e-12)


def test_rebalances_are_counted_and_their_cost_summed_also_within_a_block():
    run = hours(Run(), [1.0]).measures(1, "rebalance_cost_usd", vault_v=12.0)
    run.measures(1, "rebalance_cost_usd", vault_v=-2.0).measures(5, "rebalance_cost_usd", vault_v=3.5)
    metrics = run.metrics()
    assert (metrics["rebalances"], metrics["rebalance_cost_usd"]) == (3, pytest.approx(13.5))


def test_a_vault_that_nobody_rebalanced_has_cost_nothing():
    metrics = hours(Run(), [1.0]).metrics()
    assert (metrics["rebalances"], metrics["rebalance_cost_usd"]) == (0, 0)


def test_a_delay_counts_when_it_ends_and_to_the_end_when_it_does_not():
    run = Run().measures(3, "rebalance_delay_seconds", vault_v=24.0).measures(9, "rebalance_due_seconds", vault_v=0.0)
    assert run.metric("rebalance_delay_seconds_max") == 24.0
    assert run.measures(9, "rebalance_due_seconds", vault_v=60.0).metric("rebalance_delay_seconds_max") == 60.0


def test_waiting_counts_when_it_ends_and_to_the_end_when_it_does_not():
    run = Run().measures(3, "withdrawal_wait_seconds", vault_v=7200.0)
    run.measures(9, "withdrawal_pending_seconds", vault_v=300.0)
    assert run.metric("withdrawal_wait_seconds_max") == 7200.0
    run.measures(9, "withdrawal_pending_seconds", vault_v=9000.0)
    assert run.metric("withdrawal_wait_seconds_max") == 9000.0


def test_the_drawdown_is_from_the_peak_in_the_asset():
    # 1.25 to 1.0 is a fall of a fifth.
    assert hours(Run(), [1.0, 1.25, 1.0, 1.2]).metric("max_drawdown") == pytest.approx(0.2)


def test_the_yield_compounds_to_a_year():
    # One tenth of a per mille in a day: 1.0001 ** 365 - 1.
    nav = [1.0 + 0.0001 * hour / 24 for hour in range(25)]
    assert hours(Run(), nav).metric("net_apy") == pytest.approx(1.0001**365 - 1)
    assert hours(Run(), nav[:-1]).metric("net_apy") is None


def test_blocks_of_a_day_are_days_of_a_year_and_not_hours():
    # In 13-second rows of the sample a block is 13 s: 6,646 of them are 86,398 s, a day to the hour.
    run = Run()
    for day, level in enumerate((1.0, 1.01, 1.0201)):
        block = 6_646 * day
        run.block(block).measures(block, "nav_per_share", vault_v=level).measures(
            block, "target_per_share", vault_v=1.0
        )
    assert run.metric("net_apy") == pytest.approx(1.01**365 - 1)
    run.block(3 * 6_646).measures(3 * 6_646, "nav_per_share", vault_v=1.0)
    run.measures(3 * 6_646, "target_per_share", vault_v=1.0)
    returns = [0.01, 0.01, 1 / 1.0201 - 1]
    assert run.metric("tracking_error") == pytest.approx(np.std(returns, ddof=1) * np.sqrt(365))


def test_without_a_vault_there_is_no_answer():
    names = ("hedge_effectiveness", "delta_abs_p99", "tracking_error", "rebalances", "rebalance_cost_usd")
    names += ("rebalance_delay_seconds_max", "withdrawal_wait_seconds_max", "max_drawdown", "net_apy")
    metrics = Run().block(1).metrics()
    assert {name: metrics[name] for name in names} == dict.fromkeys(names)
