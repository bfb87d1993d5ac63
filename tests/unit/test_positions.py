"""Who is unsafe at a price: two heaps against looking at everybody."""

import random

import pytest

from simulator.chain.types import Address
from simulator.protocols.positions import PositionBook

OWNER = Address("0x" + "11" * 20)
RATIO = 1.5


def unsafe_by_scan(book: PositionBook, level: float) -> set[str]:
    return {p.id for p in book if p.normalized_debt and level < RATIO * p.critical}


@pytest.mark.parametrize("seed", range(20))
def test_the_watch_agrees_with_a_scan_of_every_position_through_changes_and_prices(seed):
    draw = random.Random(seed)
    book = PositionBook()
    watch = book.watch(RATIO)
    believed: set[str] = set()
    for _ in range(300):
        if draw.random() < 0.6:
            id = f"p{draw.randrange(30)}"
            emptied = draw.random() < 0.2
            book.update(id, OWNER, 0 if emptied else draw.randrange(1, 10**6), 0 if emptied else draw.randrange(10**6))
            believed.discard(id)
        level = draw.uniform(0.1, 10)
        fallen, recovered = watch.advance(level)
        assert not believed & set(fallen)
        believed = (believed | set(fallen)) - set(recovered)
        assert believed == set(watch.below) == unsafe_by_scan(book, level)


def test_the_most_critical_fall_first():
    book = PositionBook()
    watch = book.watch(RATIO)
    for id, debt in (("a", 10), ("b", 30), ("c", 20)):
        book.update(id, OWNER, 100, debt)
    assert watch.next_to_fall(2) == ["b", "c"]
    assert watch.advance(0.01) == (["b", "c", "a"], [])


def test_a_position_exactly_at_the_ratio_is_safe():
    book = PositionBook()
    watch = book.watch(RATIO)
    book.update("edge", OWNER, 3, 2)
    assert watch.advance(1.0) == ([], [])
    assert watch.advance(0.999999)[0] == ["edge"]


def test_debt_without_collateral_is_unsafe_at_every_price_and_debt_free_positions_at_none():
    book = PositionBook()
    watch = book.watch(RATIO)
    book.update("bare", OWNER, 0, 5)
    book.update("free", OWNER, 5, 0)
    assert watch.advance(1e30)[0] == ["bare"]
    assert watch.advance(0.0) == ([], [])


def test_an_empty_position_leaves_the_book():
    book = PositionBook()
    book.update("p", OWNER, 1, 1)
    book.update("p", OWNER, 0, 0)
    assert len(book) == 0
    assert book.get("p") is None


def test_a_watch_that_starts_late_knows_who_was_there():
    book = PositionBook()
    book.update("p", OWNER, 2, 2)
    assert book.watch(RATIO).advance(1.0)[0] == ["p"]


def test_changes_leave_no_trail_in_memory():
    book = PositionBook()
    watch = book.watch(RATIO)
    for n in range(20_000):
        book.update(f"p{n % 10}", OWNER, 1000 + n, 100 + n % 7)
        watch.advance(0.1 + n % 3)
    assert len(watch._safe) + len(watch._unsafe) < 400
