"""What every page must keep: it fits, reads well and asks for nothing; and for those who do not see it, links that lead
somewhere, names, and titles in steps."""

from itertools import pairwise
from pathlib import Path

from contrast import faint_texts
from devtools import Page


def check_fit(page: Page, written: Path, width: int, scheme: str) -> None:
    """Show a page at a width and in a colour scheme, and assert that it fits there, reads well and loads nothing."""
    page.show(written, width=width, scheme=scheme, touch=width < 500)
    assert page.problems == []
    assert {address for address in page.requests if not address.startswith("data:")} == {written.as_uri()}
    assert page.run("document.documentElement.scrollWidth") <= width
    number, faint = faint_texts(page)
    assert number > 100
    assert faint == []


def check_structure(page: Page, least_named: int) -> None:
    """Assert it of the page that is shown, of which at least so many links, pictures and buttons have to be named."""
    lost = page.run(
        "[...document.querySelectorAll('a')].map(link => decodeURIComponent(link.hash.slice(1)))"
        ".filter(id => !document.getElementById(id))"
    )
    assert lost == []
    nodes = page.send("Accessibility.getFullAXTree")["nodes"]
    roles = ("link", "image", "img", "button", "checkbox")
    named = [node for node in nodes if node.get("role", {}).get("value") in roles]
    assert len(named) > least_named
    assert [node["nodeId"] for node in named if not node.get("name", {}).get("value")] == []
    levels = page.run("[...document.querySelectorAll('h1, h2, h3, h4')].map(title => Number(title.tagName[1]))")
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after <= before + 1 for before, after in pairwise(levels))
