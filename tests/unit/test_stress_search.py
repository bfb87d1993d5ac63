"""The search beyond the grid, on made-up points whose best is known."""

import pytest
from stress_samples import BONUS, RATIO, grid, table

from simulator.errors import ConfigError
from simulator.stress.efficiency import choose_efficiency
from simulator.stress.judge import judge
from simulator.stress.recommend import recommend
from simulator.stress.require import parse_rule
from simulator.stress.search import search
from simulator.stress.space import Dimension

RATIOS, BONUSES = Dimension(RATIO, low=1.1, high=1.9), Dimension(BONUS, low=0.0, high=0.2)
EDGE = 1.374  # below it debt is bad, where the bonus is least


class Bench:
    """Judges points by a made-up loss, and remembers what it was asked for."""

    def __init__(self, loss=lambda c: max(0.0, EDGE + c.get(BONUS, 0.0) - c[RATIO]), rule="mean(bad_debt_ratio) <= 0"):
        self.loss, self.rule, self.asked, self.rounds = loss, parse_rule(rule), [], []

    def __call__(self, changes):
        first = 1000 + len(self.asked)
        self.asked += changes
        self.rounds.append(len(changes))
        return self.judged([(first + n, each) for n, each in enumerate(changes)])

    def judged(self, points):
        results = table(points, lambda c: [self.loss(c)] * 100)
        return judge(results, points, [self.rule], efficiency=choose_efficiency(None, list(points[0][1])))


def test_a_search_comes_nearer_to_the_best_than_the_grid_and_keeps_the_rules():
    bench = Bench()
    known = bench.judged(grid(ratio=[1.1, 1.3, 1.5, 1.7, 1.9], bonus=[0.0, 0.1, 0.2]))
    found = search([RATIOS, BONUSES], known, bench, trials=60, seed=7)
    before, after = recommend(known).chosen, recommend([*known, *found], len(known)).chosen
    assert before.changes[RATIO] == 1.5
    assert EDGE <= after.changes[RATIO] < 1.42
    assert all(1.1 <= each[RATIO] <= 1.9 and 0 <= each[BONUS] <= 0.2 for each in bench.asked)


def test_the_same_seed_asks_for_the_same_points_and_another_for_others():
    asked = []
    for seed in (7, 7, 8):
        bench = Bench()
        search([RATIOS], bench.judged(grid(ratio=[1.1, 1.5, 1.9])), bench, trials=20, seed=seed)
        asked.append(bench.asked)
    assert asked[0] == asked[1]
    assert asked[0] != asked[2]


def test_trials_are_capped_and_no_point_runs_twice():
    bench = Bench()
    whole = Dimension("borrowers.count", low=1, high=4, whole=True)
    points = [(n, {"borrowers.count": count, RATIO: 1.5}) for n, count in enumerate((1, 4))]
    found = search([whole, Dimension(RATIO, choices=(1.5,))], bench.judged(points), bench, trials=30, seed=1)
    assert 0 < len(bench.asked) <= 2
    assert {each["borrowers.count"] for each in bench.asked} <= {2, 3}
    assert all(each[RATIO] == 1.5 for each in bench.asked)
    assert [point.changes for point in found] == bench.asked
    assert len(search([RATIOS], bench.judged(grid(ratio=[1.1, 1.9])), bench, trials=3, seed=1)) <= 3


def test_points_with_failed_runs_or_without_data_teach_nothing_and_stop_nothing():
    bench = Bench(loss=lambda c: None if c[RATIO] < 1.5 else float("nan") if c[RATIO] < 1.6 else 0.0)
    known = bench.judged(grid(ratio=[1.1, 1.55, 1.9]))
    found = search([RATIOS], known, bench, trials=24, seed=3)
    assert recommend([*known, *found], len(known)).chosen.changes[RATIO] >= 1.6


def test_choices_are_searched_too():
    bench = Bench(loss=lambda c: 0.0 if c["kind"] == "b" and c[RATIO] > EDGE else 1.0)
    known = bench.judged([(n, {"kind": kind, RATIO: 1.9}) for n, kind in enumerate("abc")])
    found = search([Dimension("kind", choices=("a", "b", "c")), RATIOS], known, bench, trials=40, seed=5)
    chosen = recommend([*known, *found], len(known)).chosen
    assert chosen.changes["kind"] == "b"
    assert chosen.changes[RATIO] < 1.6


def test_there_is_nothing_to_search_without_keys_or_rules():
    bench = Bench()
    known = bench.judged(grid(ratio=[1.1]))
    with pytest.raises(ConfigError, match="keys to vary"):
        search([Dimension(RATIO, choices=(1.1,))], known, bench, trials=5, seed=1)
    free = judge(table(grid(ratio=[1.1]), lambda _: [0.0]), grid(ratio=[1.1]), [])
    with pytest.raises(ConfigError, match="rules to keep"):
        search([RATIOS], free, bench, trials=5, seed=1)
