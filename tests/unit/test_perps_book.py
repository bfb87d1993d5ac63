"""The mirrored book by itself: the watch on who is below its margin, and the funding mirror's arithmetic.

That it is the contract's to the last digit is shown against the contract, in tests/e2e/test_perps.py.
"""

import random

import numpy as np
import pytest

from simulator.protocols.perps_book import (
    Frame,
    MarginWatch,
    PerpBook,
    equity,
    required,
    scores,
    worth_of,
)
from simulator.protocols.perps_funding import FundingRule, FundingState, premium_for, premium_rate, quotient
from simulator.units import RAY, WAD, to_wad

MAINTENANCE = WAD // 20
SCALE = 10**9 * WAD


def filled(seed, *, inverse, count=40):
    """A book of accounts with positions entered between 1,500 and 2,500 dollars."""
    draw, book = random.Random(seed), PerpBook()
    for number in range(count):
        account = book.account(f"m/{number}", f"0x{number:040x}")
        size = round(draw.uniform(-1, 1) * (5_000 if inverse else 5) * WAD)
        worth = worth_of(to_wad(draw.uniform(1_500, 2_500)), inverse=inverse)
        value = size * worth // RAY
        margin = round(abs(value) * draw.uniform(0.02, 0.9))
        book.update(account, size, margin, value, round(draw.uniform(-1, 1) * 1e24))
    return book


def frame(price, *, inverse, skew=0, funding=0):
    return Frame(worth_of(price, inverse=inverse), funding, skew, SCALE)


def below(book, at):
    table = book.table()
    return set(np.array(table.ids)[equity(table, at) < required(table, at, MAINTENANCE)].tolist())


@pytest.mark.parametrize("inverse", [False, True])
def test_the_watch_knows_who_is_below_along_any_path(inverse):
    draw = random.Random(2)
    book = filled(3, inverse=inverse)
    watch = MarginWatch(book, MAINTENANCE)
    known: set[str] = set()
    seen = 0
    for _ in range(300):
        at = frame(
            to_wad(draw.uniform(1_200, 3_000)),
            inverse=inverse,
            skew=round(draw.uniform(-1, 1) * 1e7) * WAD,
            funding=round(draw.uniform(-1, 1) * 1e24),
        )
        if draw.random() < 0.3:
            account = book.get(f"m/{draw.randrange(40)}")
            book.update(account, -account.size, account.margin * 2, -account.entry_value, account.entry_funding)
            known.discard(account.id)
        fallen, recovered = watch.advance(at)
        known = (known | set(fallen)) - set(recovered)
        assert known == below(book, at) == set(watch.below)
        assert all(account in watch for account in known)
        seen += len(known)
    assert seen > 500


def test_the_score_is_profit_over_entry_times_leverage_and_zero_for_losers():
    book = PerpBook()
    book.update(book.account("m/winner", "0xa"), WAD, 400 * WAD, 2_000 * WAD, 0)
    book.update(book.account("m/loser", "0xb"), -WAD, 900 * WAD, -2_000 * WAD, 0)
    at = frame(2_500 * WAD, inverse=False)
    # 500 / 2,000 of profit, 2,500 of notional over 900 of equity; exit at a premium of a half size over 1e9
    ranks = scores(book.table(), at)
    assert ranks[0] / WAD == pytest.approx(0.25 * 2_500 / 900, rel=1e-8)
    assert ranks[1] == 0


def test_division_is_towards_zero_as_in_solidity():
    assert [quotient(a, b) for a, b in ((7, 2), (-7, 2), (7, -2), (-7, -2))] == [3, -3, -3, 3]


RULE = FundingRule(0, WAD // 10, 28_800, 3_600, 0, 0, 0)


def test_a_premium_of_one_per_cent_for_a_period_costs_one_per_cent():
    state = FundingState().at(28_800, RULE, WAD // 100, RAY)
    assert state.paid == RAY // 100


def test_the_premium_mode_waits_for_the_end_of_an_interval_and_takes_its_mean():
    half = FundingState().at(1_800, RULE, WAD // 100, RAY)
    assert half.paid == 0
    assert half.at(3_600, RULE, 3 * WAD // 100, RAY).paid == 2 * RAY // 100 // 8


def test_the_rate_of_the_velocity_mode_is_a_ramp_that_stops_at_its_bound():
    rule = FundingRule(1, WAD // 10, 28_800, 3_600, 0, 0, WAD)
    day = FundingState().at(86_400, rule, WAD // 20, RAY)
    assert (day.rate(rule, 0), day.paid) == (WAD // 20, RAY // 40)
    # It rises by 0.05 a day to 0.1 in two days, and stays: an area of 0.1 and 0.2.
    assert FundingState().at(4 * 86_400, rule, WAD // 20, RAY).paid == RAY * 3 // 10


@pytest.mark.parametrize("rate", [-9, -1, 2, 9])
def test_a_premium_is_found_for_a_rate(rate):
    rule = FundingRule(0, WAD // 10, 28_800, 3_600, WAD // 10_000, WAD // 2_000, 0)
    assert premium_rate(rule, premium_for(rule, rate * WAD // 1_000)) == pytest.approx(rate * WAD // 1_000, abs=3)


def test_the_index_alone_is_that_of_the_whole_state():
    draw = random.Random(5)
    for mode in (0, 1):
        rule = FundingRule(mode, WAD // 10, 28_800, 3_600, WAD // 10_000, WAD // 2_000, 3 * WAD)
        state = FundingState()
        for _ in range(200):
            now, premium = state.updated_at + draw.randrange(5_000), draw.randrange(-WAD // 20, WAD // 20)
            ahead = state.at(now, rule, premium, 2_000 * RAY)
            assert state.index_at(now, rule, premium, 2_000 * RAY) == ahead.paid
            state = ahead
        assert state.paid
