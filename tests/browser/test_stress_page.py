"""The page of a stress test in a real browser: drawn, readable at every width and in both schemes, offline."""

from pathlib import Path

import pytest
from devtools import Page
from stress_sample import LINE, write_stress
from structure import check_fit, check_structure

pytestmark = pytest.mark.browser

DESKTOP, PHONE = 1280, 390


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A grid of two keys, with a recommended set and runs that failed."""
    return write_stress(tmp_path_factory.mktemp("stress") / "grid")


@pytest.fixture(scope="module")
def hopeless(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One key, and a rule that nothing keeps."""
    folder = tmp_path_factory.mktemp("stress") / "line"
    return write_stress(folder, LINE, ("p90(bad_debt_ratio) <= 0.01%",), failing=0)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [DESKTOP, 768, PHONE, 320])
def test_the_page_fits_reads_well_and_asks_for_nothing(page: Page, written: Path, width: int, scheme: str) -> None:
    check_fit(page, written, width, scheme)


def test_how_jumps_are_drawn_is_said_and_only_where_they_are(page: Page, written: Path, hopeless: Path) -> None:
    story = "[...document.querySelectorAll('.story')].map(each => each.textContent).join(' ')"
    page.show(written)
    assert "market.ETH.jump_rate_factor 12.5, market.ETH.jump_mean_shift -0.0812" in page.run(story)
    page.show(hopeless)
    assert "jump" not in page.run(story)


@pytest.mark.parametrize("width", [DESKTOP, PHONE])
def test_every_chart_is_drawn(page: Page, written: Path, width: int) -> None:
    page.show(written, width=width, touch=width == PHONE)
    keys = page.run("[...document.querySelectorAll('[data-chart]')].map(plot => plot.dataset.chart)")
    assert {"frontier-0", "frontier-1", "rule-0", "rule-1", "sensitivity-0", "tail"} <= set(keys)
    for key in keys:
        traces, across, high, marks = page.run(
            f"(plot => [plot.data.length, ...(box => [box.width, box.height])(plot.querySelector('.main-svg')"
            f".getBoundingClientRect()), plot.querySelectorAll('.trace path, .heatmaplayer image').length])"
            f"(document.querySelector('[data-chart=\"{key}\"]'))"
        )
        assert traces > 0, key
        assert across > 0.7 * width, key
        assert high > 200, key
        assert marks >= 1, key


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_heat_maps_take_the_colours_of_the_scheme(page: Page, written: Path, scheme: str) -> None:
    page.show(written, scheme=scheme)
    scale, wanted = page.run(
        "[document.querySelector('[data-chart=rule-0]')._fullData[0].colorscale.map(stop => stop[1]),"
        " ['low', 'middle', 'high'].map(name => getComputedStyle(document.documentElement)"
        ".getPropertyValue('--heat-' + name).trim())]"
    )
    assert scale == wanted
    assert all(colour.startswith("#") for colour in scale)


def test_the_recommendation_is_read_first_and_its_constraints_behind_it(page: Page, written: Path) -> None:
    page.show(written)
    assert (
        page.run("document.querySelector('h1').innerText")
        == "Recommended: liquidation ratio 1.6, liquidation bonus 0.1"
    )
    titles = page.run("[...document.querySelectorAll('main h2')].map(title => title.innerText)")
    assert titles[0] == "Constraints at the recommended set"
    assert titles.index("What safety costs") < titles.index("The tail") < titles.index("Worst paths")
    assert page.run("document.querySelectorAll('.rules .card').length") == 3
    assert "3 of 2,400 runs failed" in page.run("document.querySelector('.notice').innerText")


def test_the_worst_paths_have_a_command_each(page: Page, written: Path) -> None:
    page.show(written)
    commands = page.run("[...document.querySelectorAll('#worst .command')].map(part => part.innerText)")
    assert len(commands) == 10
    assert all(command.startswith("wavetank run calm --seed ") for command in commands)
    assert all("--set cdp.collateral.ETH.liquidation_ratio=1.6" in command for command in commands)


def test_where_nothing_qualifies_the_page_says_so_first(page: Page, hopeless: Path) -> None:
    page.show(hopeless, width=PHONE, touch=True)
    assert page.problems == []
    assert page.run("document.querySelector('h1').innerText") == "No point keeps the constraint"
    assert "beyond the limit" in page.run("document.querySelector('.story').innerText")
    assert page.run("document.querySelectorAll('.rules .badge').length") == 1


def test_every_link_leads_somewhere_and_every_control_has_a_name(page: Page, written: Path) -> None:
    page.show(written)
    check_structure(page, 15)
