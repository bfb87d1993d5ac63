"""The configuration of an audit: what it means, and that whatever is wrong is one line with file, rule and line."""

import re

import pytest
from audit_samples import HEAD, RULE, configured

from simulator.errors import ConfigError


def refused(folder, text):
    """The line that a configuration is refused with."""
    with pytest.raises(ConfigError) as error:
        configured(folder, text)
    line = str(error.value)
    assert "\n" not in line
    assert error.value.mend
    return line


def test_a_configuration_has_cases_rules_and_defaults(tmp_path):
    text = """
[audit]
scenarios = ["flash-crash", { name = "calm", id = "calm-hour", set = { "world.hours" = 1 } }]
baseline = "kept/base.json"
[[rule]]
id = "A"
require = "max(bad_debt_usd) <= 5 usd"
why = "Because."
[[rule]]
id = "B"
level = "warn"
require = "param(world.hours) >= 1"
scenarios = ["calm-hour"]
"""
    config = configured(tmp_path, text)
    assert [(case.name, case.scenario.world.hours) for case in config.cases] == [("flash-crash", 6), ("calm-hour", 1)]
    assert (config.seeds, config.max_seeds, config.seed) == (300, 2000, 1)
    assert config.baseline == tmp_path / "kept/base.json"
    assert [(rule.id, rule.level, rule.why, rule.line, rule.scenarios) for rule in config.rules] == [
        ("A", "error", "Because.", 5, ("flash-crash", "calm-hour")),
        ("B", "warn", "", 9, ("calm-hour",)),
    ]
    assert [rule.id for rule in config.rules_of("flash-crash")] == ["A"]


def test_a_path_starts_from_the_folder_of_the_file(tmp_path, monkeypatch):
    (tmp_path / "own.toml").write_text('schema = 1\nextends = "calm"\n')
    monkeypatch.chdir("/")
    config = configured(tmp_path, '[audit]\nscenarios = ["./own.toml"]\n' + RULE)
    assert config.cases[0].name == "own"
    assert config.cases[0].scenario.source == tmp_path / "own.toml"


def test_a_header_inside_a_text_is_no_rule(tmp_path):
    text = (
        HEAD + '[[rule]]\nid = "A"\nwhy = """\n[[rule]]\n"""\nrequire = "max(blocks) > 0"\n\n [[ rule ]] # the second\n'
    )
    config = configured(tmp_path, text + 'id = "B"\nrequire = "max(blocks) > 0"\n')
    assert [rule.line for rule in config.rules] == [6, 13]


def test_most_seeds_are_never_less_than_the_first(tmp_path):
    assert configured(tmp_path, HEAD.replace("300", "3000") + RULE).max_seeds == 3000
    line = refused(tmp_path, HEAD + "max_seeds = 299\n" + RULE)
    assert "max_seeds = 299: is less than seeds = 300" in line


WRONG_RULES = {
    'require = "p99(bad_dept_ratio) <= 1%"\nid = "A"': r"rule A: .*no metric bad_dept_ratio.*bad_debt_ratio",
    'require = "p99(bad_debt_ratio) <= lots"\nid = "A"': r'rule A: .*"lots" is no limit',
    'require = "q99(bad_debt_ratio) <= 1%"\nid = "A"': r"rule A: .*no statistic q99.*p99",
    'require = "rate(insolvent > 0) <= 0%"\nid = "A"': r"rule A: .*no number of runs",
    'require = "max(blocks) > 0"\nid = "A"\nlevl = "warn"': r"rule A: levl: unknown key.*level",
    'require = "max(blocks) > 0"\nid = "A"\nlevel = "fatal"': r'rule A: level = "fatal": must be "error" or "warn"',
    'require = "max(blocks) > 0"\nid = "A"\nscenarios = ["clam"]': r'rule A: .*no "clam" in this audit.*"calm"',
    'require = "max(blocks) > 0"\nid = "A"\nscenarios = []': r"rule A: scenarios = \[\]: must have at least 1 item",
    'require = "max(blocks) > 0"': r"rule 2: id: is missing",
    'id = "A"': r"rule A: require: is missing",
    'require = "max(blocks) > 0"\nid = "DEBT"': r"rule DEBT: the id is taken.*line 6 has it too",
    'require = "max(blocks) > 0"\nid = "two words"': r"rule two words: id",
}


@pytest.mark.parametrize(("rule", "expected"), WRONG_RULES.items())
def test_a_rule_that_is_wrong_is_named_with_its_line(tmp_path, rule, expected):
    line = refused(tmp_path, HEAD + RULE[1:] + f"\n[[rule]]\n{rule}\n")
    assert re.search(rf"risk\.toml:10: {expected}", line), line


WRONG_FILES = {
    RULE: r"has no table \[audit\]",
    "[audit]\nscenarios = []\n" + RULE: r"audit\.scenarios = \[\]: must have at least 1 item",
    '[audit]\nscenarios = ["clam"]\n' + RULE: r'audit\.scenarios\[0\]: no scenario "clam".*"calm"',
    '[audit]\nscenarios = [{ name = "calm", set = { "world.hour" = 1 } }]\n' + RULE: r"world\.hour.*hours",
    '[audit]\nscenarios = ["calm", "calm"]\n' + RULE: r'another scenario is called "calm".*id = "calm-2"',
    HEAD.replace("300", "0") + RULE: r"audit\.seeds = 0: must be >= 1",
    HEAD + "seed_s = 1\n" + RULE: r"audit\.seed_s: unknown key",
    HEAD: r'no rule judges the scenario "calm"',
    HEAD + "[rules]\n": r"rules: unknown key.*rule",
    HEAD + "[rule]\nid = 'A'\n": r"must be a list of tables.*\[\[rule\]\]",
    HEAD.replace("300", "19") + 'baseline = "b.json"\n' + RULE: r"seeds = 19: too few to compare with a baseline.*20",
    HEAD
    + RULE
    + '[target]\nprotocol = "x:Y"\nartifacts = "out"\n': r'target\.artifacts = "out": no such folder.*compile',
    "[audit\n": r"not TOML",
}


@pytest.mark.parametrize(("text", "expected"), WRONG_FILES.items())
def test_a_file_that_is_wrong_is_refused_with_its_key(tmp_path, text, expected):
    line = refused(tmp_path, text)
    assert re.search(rf"risk\.toml.*{expected}", line), line


def test_a_file_that_is_not_there_says_how_to_start(tmp_path):
    from simulator.audit.config import load_audit

    with pytest.raises(ConfigError, match="wavetank new audit"):
        load_audit(tmp_path / "none.toml")


def test_a_target_takes_the_place_of_a_protocol_of_every_scenario(tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "lender.py").write_text("raise RuntimeError\n")  # which must not be imported here
    text = HEAD + RULE + '[target]\nprotocol = "./lender.py:Lender"\nartifacts = "out"\n'
    (case,) = configured(tmp_path, text).cases
    taken = case.scenario.protocols["cdp"]
    assert taken.code.file == tmp_path / "lender.py"
    assert (case.scenario.source.parent / case.scenario.target.artifacts).resolve() == tmp_path / "out"
