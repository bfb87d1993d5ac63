"""The page of an audit in a real browser: drawn, readable at every width and in both schemes, offline."""

import json
from pathlib import Path
from typing import Any

import pytest
from devtools import Page
from structure import check_fit, check_structure

from simulator.audit.page import render

pytestmark = pytest.mark.browser

DESKTOP, PHONE = 1280, 390
DOCUMENT = Path(__file__).parents[1] / "unit" / "audit_document.json"
FAULT = {"what": "the chain is gone: <anvil> ended", "where": "luna, seed 11", "mend": "see whether it runs"}


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    """Every verdict, a baseline, and scenarios with long names."""
    found: dict[str, Any] = json.loads(DOCUMENT.read_text(encoding="utf-8"))
    return found


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory, document: dict[str, Any]) -> Path:
    return _write(tmp_path_factory, document)


@pytest.fixture(scope="module")
def cut_short(tmp_path_factory: pytest.TempPathFactory, document: dict[str, Any]) -> Path:
    """Nothing but passes, and a chain that died."""
    rules = [rule for rule in document["rules"] if rule["verdict"] == "pass"]
    changes = {"rules": rules, "baseline": None, "verdict": "inconclusive", "exit_code": 3, "status": "partial"}
    return _write(tmp_path_factory, {**document, **changes, "faults": [FAULT]})


def _write(factory: pytest.TempPathFactory, document: dict[str, Any]) -> Path:
    path = factory.mktemp("audit") / "report.html"
    path.write_text(render(document), encoding="utf-8")
    return path


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [DESKTOP, 768, PHONE, 320])
def test_the_page_fits_reads_well_and_asks_for_nothing(page: Page, written: Path, width: int, scheme: str) -> None:
    check_fit(page, written, width, scheme)


@pytest.mark.parametrize("width", [DESKTOP, PHONE])
def test_every_rule_has_a_chart_with_its_limit_and_a_mark_for_every_scenario(
    page: Page, written: Path, document: dict[str, Any], width: int
) -> None:
    page.show(written, width=width, touch=width == PHONE)
    drawn = page.run(
        "[...document.querySelectorAll('[data-chart]')].map(plot => [plot.querySelector('.main-svg')"
        ".getBoundingClientRect().width, plot.querySelectorAll('.scatterlayer .point').length,"
        " plot.querySelectorAll('.shapelayer path').length, plot.scrollHeight > plot.clientHeight + 1])"
    )
    by_rule: dict[str, int] = {}
    for rule in document["rules"]:
        by_rule[rule["id"]] = by_rule.get(rule["id"], 0) + (rule["estimate"] is not None)
    assert [marks for _, marks, _, _ in drawn] == list(by_rule.values())
    for across, _, shapes, cut in drawn:
        assert across > 0.7 * width
        assert shapes >= 2
        assert not cut


def test_a_mark_that_fails_lies_where_the_limit_is_broken_and_the_whole_interval_is_shown(
    page: Page, written: Path
) -> None:
    page.show(written)
    failed, limit, left, right = page.run(
        "(plot => [plot._fullData.find(trace => trace.name === 'Fail').x[0], plot.layout.shapes.at(-1).x0,"
        " ...plot.layout.xaxis.range])(document.querySelector('[data-chart=rule-0]'))"
    )
    assert limit == pytest.approx(0.5)
    assert failed == pytest.approx(4.13)
    assert left < 0 < 6.09 < right


def test_the_verdict_is_read_first_and_what_fails_before_what_is_open(page: Page, written: Path) -> None:
    page.show(written)
    assert page.run("document.querySelector('h1').innerText") == "Fail: 3 of 24 checks broken"
    titles = page.run("[...document.querySelectorAll('main h2')].map(title => title.innerText)")
    assert titles == ["To mend", "Rules", "Baseline", "Figures", "Scenarios"]
    verdicts = page.run("[...document.querySelectorAll('.open .status')].map(chip => chip.innerText)")
    assert verdicts == ["Fail"] * 4 + ["Inconclusive"] * 4


def test_each_failing_rule_has_its_figures_and_its_command_to_copy(
    page: Page, written: Path, document: dict[str, Any]
) -> None:
    page.show(written)
    cards = page.run("[...document.querySelectorAll('.open .card')].map(card => card.innerText)")
    commands = page.run("[...document.querySelectorAll('.open .command')].map(part => part.innerText)")
    wanted = [rule["replay"] for rule in document["rules"] if rule["verdict"] != "pass" and rule["replay"]]
    assert sorted(commands) == sorted(wanted)
    for part in ("4.13", "at least 2.81", "<= 0.5%", "300", "211", "The insurance fund covers"):
        assert part in cards[0].replace("\u00a0", " ")
    selected = page.run("getComputedStyle(document.querySelector('.open .command code')).userSelect")
    assert selected == "all"


def test_an_audit_cut_short_says_so_before_any_rule(page: Page, cut_short: Path) -> None:
    page.show(cut_short, width=PHONE, touch=True)
    assert page.problems == []
    assert page.run("document.querySelector('h1').innerText") == "Inconclusive: the audit is not whole"
    notice = page.run("document.querySelector('main > .notice').innerText")
    assert "does not pass" in notice
    assert "the chain is gone: <anvil> ended" in notice


def test_every_link_leads_somewhere_and_every_control_has_a_name(page: Page, written: Path) -> None:
    page.show(written)
    check_structure(page, 10)
