"""The validation page says of every law what was found, to the digits that count."""

import math
import re

import pytest

from simulator.validation.law import Finding, Law, Measured
from simulator.validation.page import figures, gauge, render, write_page

VERSIONS = {"numpy": "2.4.6", "python": "3.11.9"}


def finding(name, result=None, note="", statement="It <holds> & more.", source="Somebody (1999)"):
    verdict = "no_data" if result is None else "holds" if result.holds else "fails"
    return Finding(Law(name, statement, source, lambda: result), verdict, result, note)


HOLDS, FAILS = Measured(1.0, 1.05, 0.1), Measured(1.0, 1.2, 0.1)


@pytest.mark.parametrize(
    ("result", "shown"),
    [
        (Measured(0.527638, 0.527012, 0.0026), ("0.5276", "0.5270", "±0.0026")),
        (Measured(12_192, 12_192, 0), ("12,192", "12,192", "0")),
        (Measured(0, 4.963e-11, 5.1e-11), ("0", "5.0e-11", "±5.1e-11")),
        (Measured(-0.0123456789012, -0.0123456789013, 1e-15), ("-0.01234567890", "-0.01234567890", "±1.0e-15")),
        (Measured(5000.0, 5123.4, 250.0), ("5,000", "5,123", "±250")),
        (Measured(1.0, math.nan, 0.1), ("1.00", "not a number", "±0.10")),
        (Measured(1.0, math.inf, 0.1), ("1.00", "infinite", "±0.10")),
        (Measured(9.132420e-5, 9.132516e-5, 5.2e-8), ("0.000091324", "0.000091325", "±5.2e-08")),
        (Measured(9.132420e-8, 9.132516e-8, 5.2e-11), ("9.1324e-08", "9.1325e-08", "±5.2e-11")),
        (Measured(0.99, 0.999, 0.1), ("0.99", "1.00", "±0.10")),
    ],
)  # fmt: skip
def test_numbers_are_shown_to_the_second_digit_of_the_tolerance(result, shown):
    assert figures(result) == shown


@pytest.mark.parametrize(
    ("result", "place", "beyond", "text"),
    [
        (Measured(1.0, 1.0, 0.0), 50, False, "0"),
        (Measured(1.0, 1.1, 0.2), 50 + 50 / 3, False, "+0.50"),
        (Measured(1.0, 0.8, 0.2), 50 - 100 / 3, False, "−1.00"),
        (Measured(1.0, 3.0, 0.2), 100, True, "+10.00"),
        (Measured(0.0, 2.0, 0.0), 100, True, "off"),
        (Measured(0.0, -math.inf, 1.0), 0, True, "off"),
        (Measured(0.0, 1.0, 1e-6), 100, True, "+1.0e+06"),
    ],
)
def test_the_gauge_shows_the_distance_in_tolerances(result, place, beyond, text):
    shown = gauge(result)
    assert shown.place == pytest.approx(place, abs=0.01)
    assert (shown.beyond, shown.text) == (beyond, text)


def test_what_is_no_number_has_no_gauge():
    assert gauge(Measured(1.0, math.nan, 0.1)) is None


@pytest.mark.parametrize(
    ("results", "title", "status"),
    [
        ([HOLDS, HOLDS], "All 2 laws hold", "holds"),
        ([HOLDS], "1 law holds", "holds"),
        ([HOLDS, FAILS, None], "1 of 3 laws fails", "fails"),
        ([FAILS, FAILS], "2 of 2 laws fail", "fails"),
        ([HOLDS, None], "1 of 2 laws hold, 1 without data", "incomplete"),
        ([], "No law was measured", "incomplete"),
    ],
)
def test_the_headline_counts_verdicts(results, title, status):
    page = render([finding(f"a/{at}", result) for at, result in enumerate(results)], VERSIONS)
    assert re.search(r"<h1>(.*?)</h1>", page)[1] == title
    assert re.search(r'class="status [a-z-]+">(.*?)<', page)[1] == status


def test_a_family_stands_together_and_says_a_shared_source_once():
    laws = [finding("a/1", HOLDS), finding("b", HOLDS), finding("a/2", FAILS)]
    page = render(laws, VERSIONS)
    assert re.findall(r'<h2 id="family-(.*?)-title">', page) == ["a", "b"]
    assert page.index("law-a/1") < page.index('<tr id="law-a/2"') < page.index('<tr id="law-b"')
    assert page.count("Source: Somebody (1999)") == 2
    other = render([*laws, finding("a/3", HOLDS, source="Else")], VERSIONS)
    assert other.count("Source: Somebody (1999)") == 3
    assert other.count("Source: Else") == 1


def test_text_of_a_law_is_never_markup():
    page = render([finding("a", None, note="no <file> & folder")], {"<b>": "<i>"})
    for text in ("It &lt;holds&gt; &amp; more.", "no &lt;file&gt; &amp; folder", "&lt;b&gt;", "&lt;i&gt;"):
        assert text in page


def test_failing_and_missing_laws_are_named_on_top():
    page = render([finding("a", HOLDS), finding("b", FAILS), finding("c/1", None, "no prices.csv")], VERSIONS)
    top = page[: page.index('id="glance"')]
    assert re.findall(r'<a href="#law-(.*?)">', top) == ["b", "c/1"]
    assert "law-" not in render([finding("a", HOLDS)], VERSIONS).split('id="glance"')[0]


def test_the_page_is_written_whole_into_a_new_folder_and_over_an_old_one(tmp_path):
    path = tmp_path / "runs" / "validation.html"
    assert write_page([finding("a", HOLDS)], path, VERSIONS) == path
    assert write_page([finding("a", FAILS)], path, VERSIONS) == path
    assert "1 of 1 law fails" in path.read_text(encoding="utf-8")
    assert [each.name for each in path.parent.iterdir()] == ["validation.html"]


def test_the_same_findings_make_the_same_page():
    laws = [finding("a/1", HOLDS), finding("b", FAILS)]
    assert render(laws, VERSIONS) == render(laws, dict(reversed(VERSIONS.items())))
