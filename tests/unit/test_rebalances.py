"""The cost of a rebalance is against the price at which its keeper decided."""

from types import SimpleNamespace

import pytest

from simulator.protocols.base import Notice
from simulator.rebalances import RebalanceLog


class Prices:
    def __init__(self):
        self.now = 2_000.0

    def price(self, asset):
        return 1.0 if asset == "DOLLAR" else self.now


def log_at(*prices):
    market = Prices()
    log = RebalanceLog([SimpleNamespace(id="vault/DOLLAR", asset="DOLLAR", hedged="ETH")], market)
    for step, price in enumerate(prices):
        market.now = price
        log.advance(1_000 + 12 * step)
    return log


def done(log, lost=10.0, moved=0.0, mid=2_000.0):
    args = {"capability": "vault/DOLLAR", "lost": lost, "moved": moved, "mid": mid}
    return {name: value for _, name, value in log.rows(Notice("rebalance", "vault", "vault/DOLLAR", args))}


RECEIPT = SimpleNamespace(gas_used=500_000, effective_price=10**10)  # 0.005 ether


def test_what_is_bought_after_the_price_rose_has_cost_that_too():
    log = log_at(1_900.0, 1_950.0, 2_000.0)
    log.spent(RECEIPT, "vault/DOLLAR", 1_013, 2_000.0)  # decided at the second step
    rows = done(log, moved=400.0)
    # 400 Dollars of ether at 2,000 were 390 at 1,950.
    assert rows["rebalance_slippage_usd"] == pytest.approx(10 + 10)
    assert rows["rebalance_gas_usd"] == pytest.approx(10)
    assert rows["rebalance_cost_usd"] == pytest.approx(30)


def test_what_is_sold_after_the_price_rose_has_gained_by_it():
    log = log_at(1_900.0, 1_950.0, 2_000.0)
    log.spent(RECEIPT, "vault/DOLLAR", 1_013, 2_000.0)
    assert done(log, moved=-400.0)["rebalance_slippage_usd"] == pytest.approx(0.0)


def test_a_rebalance_of_nobody_here_costs_what_the_vault_lost():
    log = log_at(1_900.0)
    assert done(log, moved=400.0) == {
        "rebalance_slippage_usd": 10.0, "rebalance_gas_usd": 0.0, "rebalance_cost_usd": 10.0,
    }  # fmt: skip


def test_gas_is_that_of_the_rebalance_and_of_nothing_before_it():
    log = log_at(2_000.0)
    log.spent(RECEIPT, "vault/DOLLAR", 1_000, 2_000.0)
    done(log)
    log.spent(RECEIPT, "something/else", 1_000, 2_000.0)
    assert done(log)["rebalance_gas_usd"] == 0.0
