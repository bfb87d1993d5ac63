"""The report in a real browser: drawn, zoomable, readable at every width and in both colour schemes."""

from pathlib import Path

import pytest
from contrast import CONTRAST, faint_texts
from devtools import Page
from structure import check_structure

pytestmark = pytest.mark.browser

CHARTS = {"price-ETH", "ratios-cdp", "liquidations", "bad-debt", "gas", "pool-ETH"}
DESKTOP, PHONE = 1280, 390


def drawn_charts(page: Page) -> list[str]:
    keys: list[str] = page.run("[...document.querySelectorAll('[data-chart]')].map(plot => plot.dataset.chart)")
    return keys


def plot(key: str) -> str:
    return f"document.querySelector('[data-chart=\"{key}\"]')"


def shown_range(page: Page, key: str) -> tuple[float, float]:
    """The range of time that a chart shows [ms since 1970]."""
    script = (
        f"{plot(key)}.layout.xaxis.range.map(edge => typeof edge === 'number' ? edge"
        " : Date.parse(edge.replace(' ', 'T').slice(0, 23) + (edge.length < 11 ? 'T00:00Z' : 'Z')))"
    )
    start, end = page.run(script)
    return start, end


def drag_area(page: Page, key: str) -> tuple[float, float, float, float]:
    """Left, top, width and height of the upper plot of a chart in the window [px], scrolled into view."""
    page.run(f"{plot(key)}.closest('figure').scrollIntoView()")
    page.settle()
    area = f"{plot(key)}.querySelector('.nsewdrag').getBoundingClientRect()"
    x, y, width, height = page.run(f"(box => [box.x, box.y, box.width, box.height])({area})")
    return x, y, width, height


def zoom_by_mouse(page: Page, key: str, start: float, end: float) -> None:
    x, y, width, height = drag_area(page, key)
    page.drag((x + start * width, y + 0.5 * height), (x + end * width, y + 0.5 * height))


@pytest.mark.parametrize(
    ("width", "scheme"), [(DESKTOP, "light"), (DESKTOP, "dark"), (PHONE, "light"), (PHONE, "dark")]
)
def test_the_page_loads_without_a_complaint_or_a_request(page: Page, storm: Path, width: int, scheme: str) -> None:
    page.show(storm, width=width, scheme=scheme, touch=width == PHONE)
    assert page.problems == []
    assert set(page.requests) == {storm.as_uri()}


@pytest.mark.parametrize("width", [DESKTOP, PHONE])
def test_every_chart_is_drawn(page: Page, storm: Path, width: int) -> None:
    page.show(storm, width=width, touch=width == PHONE)
    assert set(drawn_charts(page)) == CHARTS
    for key in CHARTS:
        traces, plot_width, plot_height, marks = page.run(
            f"(plot => [plot.data.length, ...(box => [box.width, box.height])(plot.querySelector('.main-svg')"
            f".getBoundingClientRect()), [...plot.querySelectorAll('.cartesianlayer .trace path')]"
            f".filter(path => path.getBBox().width > 0).length])({plot(key)})"
        )
        assert traces > 0, key
        assert plot_width > 0.7 * width, key
        assert plot_height > 200, key
        assert marks >= 2, key


def test_dragging_zooms_every_chart_to_what_was_dragged_over(page: Page, storm: Path) -> None:
    page.show(storm)
    start, end = shown_range(page, "price-ETH")
    zoom_by_mouse(page, "price-ETH", 0.25, 0.75)
    wanted = start + 0.25 * (end - start), start + 0.75 * (end - start)
    for key in CHARTS:
        assert shown_range(page, key) == pytest.approx(wanted, abs=0.01 * (end - start)), key


def test_a_chart_zooms_alone_when_they_are_not_tied_together(page: Page, storm: Path) -> None:
    page.show(storm)
    whole = shown_range(page, "gas")
    page.run("document.getElementById('together').click()")
    zoom_by_mouse(page, "gas", 0.5, 0.8)
    start, end = shown_range(page, "gas")
    assert end - start < 0.5 * (whole[1] - whole[0])
    assert shown_range(page, "price-ETH") == whole


def test_a_double_click_shows_all_again(page: Page, storm: Path) -> None:
    page.show(storm)
    whole = shown_range(page, "gas")
    zoom_by_mouse(page, "gas", 0.3, 0.6)
    assert shown_range(page, "gas") != whole
    x, y, width, height = drag_area(page, "gas")
    middle = (x + width / 2, y + height / 2)
    for clicks in (1, 2):
        page.mouse("mousePressed", *middle, button="left", clicks=clicks)
        page.mouse("mouseReleased", *middle, button="left", clicks=clicks)
    page.pause(600)  # plotly waits for a third click
    for key in ("gas", "price-ETH"):
        assert shown_range(page, key) == pytest.approx(whole, abs=2_000), key


def test_the_zoom_buttons_work_from_the_keyboard(page: Page, storm: Path) -> None:
    page.show(storm)
    start, end = shown_range(page, "gas")
    page.run("document.querySelector('#chart-gas [data-zoom=in]').focus()")
    for kind in ("keyDown", "keyUp"):
        page.send("Input.dispatchKeyEvent", type=kind, key="Enter", code="Enter", windowsVirtualKeyCode=13, text="\r")
    page.settle()
    shown = shown_range(page, "gas")
    assert shown[1] - shown[0] == pytest.approx(0.5 * (end - start), rel=0.01)
    page.run("document.querySelector('#chart-gas [data-zoom=all]').click()")
    page.settle()
    assert shown_range(page, "gas") == (start, end)


def test_hovering_shows_a_label_with_numbers_on_every_chart(page: Page, storm: Path) -> None:
    page.show(storm)
    for key in sorted(CHARTS):
        shown = hover(page, key)
        assert any(letter.isdigit() for letter in shown), key
        assert "2020-03-12" in shown, key
        assert "undefined" not in shown, key
        assert "NaN" not in shown, key


def hover(page: Page, key: str) -> str:
    """The label that appears while the pointer crosses a chart; marks have one only where the pointer is near."""
    x, y, width, height = drag_area(page, key)
    label = f"{plot(key)}.querySelector('.hoverlayer').textContent"
    assert page.run(label) == ""
    for step in range(40):
        page.mouse("mouseMoved", x + (0.5 + 0.01 * step) * width, y + 0.25 * height)
        page.pause(60)
        shown: str = page.run(label)
        if shown:
            return shown
    return ""


@pytest.mark.parametrize("report", ["storm", "cut_short", "quiet", "blockless"])
def test_nothing_makes_the_page_scroll_sideways(page: Page, request: pytest.FixtureRequest, report: str) -> None:
    for width in (DESKTOP, 320, PHONE):
        page.show(request.getfixturevalue(report), width=width, touch=width < 500)
        page.run("document.querySelectorAll('details').forEach(part => { part.open = true; })")
        assert page.run("document.documentElement.scrollWidth") <= width
        page.run("scrollTo(500, 0)")
        assert page.run("scrollX") == 0


def test_charts_follow_the_width_of_the_window(page: Page, storm: Path) -> None:
    page.show(storm, width=DESKTOP)
    page.send("Emulation.setDeviceMetricsOverride", width=PHONE, height=844, deviceScaleFactor=1, mobile=False)
    page.wait(f"{plot('gas')}.querySelector('.main-svg').getBoundingClientRect().width < {PHONE}")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [DESKTOP, PHONE])
def test_all_text_can_be_read(page: Page, cut_short: Path, width: int, scheme: str) -> None:
    page.show(cut_short, width=width, scheme=scheme)
    page.run("document.querySelectorAll('details').forEach(part => { part.open = true; })")
    number, faint = faint_texts(page)
    assert number > 200
    assert faint == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_all_lines_and_marks_stand_out_from_the_page(page: Page, storm: Path, scheme: str) -> None:
    page.show(storm, scheme=scheme)
    lines = page.run(
        "(() => {" + CONTRAST + """
        const drawn = [...document.querySelectorAll('.js-line, .scatterlayer .point')].map(getComputedStyle)
          .filter(style => Number(style.strokeOpacity) > 0 && parseFloat(style.strokeWidth) > 0);
        const card = behind(document.querySelector('.plot'));
        return [...new Set(drawn.map(style => style.stroke))].map(text => [text, contrast(parse(text), card)]);
        })()"""
    )  # fmt: skip
    assert len(lines) >= 7
    assert [entry for entry in lines if entry[1] < 3] == []


def test_the_colours_follow_the_scheme_while_the_page_is_open(page: Page, storm: Path) -> None:
    page.show(storm, scheme="light")
    zoom_by_mouse(page, "gas", 0.2, 0.7)
    zoomed = shown_range(page, "gas")
    ticks = f"getComputedStyle({plot('gas')}.querySelector('.xtick text')).fill"
    light = page.run("getComputedStyle(document.body).backgroundColor"), page.run(ticks)
    page.scheme("dark")
    page.wait(f"{ticks} !== '{light[1]}'")
    assert page.run("getComputedStyle(document.body).backgroundColor") != light[0]
    assert shown_range(page, "gas") == pytest.approx(zoomed, abs=1)
    page.scheme("light")
    page.wait(f"{ticks} === '{light[1]}'")
    assert page.problems == []


def test_a_legend_entry_hides_and_shows_its_line(page: Page, storm: Path) -> None:
    page.show(storm)
    count = "document.querySelectorAll('[data-chart=price-ETH] .scatterlayer .js-line').length"
    key = "document.querySelector('#chart-price-ETH [data-group=Market]')"
    before = page.run(count)
    page.run(f"{key}.click()")
    page.wait(f"{count} === {before - 1}")
    assert page.run(f"{key}.getAttribute('aria-pressed')") == "false"
    page.run(f"{key}.click()")
    page.wait(f"{count} === {before}")


def test_a_finger_scrolls_the_page_over_a_chart(page: Page, storm: Path) -> None:
    page.show(storm, width=PHONE, height=844, touch=True)
    _, top, _, height = drag_area(page, "gas")
    before = page.run("scrollY")
    page.swipe((195, top + height / 2), (195, top + height / 2 - 200))
    page.wait(f"scrollY > {before + 150}")


def test_every_link_leads_somewhere_and_every_control_has_a_name(page: Page, storm: Path) -> None:
    page.show(storm)
    check_structure(page, 40)


def test_the_keyboard_reaches_a_control_and_shows_where_it_is(page: Page, storm: Path) -> None:
    page.show(storm)
    for _ in range(2):
        for kind in ("rawKeyDown", "keyUp"):
            page.send("Input.dispatchKeyEvent", type=kind, key="Tab", code="Tab", windowsVirtualKeyCode=9)
    tag, outline = page.run("(at => [at.tagName, getComputedStyle(at).outlineStyle])(document.activeElement)")
    assert tag == "A"
    assert outline == "solid"


def test_text_of_a_scenario_is_never_markup(page: Page, storm: Path) -> None:
    page.show(storm)
    assert "falls silent <for two hours> & keepers" in page.run("document.querySelector('.story').innerText")


def test_a_partial_run_in_fast_gas_says_both_on_top(page: Page, cut_short: Path) -> None:
    page.show(cut_short)
    first, second = page.run("[...document.querySelectorAll('main > .notice')].slice(0, 2).map(note => note.innerText)")
    assert first.startswith("This run is partial.")
    assert "of the 6\u00a0h planned" in first
    assert "borrowers: the agent raised ValueError" in first
    assert second.startswith("Gas reads low.")
    assert page.run("document.querySelector('.status').innerText") == "partial"


def test_a_complete_exact_run_has_neither_warning(page: Page, storm: Path) -> None:
    page.show(storm)
    notices = page.run("[...document.querySelectorAll('main > .notice')].map(note => note.innerText).join()")
    assert "partial" not in notices
    assert "Gas reads low" not in notices
    assert "3 unexpected reverts" in notices


def test_charts_without_data_say_so_in_words(page: Page, blockless: Path, quiet: Path) -> None:
    page.show(blockless)
    assert drawn_charts(page) == []
    words = page.run("[...document.querySelectorAll('.chart .nothing')].map(note => note.innerText)")
    assert "No price was recorded: the run has no block." in words
    assert "No collateral was liquidated." in words
    assert len(words) == page.run("document.querySelectorAll('.chart').length")
    page.show(quiet)
    assert set(drawn_charts(page)) == {"price-ETH", "ratios-cdp", "gas"}
    assert page.problems == []
