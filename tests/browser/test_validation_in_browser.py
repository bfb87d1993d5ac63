"""The validation page in a real browser: it fits every width, can be read in both schemes, and needs no network."""

from pathlib import Path

import pytest
from devtools import Page
from structure import check_fit, check_structure

from simulator.validation.law import Finding, Law, Measured
from simulator.validation.page import write_page

pytestmark = pytest.mark.browser

DESKTOP, PHONE = 1280, 390
LONG = "A law of many words, such as papers have, that says what must come out, on which premises, and above 1/(1 + i)."


def finding(name: str, result: Measured | None, note: str = "", source: str = "Somebody, A Title (1999)") -> Finding:
    verdict = "no_data" if result is None else "holds" if result.holds else "fails"
    return Finding(Law(name, LONG, source, lambda: Measured(0, 0, 0)), verdict, result, note)


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Laws of every kind and verdict."""
    findings = [
        *(finding(f"moments/some-process-{n}", Measured(1.0, 1 + 0.01 * n, 0.1)) for n in range(8)),
        finding("impermanent-loss/1.25", Measured(-0.006192010000093468, -0.0061920100000939695, 1e-15)),
        finding("funding", None, "no premia.csv in a/very/long/path/of/a/folder: set WAVETANK_DATA to the folder"),
        finding("oracle/count", Measured(5000, 5400, 250)),
        finding("oracle/gap", Measured(0, 3, 0), source="by the rules of deviation"),
        finding("oracle/no-number", Measured(0, float("nan"), 0)),
    ]
    return write_page(findings, tmp_path_factory.mktemp("page") / "validation.html", {"numpy": "2.4.6"})


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [DESKTOP, 768, PHONE, 320])
def test_the_page_fits_reads_well_and_asks_for_nothing(page: Page, written: Path, width: int, scheme: str) -> None:
    check_fit(page, written, width, scheme)
    assert set(page.requests) == {written.as_uri()}


@pytest.mark.parametrize("width", [PHONE, 320])
def test_on_a_phone_every_law_is_read_without_scrolling_sideways(page: Page, written: Path, width: int) -> None:
    page.show(written, width=width, touch=True)
    hidden = page.run(
        "[...document.querySelectorAll('.scroll')].filter(part => part.scrollWidth > part.clientWidth + 1).length"
    )
    assert hidden == 0
    labels = page.run(
        "[...document.querySelectorAll('#law-funding td')].map(cell => getComputedStyle(cell, '::before').content)"
    )
    assert labels == ['"Expected"', '"Measured"', '"Tolerance"', '"Off, in tolerances"', '"Verdict"']


@pytest.mark.parametrize("width", [DESKTOP, PHONE])
def test_dots_lie_in_the_band_where_laws_hold_and_outside_where_they_fail(
    page: Page, written: Path, width: int
) -> None:
    page.show(written, width=width)
    places = page.run(
        "[...document.querySelectorAll('.laws .gauge')].map(gauge => {"
        " const box = part => part.getBoundingClientRect();"
        " const dot = box(gauge.querySelector('.dot')), band = box(gauge.querySelector('.band'));"
        " return [gauge.closest('tr').id, (dot.left + dot.right) / 2 - band.left, band.width]; })"
    )
    assert len(places) == 11
    for law, at, band in places:
        assert band > 60
        assert (0 <= at <= band) == (law not in ("law-oracle/count", "law-oracle/gap")), law
        if law.startswith("law-moments"):
            assert at == pytest.approx(band / 2 * (1 + 0.1 * int(law[-1])), abs=0.5)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_dots_stand_out_from_the_band(page: Page, written: Path, scheme: str) -> None:
    page.show(written, scheme=scheme)
    fills = page.run(
        "['.dot-holds', '.dot-fails', '.band'].map(kind => {"
        " const paint = document.createElement('canvas').getContext('2d');"
        " paint.fillStyle = getComputedStyle(document.querySelector(kind)).fill; paint.fillRect(0, 0, 1, 1);"
        " return [...paint.getImageData(0, 0, 1, 1).data].slice(0, 3); })"
    )

    def luminance(colour: list[int]) -> float:
        parts = [c / 255 / 12.92 if c <= 10 else ((c / 255 + 0.055) / 1.055) ** 2.4 for c in colour]
        return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2]

    *dots, band = map(luminance, fills)
    for dot in dots:
        assert (max(dot, band) + 0.05) / (min(dot, band) + 0.05) >= 3


def test_every_link_leads_somewhere_and_every_control_has_a_name(page: Page, written: Path) -> None:
    page.show(written)
    check_structure(page, 20)


def test_laws_that_fail_or_have_no_data_are_named_first(page: Page, written: Path) -> None:
    page.show(written)
    assert page.run("document.querySelector('h1').innerText") == "3 of 13 laws fail"
    notes = page.run("[...document.querySelectorAll('main > .notice')].map(note => note.innerText)")
    assert notes == [
        "3 laws fail: oracle/count, oracle/gap, oracle/no-number.",
        "1 law has nothing to be measured on: funding.",
    ]
