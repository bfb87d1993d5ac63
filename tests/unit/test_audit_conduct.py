"""How many runs an audit makes: more while a rule is open, by whole batches, and no more than could help."""

import numpy as np
import pandas as pd
import pytest
from audit_samples import HEAD, RATIO, configured, planned
from hypothesis import given, settings
from hypothesis import strategies as st

from simulator.audit.conduct import AuditPlan, enough, has_stopped, make_plan
from simulator.errors import ConfigError
from simulator.stress.agenda import Agenda
from simulator.stress.require import parse_rule

TEXT = """
[audit]
scenarios = ["calm", { name = "calm", id = "other", set = { "world.hours" = 1 } }]
seeds = 30
max_seeds = 100
seed = 7
"""


def rules(*required):
    return "".join(f'[[rule]]\nid = "R{n}"\nrequire = "{text}"\n' for n, text in enumerate(required))


def made(plan, draw, choose=lambda _: 0):
    """The seeds of each scenario that an audit runs, where `draw(point, seed)` are the columns of a run."""
    whether, read = enough(plan)
    agenda = Agenda(plan, whether, read)
    agenda.begin()
    found, running = [[] for _ in plan.points], []
    while True:
        while len(running) < 3 and (task := agenda.next()):
            running.append(task)
        if not running:
            assert agenda.done == agenda.total
            return [sorted(seeds) for seeds in found]
        task = running.pop(choose(len(running)))
        found[task.point].append(task.seed)
        columns = dict.fromkeys(read, np.nan) | {"weight": 1.0, "failed": 0.0}
        agenda.note(task.point, task.seed, columns | draw(task.point, task.seed))


def spread(point, seed):
    """A metric that is uniform in 0 to 1."""
    return {"bad_debt_ratio": float(np.random.default_rng([point, seed]).random())}


@pytest.fixture
def plan_for(tmp_path):
    return lambda *required: planned(configured(tmp_path, TEXT + rules(*required)))


def test_batches_double_up_to_the_most(plan_for):
    plan = plan_for("max(blocks) > 0")
    assert (plan.batch_end(0), plan.batch_end(30), plan.batch_end(60), plan.batch_end(100)) == (30, 60, 100, 100)
    assert [runs for runs in range(101) if has_stopped(plan, runs)] == [30, 60, 100]


def test_a_decided_rule_takes_the_first_seeds_and_an_open_one_the_most(plan_for):
    assert made(plan_for("p50(bad_debt_ratio) <= 0.9"), spread) == [list(range(7, 37))] * 2
    assert made(plan_for("p50(bad_debt_ratio) <= 0.5"), spread) == [list(range(7, 107))] * 2


def test_one_scenario_may_take_more_than_another(plan_for):
    def draw(point, seed):
        return {"bad_debt_ratio": spread(point, seed)["bad_debt_ratio"] + 5 * point}

    assert [len(seeds) for seeds in made(plan_for("p50(bad_debt_ratio) <= 0.5"), draw)] == [100, 30]


@settings(max_examples=25, deadline=None)
@given(st.randoms(use_true_random=False))
def test_the_order_in_which_runs_end_does_not_change_which_are_made(random):
    plan = PLANS.setdefault("plan", _plan())
    expected = PLANS.setdefault("expected", made(plan, spread))
    assert made(plan, spread, random.randrange) == expected
    assert len(expected[0]) > 30


PLANS = {}


def _plan():
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        return planned(configured(folder, TEXT + rules("p60(bad_debt_ratio) <= 0.65", "mean(bad_debt_ratio) <= 60%")))


def test_more_runs_are_made_until_a_statistic_has_a_bound(plan_for):
    assert [len(seeds) for seeds in made(plan_for("p95(bad_debt_ratio) <= 2"), spread)] == [60, 60]


def test_no_more_runs_are_made_where_they_could_not_help(plan_for):
    never = {
        "p99.9(bad_debt_ratio) <= 2": spread,  # wants 2,995
        "p50(bad_debt_ratio) <= 0.5": lambda *_: {},  # no data
        "max(bad_debt_ratio) <= 0.5": spread,
        f"param({RATIO}) > 100": spread,
    }
    for require, draw in never.items():
        assert made(plan_for(require), draw) == [list(range(7, 37))] * 2, require


def test_after_a_failed_run_no_more_are_made(plan_for):
    def draw(point, seed):
        return {"failed": 1.0} if (point, seed) == (0, 20) else spread(point, seed)

    assert [len(seeds) for seeds in made(plan_for("p50(bad_debt_ratio) <= 0.5"), draw)] == [30, 100]


def test_a_parameter_that_a_scenario_does_not_have_is_refused_before_anything_runs(tmp_path):
    config = configured(tmp_path, HEAD + rules("param(cdp.collateral.ETH.liquidatoin_ratio) > 1"))
    with pytest.raises(ConfigError, match=r"risk\.toml:6: rule R0: there is no key .* in calm"):
        make_plan(config, seed=None, gas=None)
    with pytest.raises(ConfigError, match="rule R0: world is no number in calm"):
        make_plan(configured(tmp_path, HEAD + rules("param(world) > 1")), seed=None, gas=None)


def test_a_plugin_that_raises_sets_its_scenario_aside_and_leaves_the_others(tmp_path):
    (tmp_path / "bot.py").write_text("1 / 0\n")
    own = '{ name = "calm", id = "own", set = { "bot.agent" = "FOLDER/bot.py:Bot" } }'.replace("FOLDER", str(tmp_path))
    told = []
    config = configured(tmp_path, HEAD.replace('"calm"', f'"calm", {own}') + rules("max(blocks) > 0"))
    plan = make_plan(config, seed=3, gas=None, announce=told.append)
    assert [case.name for case in plan.cases] == ["calm"]
    assert "ZeroDivisionError" in plan.broken["own"].what
    assert [code.qualname for code in told] == ["Bot"]
    assert plan.seed == 3


def test_two_plans_are_alike_only_if_their_runs_are(tmp_path):
    def identity(text, **more):
        return AuditPlan(configured(tmp_path, text), {}, 7, None).identity() | more

    base = TEXT + rules("max(blocks) > 0")
    assert identity(base) == identity(base.replace('id = "R0"', 'id = "Q"\nlevel = "warn"'))
    for other in (base.replace("> 0", "> 1"), base.replace("= 100", "= 99"), base.replace("= 1 }", "= 2 }")):
        assert identity(other) != identity(base)


@pytest.mark.slow
@pytest.mark.parametrize("text", ["mean(m) <= 0", "p90(m) <= 1.2815516"])
def test_looking_again_passes_a_rule_on_its_limit_in_one_audit_of_nine_and_not_more(text):
    """What the module says of the price of looking again."""
    rule, random, passed = parse_rule(text), np.random.default_rng(0), 0
    for _ in range(400):
        x = random.normal(size=2000)
        looks = (rule.verdict(rule.evaluate(pd.DataFrame({"m": x[:n]}))) for n in (300, 600, 1200, 2000))
        passed += next((verdict for verdict in looks if verdict != "inconclusive"), "") == "pass"
    assert 0.05 < passed / 400 < 0.11 + 3 * np.sqrt(0.11 * 0.89 / 400)
