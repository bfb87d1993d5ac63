import gc

import pytest

from simulator.collector import seldom_collecting


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
    class Node:
        alive = 0

        def __init__(self) -> None:
            Node.alive += 1
            self.me = self

        def __del__(self) -> None:
            Node.alive -= 1

    with seldom_collecting():
        for _ in range(50_000):
            Node()
        assert Node.alive < 25_000
