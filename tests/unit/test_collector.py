import gc
from collections.abc import Iterator

import pytest

from simulator import collector
from simulator.collector import seldom_collecting, set_aside_for_good


@pytest.fixture(autouse=True)
def nothing_set_aside(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """As in a process that has done no run of a sweep yet; another test of this process may have."""
    monkeypatch.setattr(collector._Process, "set_aside", False)
    gc.unfreeze()
    yield
    gc.unfreeze()


class Node:
    alive = 0

    def __init__(self) -> None:
        Node.alive += 1
        self.me = self

    def __del__(self) -> None:
        Node.alive -= 1


def test_the_collector_is_as_it_was_afterwards_also_after_an_error():
    before, frozen = gc.get_threshold(), gc.get_freeze_count()
    with seldom_collecting():
        assert gc.get_threshold() != before
        assert gc.get_freeze_count() > frozen
    with pytest.raises(KeyboardInterrupt), seldom_collecting():
        raise KeyboardInterrupt
    assert gc.get_threshold() == before
    assert gc.get_freeze_count() == 0


def test_garbage_in_cycles_is_still_collected():
    with seldom_collecting():
        for _ in range(50_000):
            Node()
        assert Node.alive < 25_000


def test_what_is_set_aside_for_good_stays_so_and_what_a_run_leaves_is_collected_by_the_next():
    set_aside_for_good()
    frozen = gc.get_freeze_count()
    with seldom_collecting():
        node = Node()
    left = Node.alive
    del node
    with seldom_collecting():
        assert Node.alive == left - 1
        assert frozen * 0.99 < gc.get_freeze_count() <= frozen
    set_aside_for_good()
    assert frozen * 0.99 < gc.get_freeze_count() <= frozen
