"""The validation page: what every law says and what was measured, as one file that works offline."""

import math
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from simulator.report.chart import Key
from simulator.report.html import asset, environment
from simulator.report.swatches import swatch
from simulator.report.wording import MISSING, count, plain
from simulator.validation.law import Finding, Measured

_REACH = 1.5  # tolerances to either side that a gauge shows
_DIGITS = 10  # shown at most
_KEYS = (Key("holds", "circle", "pool"), Key("fails", "circle", "zero"), Key("tolerance", "band", "ratio-key-1"))
_TITLES = {"svi": "SVI", "adl": "Auto-deleveraging", "erc4626": "ERC-4626"}  # no words by themselves
_VERDICTS = {"holds": "holds", "fails": "fails", "no_data": "no data"}


class Gauge(NamedTuple):
    """Where the measured number lies, the expected one being the middle and a tolerance the unit."""

    place: float  # [%] from the left
    beyond: bool  # further out than the gauge reaches
    text: str
    words: str  # for who cannot see it


class Row(NamedTuple):
    """One law on the page."""

    name: str
    anchor: str
    statement: str
    source: str
    verdict: str
    shown: str  # the verdict in words
    expected: str
    measured: str
    tolerance: str
    gauge: Gauge | None
    note: str


class Family(NamedTuple):
    """Laws that share the part of the name before the slash."""

    title: str
    anchor: str
    source: str  # that all of them share, else empty
    rows: list[Row]

    @property
    def holding(self) -> int:
        """How many of its laws hold."""
        return sum(row.verdict == "holds" for row in self.rows)


def write_page(findings: Sequence[Finding], path: Path, versions: Mapping[str, str]) -> Path:
    """Write the page of these findings, in their order, and give its path.

    `versions` are of what the numbers depend on, by name. Folders that are missing are made.
    """
    page = render(findings, versions)
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}-{os.getpid()}")
    beside.write_text(page, encoding="utf-8")
    os.replace(beside, path)
    return path


def render(findings: Sequence[Finding], versions: Mapping[str, str]) -> str:
    """The page as HTML."""
    rows = [_row(finding) for finding in findings]
    templates = environment("simulator.validation")
    templates.globals["swatch"] = swatch
    return templates.get_template("validation.html.jinja").render(
        headline=_headline(rows),
        families=_families(findings, rows),
        failing=[row for row in rows if row.verdict == "fails"],
        missing=[row for row in rows if row.verdict == "no_data"],
        keys=_KEYS,
        versions=dict(versions),
        band=50 / _REACH,
        style=asset("simulator.report", "report.css") + asset("simulator.validation", "validation.css"),
    )


def _headline(rows: Sequence[Row]) -> dict[str, Any]:
    number = {verdict: sum(row.verdict == verdict for row in rows) for verdict in _VERDICTS}
    laws = count(len(rows), "law")
    if not rows:
        title = "No law was measured"
    elif number["fails"]:
        title = f"{number['fails']} of {laws} {'fails' if number['fails'] == 1 else 'fail'}"
    elif number["no_data"]:
        title = f"{number['holds']} of {laws} hold, {number['no_data']} without data"
    else:
        title = f"All {laws} hold" if len(rows) > 1 else f"{laws} holds"
    status = "fails" if number["fails"] else "incomplete" if number["no_data"] or not rows else "holds"
    return {"title": title, "status": status, "laws": laws, **number}


def _families(findings: Sequence[Finding], rows: Sequence[Row]) -> list[Family]:
    """By first appearance; a source that a whole family shares is said once."""
    grouped: dict[str, list[Row]] = {}
    for finding, row in zip(findings, rows, strict=True):
        grouped.setdefault(finding.law.family, []).append(row)
    families = []
    for name, members in grouped.items():
        sources = {row.source for row in members}
        shared = sources.pop() if len(sources) == 1 else ""
        own = [row._replace(source="") for row in members] if shared else members
        families.append(Family(_TITLES.get(name) or plain(name.replace("-", " ")), f"family-{name}", shared, own))
    return families


def _row(finding: Finding) -> Row:
    law, result = finding.law, finding.result
    return Row(
        law.name,
        f"law-{law.name}",
        law.statement,
        law.source,
        finding.verdict,
        _VERDICTS[finding.verdict],
        *(figures(result) if result else (MISSING, MISSING, MISSING)),
        gauge(result) if result else None,
        finding.note,
    )


def figures(result: Measured) -> tuple[str, str, str]:
    """Expected, measured and tolerance, to the digit that the tolerance reaches.

    The tolerance has two digits, and the numbers as many places, but no more than ten digits that count.
    """
    expected, measured, tolerance = (float(value) for value in result)
    if not tolerance or not math.isfinite(tolerance):
        return _exact(expected), _exact(measured), _exact(tolerance)
    places = 1 - math.floor(math.log10(tolerance))
    return _to_place(expected, places), _to_place(measured, places), f"±{_to_place(tolerance, places)}"


def _exact(value: float) -> str:
    return f"{value:,.{_DIGITS}g}" if math.isfinite(value) else "not a number" if math.isnan(value) else "infinite"


def _to_place(value: float, places: int) -> str:
    """`value` rounded to so many places behind the point, in powers of ten where it is very small."""
    if not value or not math.isfinite(value):
        return _exact(value)
    digits = min(max(math.floor(math.log10(abs(value))) + 1 + places, 2), _DIGITS)
    if abs(value) < 1e-5:
        return f"{value:.{digits - 1}e}"
    return f"{value:,.{max(digits - 1 - math.floor(math.log10(abs(value))), 0)}f}"


def gauge(result: Measured) -> Gauge | None:
    """How far measured is from expected, in tolerances; none for what is no number."""
    expected, measured, tolerance = (float(value) for value in result)
    off = measured - expected
    if math.isnan(off) or math.isnan(tolerance):
        return None
    if not off:
        return Gauge(50.0, False, "0", "as expected")
    share = off / tolerance if tolerance else math.copysign(math.inf, off)
    side = "above" if off > 0 else "below"
    reach = min(max(share, -_REACH), _REACH)
    text = f"{share:+.2f}" if abs(share) < 100 else f"{share:+.1e}" if math.isfinite(share) else "off"
    words = f"{abs(share):.2g} tolerances {side} expected" if math.isfinite(share) else f"{side} expected, exact wanted"
    return Gauge(round(50 + 50 * reach / _REACH, 2), abs(share) > _REACH, text.replace("-", "−"), words)
