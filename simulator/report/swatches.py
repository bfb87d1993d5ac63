"""The samples of line, band and mark in the legends, as small inline drawings."""

from markupsafe import Markup

from simulator.report.chart import Key

_SHAPES = {
    "line": '<path d="M1 6H21" stroke="{colour}" stroke-width="2.5"/>',
    "dash": '<path d="M1 6H21" stroke="{colour}" stroke-width="2" stroke-dasharray="6 3"/>',
    "dot": '<path d="M1 6H21" stroke="{colour}" stroke-width="2" stroke-dasharray="2 3"/>',
    "band": '<rect x="1" y="1" width="20" height="10" rx="2" fill="{colour}"/>',
    "circle": '<circle cx="11" cy="6" r="4.5" fill="{colour}"/>',
    "diamond": '<path d="M11 0.5 16.5 6 11 11.5 5.5 6Z" fill="{colour}"/>',
    "cross": '<path d="M7 2 15 10M15 2 7 10" stroke="{colour}" stroke-width="2.2"/>',
}


def swatch(key: Key) -> Markup:
    """The sample of a legend's entry; the words beside it say what it is, so readers of the page aloud skip it."""
    shape = _SHAPES[key.look].format(colour=f"var(--{key.colour})")
    return Markup('<svg width="22" height="12" viewBox="0 0 22 12" fill="none" aria-hidden="true">{}</svg>').format(
        Markup(shape)
    )
