"""Every broken vault is caught by the default rule that names its fault, and sound contracts by none."""

import shutil
from collections import Counter
from pathlib import Path

import pytest
from harness import LIBRARIES, RULES, broken, metrics_of, patched
from variants import VARIANTS, Edit

from simulator.errors import SetupError

SCENARIOS = sorted({variant.scenario for variant in VARIANTS})
pytestmark = pytest.mark.forge
needs_solc = pytest.mark.skipif(
    shutil.which("node") is None or not (LIBRARIES / "solc").is_dir(),
    reason="needs Node.js, and solc from `npm install --prefix scripts/toolchain`",
)


def caught(variant, seeds):
    return broken([metrics_of(variant.scenario, seed, variant) for seed in seeds])


FIRST = {
    variant.rule: variant for variant in reversed(VARIANTS)
}  # compiling them all takes longer than a quick run has


@needs_solc
@pytest.mark.parametrize(
    "variant",
    [pytest.param(v, id=v.name, marks=() if FIRST[v.rule] is v else pytest.mark.slow) for v in VARIANTS],
)
def test_a_fault_is_caught_by_the_rule_that_names_it(variant):
    assert variant.rule in caught(variant, [1])


@needs_solc
@pytest.mark.slow
@pytest.mark.parametrize("variant", VARIANTS, ids=lambda variant: variant.name)
def test_a_fault_is_caught_whatever_the_seed(variant):
    for seed in range(11, 16):
        assert variant.rule in caught(variant, [seed]), seed


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_sound_contracts_break_no_rule(scenario):
    assert broken([metrics_of(scenario, seed) for seed in (1, 2)]) == {}


@pytest.mark.slow
@pytest.mark.parametrize("scenario", SCENARIOS)
def test_sound_contracts_break_no_rule_whatever_the_seed(scenario):
    assert broken([metrics_of(scenario, seed) for seed in range(21, 31)]) == {}


@pytest.mark.parametrize("variant", [v for v in VARIANTS if v.changes], ids=lambda variant: variant.name)
def test_what_a_fault_needs_to_matter_is_refused_by_sound_contracts(variant):
    with pytest.raises(SetupError, match="OutOfBounds"):
        metrics_of(variant.scenario, 1, changes=variant.changes)


@needs_solc
def test_every_variant_is_a_patch_of_its_own_that_applies():
    texts = [tuple(sorted(patched(variant.edits).items())) for variant in VARIANTS]
    with pytest.raises(ValueError, match="has 0 times"):
        patched([Edit("cdp/CdpEngine.sol", "no such text", "")])
    same = [names for names in Counter(zip(texts, (v.scenario for v in VARIANTS), strict=True)).values() if names > 1]
    assert not same


def test_every_rule_that_is_judged_as_observed_has_a_fault_that_it_catches():
    named = {variant.rule for variant in VARIANTS}
    assert {rule.id for rule in RULES} - named == {"STALE-HOUR"}


def test_the_corpus_is_of_every_family_and_of_two_strategies():
    assert len({variant.name for variant in VARIANTS}) == len(VARIANTS) >= 18
    files = {Path(edit.file).parts[0] for variant in VARIANTS for edit in variant.edits}
    assert files == {"oracle", "cdp", "amm", "perps", "vault", "lending", "options", "margin"}
    assert {"vault/PerpHedge.sol", "vault/CdpCarry.sol"} <= {e.file for v in VARIANTS for e in v.edits}
