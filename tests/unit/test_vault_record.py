"""What is written of a vault, from numbers made by hand."""

from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.protocols.vault_book import CarryHoldings, PerpHoldings, Prices, VaultBook
from simulator.protocols.vault_record import DueWatch, Ledger, Spell, VaultRecord, Withdrawals
from simulator.units import WAD

QUIET = {"band": 0.02, "margin_floor": 0.15, "margin_ceiling": 0.4, "price_move": 0.0, "interval_hours": 0.0}
QUIET |= {"idle_band": 1.0}


def basis(spot=2.0, size=-2.0, cash=5_000.0, dollars=0.0):
    """A vault of 1,000 shares with spot against a short."""
    holdings = PerpHoldings(None, None, None)
    holdings.spot, holdings.size, holdings.cash, holdings.dollars = spot, size, cash, dollars
    book = VaultBook(None, None, holdings, 0.0)
    book.shares.supply = 1_000.0
    book.current = True
    return book


def watch(book, **triggers):
    return DueWatch(book, SimpleNamespace(**QUIET | triggers), SimpleNamespace(buffer=0.02), tip=0.0)


def reason(book, price, now=0, **triggers):
    prices = Prices(price, price)
    return watch(book, **triggers).reason(book.at(prices, now), prices, now)


def test_a_basis_is_worth_the_same_at_any_price_and_its_margin_is_not():
    # 2 x 2,000 spot, equity 5,000 - 2 x 2,000 = 1,000 on a notional of 4,000.
    assert basis().at(Prices(2_000, 2_000), 0) == (5_000, 0.0, 0.0, 0.25)
    assert basis().at(Prices(2_200, 2_200), 0) == (5_000, 0.0, 0.0, pytest.approx(600 / 4_400))


def test_equity_below_zero_is_not_the_vaults_loss():
    assert basis().at(Prices(3_000, 3_000), 0).nav == 6_000
    assert basis().hedge_profit(Prices(3_000, 3_000)) == 0.0


def test_an_order_that_waits_is_no_hedge_yet_but_the_contract_counts_it_until_it_expires():
    book = basis(size=-1.0)
    book.holdings.pending, book.holdings.expires = -1.0, 600
    in_time, late = (book.at(Prices(2_000, 2_000), now) for now in (600, 601))
    assert (in_time.deviation, in_time.net) == (0.0, pytest.approx(2_000 / in_time.nav))
    assert late.deviation == late.net == in_time.net
    assert reason_of(book, 600) is None
    assert reason_of(book, 601) == "delta"


def reason_of(book, now):
    prices = Prices(2_000, 2_000)
    return watch(book, margin_ceiling=0.0).reason(book.at(prices, now), prices, now)


def test_a_carry_counts_in_its_collateral():
    holdings = CarryHoldings(None, None, None, None, b"")
    holdings.locked, holdings.debt, holdings.lent = 10.0, 8_000.0, 6_000.0
    # 2,000 Dollars of net debt are one ether at 2,000: 9 are owned, delta is 1, the ratio 20,000 / 8,000.
    assert holdings.at(Prices(2_000, 2_000)) == (9.0, 1.0, 2.5)


def test_the_most_urgent_reason_is_named():
    assert reason(basis(), 2_000) is None
    assert reason(basis(), 2_200) == "margin"
    assert reason(basis(size=-1.9), 2_000) == "delta"
    assert reason(basis(), 1_750) == "excess"
    moved = basis()
    moved.shares.last_price = 1_900.0
    assert reason(moved, 2_000, price_move=0.05) == "price"
    assert reason(moved, 2_000, price_move=0.06) is None
    assert reason(basis(), 2_000, now=3_600, interval_hours=1.0) == "time"
    assert reason(basis(), 2_000, now=3_599, interval_hours=1.0) is None
    idle = basis()
    idle.shares.idle = 500.0
    assert reason(idle, 2_000, idle_band=0.05) == "idle"


def test_a_spell_lasts_until_it_ends_and_no_longer():
    spell = Spell()
    assert [spell.go_on(holds, now) for now, holds in ((10, True), (20, True), (50, False), (60, False))] == [
        None, None, 40, None,
    ]  # fmt: skip
    spell.go_on(True, 70)
    assert spell.length(100) == 30


def test_a_wait_ends_when_all_of_it_is_settled():
    queue = Withdrawals()
    queue.request(1, 100, 1_000)
    queue.request(2, 50, 1_500)
    queue.settle(1, 60, 2_000)
    assert (queue.settled(), queue.longest(2_000)) == (None, 1_000)
    queue.settle(1, 40, 3_000)
    queue.settle(2, 50, 3_000)
    assert (queue.settled(), queue.settled(), queue.longest(4_000)) == (2_000, None, 0)


money = st.floats(-1e6, 1e6)


@given(nav=money, owed=money, due=money, hedge=st.none() | money, flows=money, cost=money, fill=money)
def test_the_parts_of_profit_add_up_to_it(nav, owed, due, hedge, flows, cost, fill):
    ledger = Ledger()
    ledger.first, ledger.flows = 1_000.0, flows
    ledger.trade(fill)
    ledger.rebalance(cost)
    parts = ledger.rows(nav, owed, due, hedge)
    assert sum(parts.values()) == pytest.approx(nav - 1_000.0 - flows, abs=1e-6)


def test_what_is_traded_outside_of_a_rebalance_is_a_cost_of_its_own():
    ledger = Ledger()
    ledger.trade(3.0)
    ledger.rebalance(10.0)  # the 3 among them
    ledger.trade(2.0)
    ledger.close_block()
    assert (ledger.trading, ledger.perp_cost) == (12.0, 5.0)


def test_an_hour_of_a_hedge_is_counted_for_the_shares_there_were():
    book = basis()
    record = VaultRecord("v", book, watch(book), start=0)
    at_2000, at_1900 = Prices(2_000, 2_000), Prices(1_900, 1_900)
    record.begin(at_2000, 0)
    list(record.block(at_2000, 0))
    record.count_hedge(at_1900, 1_000.0)  # two short times 100
    rows = {row.name: row.value for row in record.block(at_1900, 3_600)}
    assert rows["hedge_profit_per_share"] == pytest.approx(0.2)
    assert rows["nav_per_share"] == pytest.approx(5.0)
    assert "hedge_profit_per_share" not in {row.name for row in record.block(at_1900, 3_612)}


def test_margin_that_is_added_is_no_profit():
    book = basis()
    record = VaultRecord("v", book, watch(book), start=0)
    before = book.hedge_profit(Prices(2_000, 2_000))
    record.on_market_event("Deposited", {"amount": 700 * WAD}, 2_000.0)
    book.holdings.cash += 700.0
    assert book.hedge_profit(Prices(2_000, 2_000)) == pytest.approx(before)
    record.on_market_event("Traded", {"price": 1_990 * WAD, "fee": 2 * WAD, "sizeDelta": -WAD // 2}, 2_000.0)
    assert record.ledger.perp_cost == pytest.approx(2 + 5)
