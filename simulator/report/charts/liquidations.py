"""When collateral was sold, how much of it, and what was paid for its value."""

import json
from dataclasses import dataclass
from typing import Any

import numpy as np

from simulator.report.chart import Axis, Chart, Key, Look, Panel, Trace, empty_chart, instants, level, rounded
from simulator.report.run_tables import Floats, Ints, RunTables, integers, texts
from simulator.report.wording import count, percent, short, usd
from simulator.tables import field

TITLE = "Liquidations and auctions"
MARKS = 2_500  # more would hide one another
BARS = 90
ZERO_BID = 0.01  # of the collateral's value, the definition of the metric zero_bid_share


@dataclass(frozen=True)
class Sales:
    """Events of one kind. Amounts in USD; NaN where the event does not say."""

    block: Ints
    protocol: list[str]
    subject: list[str]
    paid: Floats
    collateral: Floats
    auctioned: list[bool]  # sold in an auction, not at once
    filled: list[bool]  # False for what was still waiting when the run ended

    def take(self, rows: Any) -> "Sales":
        """Some of the events."""
        chosen = np.arange(len(self.block))[rows]
        return Sales(
            self.block[chosen],
            [self.protocol[row] for row in chosen],
            [self.subject[row] for row in chosen],
            self.paid[chosen],
            self.collateral[chosen],
            [self.auctioned[row] for row in chosen],
            [self.filled[row] for row in chosen],
        )


def sales(run: RunTables, name: str, paid: str) -> Sales:
    """The events called `name`; `paid` is the argument that says what was paid.

    What was closed of perpetual positions is no sale: it has a chart of its own.
    """
    columns = ["block", "protocol", "name", "subject", "args"]
    table = run.read("events", columns, field("name") == name)
    arguments = [json.loads(text or "{}") for text in table["args"].to_pylist()]
    own = [row for row, found in enumerate(arguments) if not {"perpetual", "option", "book"} & found.keys()]
    sold = np.array(own, dtype=np.int64)
    table, arguments = table.take(sold), [arguments[row] for row in sold]
    return Sales(
        integers(table, "block"),
        texts(table, "protocol"),
        texts(table, "subject"),
        _amounts(arguments, paid),
        _amounts(arguments, "collateral_usd"),
        [bool(found.get("lot")) for found in arguments],
        [found.get("fill_block", 0) is not None for found in arguments],
    )


def _amounts(arguments: list[dict[str, Any]], key: str) -> Floats:
    return np.array([float(found[key]) if found.get(key) is not None else np.nan for found in arguments], dtype=float)


@dataclass(frozen=True)
class _Kind:
    """Sales that are drawn with one mark."""

    name: str
    look: Look
    colour: str
    sales: Sales

    @property
    def key(self) -> Key:
        return Key(self.name, self.look, self.colour, self.name)


def liquidation_chart(run: RunTables) -> list[Chart]:
    """Each sale by time and price paid, above the debt repaid over time."""
    known, settled = sales(run, "liquidation", "debt_usd"), sales(run, "auction_settled", "paid_usd")
    fills = known.take(np.array(known.filled, dtype=bool))
    waiting = _waiting(len(known.block) - len(fills.block))
    if not len(fills.block) and not len(settled.block):
        closed = run.read("events", ["block"], field("name") == "liquidation").num_rows - len(known.block)
        others = f" {count(closed, 'position was', 'positions were')} closed without selling any." if closed else ""
        return [empty_chart("liquidations", TITLE, f"No collateral was liquidated.{others}{waiting}")]
    zero = settled.paid < ZERO_BID * settled.collateral
    kinds = (
        _Kind("Auction settled", "diamond", "market", settled.take(~zero)),
        _Kind("Auction settled for almost nothing", "cross", "zero", settled.take(zero)),
        _Kind("Sold at a fixed bonus", "circle", "oracle", fills.take(~np.array(fills.auctioned, dtype=bool))),
    )
    present = [kind for kind in kinds if len(kind.sales.block)]
    largest = max((float(np.nanmax(kind.sales.collateral, initial=0)) for kind in present), default=0.0)
    top = max(112.0, *(1.06 * float(np.nanmax(_shares(kind.sales), initial=0)) for kind in kinds))
    bars = Key("Debt repaid", "band", "others", "Debt repaid")
    return [
        Chart(
            key="liquidations",
            title=TITLE,
            summary=_words(fills, settled, int(zero.sum())) + waiting + _drawn_words(present),
            keys=(*(kind.key for kind in present), Key("What it was worth", "dash", "limit"), bars),
            panels=(
                Panel("Paid over the collateral's value, %", 0.62, {"range": [-6, top]}),
                Panel("Debt repaid, USD", 0.38, {"rangemode": "tozero", "tickformat": "~s", "nticks": 4}),
            ),
            traces=(*(_marks(run, kind, largest) for kind in present), _bars(run, fills, "y2")),
            shapes=(level(100.0, "limit"),),
            hover="closest",
        )
    ]


def _waiting(number: int) -> str:
    if not number:
        return ""
    return f" {count(number, 'position or lot was', 'positions or lots were')} still waiting when the run ended."


def _largest(found: Sales) -> Sales:
    return found.take(np.sort(np.argsort(np.nan_to_num(found.collateral))[-MARKS:]))


def _shares(found: Sales) -> Floats:
    """What was paid over the collateral's value [%]; NaN where there was none."""
    with np.errstate(divide="ignore", invalid="ignore"):
        shares = np.where(found.collateral > 0, 100 * found.paid / found.collateral, np.nan)
    return np.asarray(shares, dtype=np.float64)


def _marks(run: RunTables, kind: _Kind, largest: float) -> Trace:
    """One mark for each sale, its area in proportion to the value sold; `largest` [USD] has the largest mark."""
    found = _largest(kind.sales)
    widest = float(np.clip(200 / np.sqrt(len(found.block)), 9, 22))  # [px] many marks must not bury one another
    size = 4 + (widest - 4) * np.sqrt(np.nan_to_num(found.collateral) / (largest or 1.0))
    symbol, line_only = {"cross": "x-thin"}.get(kind.look, kind.look), kind.look == "cross"
    return {
        "type": "scatter",
        "mode": "markers",
        "cliponaxis": False,
        "name": kind.name,
        "legendgroup": kind.name,
        "x": instants(run.time_of(found.block)),
        "y": rounded(_shares(found), 4),
        "customdata": [
            [short(subject), usd(paid), usd(value)]
            for subject, paid, value in zip(found.subject, found.paid, found.collateral, strict=True)
        ],
        "marker": {
            "symbol": symbol,
            "size": rounded(np.maximum(size, 7) if line_only else size, 3),
            "color": f"@{kind.colour}",
            "opacity": 0.9 if line_only else 0.6,
            "line": {"color": f"@{kind.colour}", "width": 1.6 if line_only else 1},
        },
        "hovertemplate": f"{kind.name}<br>%{{y:.1f}} % of its value: %{{customdata[1]}} for %{{customdata[2]}}"
        "<br>%{customdata[0]}<br>%{x|%Y-%m-%d %H:%M:%S} UTC<extra></extra>",
    }


def _bars(run: RunTables, fills: Sales, axis: Axis) -> Trace:
    first, last = int(run.times[0]), int(run.times[-1])
    width = max(1.0, (last - first) / BARS)
    bars = np.minimum(((run.time_of(fills.block) - first) / width).astype(int), BARS - 1)
    debt = np.bincount(bars, weights=np.nan_to_num(fills.paid), minlength=BARS)
    number = np.bincount(bars, minlength=BARS)
    filled = np.flatnonzero(number)
    return {
        "type": "bar",
        "name": "Debt repaid",
        "legendgroup": "Debt repaid",
        "x": [round(1000 * (first + width * (bar + 0.5))) for bar in filled],
        "y": rounded(debt[filled]),
        "width": 1000 * width * 0.92,
        "yaxis": axis,
        "marker": {"color": "@others", "line": {"width": 0}},
        "customdata": number[filled].tolist(),
        "hovertemplate": "%{y:,.4~s} USD of debt<br>in %{customdata} liquidations<extra></extra>",
    }


def _words(fills: Sales, settled: Sales, zero: int) -> str:
    words = f"{count(len(fills.block), 'liquidation')} repaid {usd(float(np.nansum(fills.paid)))} of debt."
    if len(settled.block):
        ratio = float(np.nansum(settled.paid)) / max(float(np.nansum(settled.collateral)), 1e-9)
        words += f" {count(len(settled.block), 'auction')} settled, paying {percent(ratio)} of the value sold;"
        words += f" {zero:,} paid less than 1 % of it."
    return words


def _drawn_words(kinds: list[_Kind]) -> str:
    words = " The size of a mark is the value sold."
    if any(len(kind.sales.block) > MARKS for kind in kinds):
        words += f" Only the {MARKS:,} largest of a kind are drawn."
    return words
