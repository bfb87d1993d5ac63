"""Books of a clearinghouse in neutral rows: when they fell, when they were taken, who gained, and what nobody paid."""

from types import SimpleNamespace

import pytest

from simulator.margin_log import MarginLog
from simulator.protocols.base import Notice
from simulator.units import WAD

HOUSE, BOOK = "clearing/ETH", "clearing/ETH/7"


class House:
    id, margin_asset = HOUSE, "USDC"

    def __init__(self):
        self.falling, self.sold = [], []

    def unsafe(self):
        return self.falling

    def auctions(self):
        return self.sold


@pytest.fixture
def house():
    return House()


@pytest.fixture
def log(house):
    return MarginLog([house], SimpleNamespace(price=lambda asset: {"USDC": 0.5}[asset]))


def tell(log, kind, block, capability=HOUSE, **args):
    return log.on_notice(Notice(kind, "clearing", BOOK, {"capability": capability, **args}), block)


def taken(log, block, **amounts):
    return tell(log, "book_taken", block, to="other", notional=1_000.0, **amounts)


def spend(log, gas):
    receipt = SimpleNamespace(gas_used=gas, effective_price=10**9)
    log.spent(receipt, BOOK, 2_000.0)


def test_a_book_counts_from_unsafe_to_taken_less_gas(log):
    assert tell(log, "unsafe", 10) == []
    spend(log, 1_000_000)  # two dollars
    assert tell(log, "book_auction", 12) == []
    assert tell(log, "book_auction_ended", 20) == []  # in one transaction with the taking
    (row,) = taken(log, 20, equity=100 * WAD, paid=60 * WAD, received=0)
    assert row.name == "liquidation"
    assert row.subject == BOOK
    expected = {"unsafe_block": 10, "fill_block": 20, "debt_usd": 1_000.0, "collateral_usd": 1_000.0, "book": True}
    assert {name: row.args[name] for name in expected} == expected
    assert row.args["profit_usd"] == pytest.approx(40 * 0.5 - 2.0)
    assert log.filled == 1


def test_a_book_worth_nothing_gains_what_is_received_beyond_what_is_missing(log):
    tell(log, "book_auction", 5)
    tell(log, "book_auction_ended", 9)
    (row,) = taken(log, 9, equity=-50 * WAD, paid=0, received=80 * WAD)
    assert row.args["profit_usd"] == pytest.approx(30 * 0.5)


def test_a_second_fall_begins_anew(log):
    tell(log, "unsafe", 10)
    tell(log, "book_auction_ended", 15)
    tell(log, "unsafe", 30)
    tell(log, "book_auction_ended", 40)
    (row,) = taken(log, 40, equity=0, paid=0, received=0)
    assert row.args["unsafe_block"] == 30


def test_what_is_unsafe_at_the_end_was_never_filled_and_what_recovered_is_no_row(log, house):
    tell(log, "unsafe", 10)
    assert log.unfilled() == []
    house.sold = [BOOK]
    (row,) = log.unfilled()
    assert row.args["unsafe_block"] == 10
    assert row.args["fill_block"] is None


def test_only_what_nobody_paid_is_socialised(log):
    for step in ("account", "house", "members"):
        assert tell(log, "waterfall", 3, step=step, amount=WAD) == []
    (row,) = tell(log, "waterfall", 3, step="recorded", amount=8 * WAD)
    assert (row.name, row.args) == ("socialised", {"loss_usd": 4.0})


def test_accounts_of_others_are_not_followed(log):
    assert tell(log, "unsafe", 1, capability="perps/ETH") == []
    assert log.unfilled() == []
