"""Which runs are made: all, or batches until a point has enough, whatever the order in which they end."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simulator.scenario import load_scenario
from simulator.stress.agenda import Agenda
from simulator.stress.plan import Plan
from simulator.stress.settings import StressSettings
from simulator.stress.space import Point

FIRST = 100
CALM = load_scenario("calm")


def plan_of(points, seeds, batch=4):
    all_points = tuple(Point(number, {}) for number in range(points))
    return Plan(CALM, None, FIRST, StressSettings(seeds=seeds), (), all_points, ("",) * points, batch)


def value(point, seed):
    """What a run measures: noise whose width is the point's own."""
    return (1 + point) * float(np.random.default_rng([point, seed]).normal())


def calm_enough(_, columns):
    x = columns["x"]
    return bool(x.std() / np.sqrt(len(x)) < 0.5)


def runs_of(agenda, choose, kill_after=None):
    """Every run, with as many under way as there are workers, ending in an order that `choose` decides."""
    made, running = [], []
    while True:
        while len(running) < 3 and (task := agenda.next()):
            running.append((task.point, task.seed))
        if not running or len(made) == kill_after:
            return made
        point, seed = running.pop(choose(len(running)))
        made.append((point, seed))
        agenda.note(point, seed, {"x": value(point, seed)})


def in_order(_):
    return 0


def test_without_a_rule_every_seed_of_every_point_is_run_once():
    agenda = Agenda(plan_of(3, 10))
    agenda.begin()
    assert agenda.total == 30
    assert sorted(runs_of(agenda, in_order)) == [(p, FIRST + s) for p in range(3) for s in range(10)]
    assert agenda.done == agenda.total == 30


def test_all_points_get_their_first_batch_before_any_gets_its_second():
    agenda = Agenda(plan_of(3, 8))
    agenda.begin()
    assert [point for point, _ in runs_of(agenda, in_order)] == [0] * 4 + [1] * 4 + [2] * 4 + [0] * 4 + [1] * 4 + [
        2
    ] * 4


def test_with_a_rule_points_of_more_noise_get_more_runs_in_whole_batches():
    agenda = Agenda(plan_of(3, 200), calm_enough, ("x",))
    agenda.begin()
    made = [point for point, _ in runs_of(agenda, in_order)]
    counts = [made.count(point) for point in range(3)]
    assert counts[0] < counts[1] < counts[2] < 200
    assert all(count % 4 == 0 for count in counts)
    assert agenda.total == agenda.done == len(made)


def test_a_point_that_never_has_enough_stops_at_its_last_seed():
    agenda = Agenda(plan_of(1, 10), lambda *_: False, ("x",))
    agenda.begin()
    assert len(runs_of(agenda, in_order)) == 10


@settings(max_examples=60)
@given(st.randoms(use_true_random=False), st.integers(0, 60), st.booleans())
def test_neither_the_order_in_which_runs_end_nor_a_kill_changes_which_are_made(random, kill_after, stops):
    rule = (calm_enough, ("x",)) if stops else ()
    calm = Agenda(plan_of(3, 30), *rule)
    calm.begin()
    expected = sorted(runs_of(calm, in_order))

    def choose(running):
        return random.randrange(running)

    killed = Agenda(plan_of(3, 30), *rule)
    killed.begin()
    before = runs_of(killed, choose, kill_after)
    again = Agenda(plan_of(3, 30), *rule)
    for point, seed in random.sample(before, len(before)):
        again.note(point, seed, {"x": value(point, seed)})
    again.begin()
    after = runs_of(again, choose)
    assert sorted([*before, *after]) == expected
    assert again.done == again.total == len(expected)


@pytest.mark.parametrize("stops", [True, False])
def test_a_finished_sweep_has_nothing_left(stops):
    rule = (calm_enough, ("x",)) if stops else ()
    first = Agenda(plan_of(2, 30), *rule)
    first.begin()
    made = runs_of(first, in_order)
    second = Agenda(plan_of(2, 30), *rule)
    for point, seed in made:
        second.note(point, seed, {"x": value(point, seed)})
    second.begin()
    assert second.next() is None
    assert second.done == second.total
