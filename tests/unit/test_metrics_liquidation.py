"""Liquidations: how many, how late, at what price."""

import pytest
from metric_samples import Run


def test_liquidations_and_the_debt_they_repaid_are_those_that_came_to_a_sale():
    run = Run().liquidation(debt=100.0).liquidation(debt=50.5).liquidation(fill=None)
    metrics = run.metrics()
    assert (metrics["liquidations"], metrics["liquidated_debt_usd"]) == (2, 150.5)


def test_no_liquidation_where_somebody_lends_is_zero():
    metrics = Run().measures(1, "debt_usd", cdp_ETH=100.0).metrics()
    assert (metrics["liquidations"], metrics["liquidated_debt_usd"]) == (0, 0.0)
    assert metrics["liquidator_profit_usd"] is None


def test_an_event_of_a_contract_is_not_mistaken_for_a_neutral_one():
    assert Run().liquidation(debt=100.0, index=0).metric("liquidations") is None


def test_the_delay_runs_from_unsafe_to_sale():
    run = Run().block(1).block(100).liquidation(unsafe=10, fill=14).liquidation(unsafe=30, fill=39)
    assert run.metric("liquidation_delay_blocks_max") == 9


def test_what_is_never_sold_waits_to_the_end():
    run = Run().block(1).block(100).liquidation(unsafe=10, fill=40).liquidation(unsafe=60, fill=None)
    assert run.metric("liquidation_delay_blocks_max") == 40


def test_a_sale_in_the_block_that_made_it_unsafe_has_no_delay():
    assert Run().block(5).liquidation(unsafe=5, fill=5).metric("liquidation_delay_blocks_max") == 0


def test_where_nothing_was_unsafe_there_is_no_delay_to_report():
    assert Run().block(1).measures(1, "debt_usd", cdp_ETH=1.0).metric("liquidation_delay_blocks_max") is None


def test_a_zero_bid_pays_less_than_a_hundredth_of_the_value():
    run = Run().lot(0.0, 5_000.0).lot(49.9, 5_000.0).lot(50.0, 5_000.0).lot(4_500.0, 5_000.0)
    assert run.metric("zero_bid_share") == 0.5


def test_without_settled_auctions_there_is_no_zero_bid_share():
    assert Run().liquidation(debt=1.0, collateral=1.0).metric("zero_bid_share") is None


def test_the_profitable_share_is_by_value_of_the_collateral():
    run = Run().liquidation(collateral=900.0, profit=1.0).liquidation(collateral=80.0, profit=-1.0)
    run.liquidation(collateral=20.0, profit=0.0).liquidation(collateral=0.0, fill=None)
    assert run.metric("profitable_liquidation_share") == pytest.approx(0.9)


def test_the_profit_of_liquidators_is_summed():
    run = Run().liquidation(collateral=900.0, profit=70.0).liquidation(collateral=80.0, profit=-12.5)
    assert run.metric("liquidator_profit_usd") == 57.5


def test_what_was_never_sold_has_neither_profit_nor_share():
    metrics = Run().liquidation(fill=None).metrics()
    assert metrics["liquidator_profit_usd"] is None
    assert metrics["profitable_liquidation_share"] is None
