"""The key figures on top of the report, and the full list of metrics."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from simulator.report.wording import MISSING, NBSP, duration, number

Metrics = Mapping[str, Any]


_MOST_YIELD = 10.0  # [a year] that is shown as a number


@dataclass(frozen=True)
class Card:
    """One key figure: what it is, its value with unit, and a line of context."""

    label: str
    value: str
    unit: str = ""
    context: str = ""


def _share(value: float) -> tuple[str, str]:
    return number(100 * value), "%"


def _yield(value: float) -> tuple[str, str]:
    """A few good days compounded to a year say no more than that they were good."""
    return _share(value) if value <= _MOST_YIELD else (f"over{NBSP}{number(100 * _MOST_YIELD)}", "%")


def _dollars(value: float) -> tuple[str, str]:
    return number(value), "USD"


def _plain(value: float) -> tuple[str, str]:
    return number(value, 4), ""


def _times(value: float) -> tuple[str, str]:
    return f"{value:,.2f}", "×"


def _span(value: float) -> tuple[str, str]:
    return duration(value), ""


def _blocks(value: float) -> tuple[str, str]:
    return number(value, 4), "blocks"


def _gwei(value: float) -> tuple[str, str]:
    return number(value), "gwei"


@dataclass(frozen=True)
class _Figure:
    metric: str
    label: str
    show: Callable[[float], tuple[str, str]]
    context: Callable[[Metrics], str] = lambda _: ""


def _beside(text: str, name: str, show: Callable[[float], tuple[str, str]]) -> Callable[[Metrics], str]:
    """A line of context that quotes another metric where it applies."""

    def context(metrics: Metrics) -> str:
        value = metrics.get(name)
        return text.format(NBSP.join(show(value)).strip(NBSP)) if value is not None else ""

    return context


_FIGURES = (
    _Figure("bad_debt_usd", "Bad debt", _dollars, _beside("{} of the peak debt", "bad_debt_ratio", _share)),
    _Figure(
        "insolvent",
        "Bad debt against the reserve",
        lambda value: ("Exceeds it" if value else "Within it", ""),
        lambda _: "at the end of the run",
    ),
    _Figure("liquidations", "Liquidations", _plain, _beside("{} of debt repaid", "liquidated_debt_usd", _dollars)),
    _Figure(
        "zero_bid_share",
        "Auctions settled for nothing",
        _share,
        lambda _: "paid less than 1 % of the collateral's value",
    ),
    _Figure("liquidation_delay_blocks_max", "Longest wait for a liquidation", _blocks, lambda _: "from unsafe to sold"),
    _Figure("collateral_ratio_min", "Lowest collateral ratio", _share, lambda _: "of any position at any time"),
    _Figure("liquidator_profit_usd", "Liquidators' profit", _dollars, lambda _: "after slippage, gas and tips"),
    _Figure(
        "insurance_fund_usd_min", "Lowest insurance fund", _dollars, lambda _: "of perpetual markets and clearinghouses"
    ),
    _Figure(
        "adl_notional_usd",
        "Auto-deleveraged",
        _dollars,
        _beside("{} more fell on depositors", "socialised_loss_usd", _dollars),
    ),
    _Figure(
        "net_apy", "Vault's yield a year", _yield, _beside("{} the deepest fall of a share", "max_drawdown", _share)
    ),
    _Figure(
        "hedge_effectiveness",
        "Hedge effectiveness",
        _share,
        _beside("delta within {} of net assets in 99 % of blocks", "delta_abs_p99", _share),
    ),
    _Figure("rebalances", "Rebalances", _plain, _beside("cost {} in all", "rebalance_cost_usd", _dollars)),
    _Figure(
        "rebalance_delay_seconds_max", "Longest wait for a rebalance", _span, lambda _: "from due to done or not needed"
    ),
    _Figure(
        "withdrawal_wait_seconds_max", "Longest wait of a depositor", _span, lambda _: "from request to settlement"
    ),
    _Figure("funding_paid_usd", "Funding paid by hedges", _dollars, lambda _: "below zero: received"),
    _Figure(
        "volatility_premium_mean",
        "Options over what moved",
        _share,
        _beside("quoted {} a year at the mean", "implied_volatility_mean", _share),
    ),
    _Figure(
        "net_delta_usd_max",
        "Largest delta in options",
        _dollars,
        _beside("a point of volatility up to {}", "net_vega_usd_max", _dollars),
    ),
    _Figure("margin_freed_usd_max", "Margin freed", _dollars, _beside("{} in use", "margin_used_usd_max", _dollars)),
    _Figure(
        "hedge_carry_usd",
        "Carry of hedges",
        _dollars,
        _beside("below zero: they paid; {} came at expiries", "option_payoffs_usd", _dollars),
    ),
    _Figure(
        "oracle_gap_max",
        "Oracle furthest off",
        _share,
        _beside("{} old at the oldest", "oracle_lag_seconds_max", _span),
    ),
    _Figure(
        "cascade_amplification", "Cascade amplification", _times, lambda _: "drawdown over that without the agents"
    ),
    _Figure("base_fee_gwei_max", "Highest base fee", _gwei),
    _Figure("transactions", "Transactions", _plain, _beside("{} reverted", "reverts", _plain)),
    _Figure("unexpected_reverts", "Unexpected reverts", _plain, lambda _: "errors that no agent allowed for"),
)


def cards(metrics: Metrics) -> list[Card]:
    """The key figures that apply to this run."""
    shown = []
    for figure in _FIGURES:
        value = metrics.get(figure.metric)
        if value is not None:
            text, unit = figure.show(float(value))
            shown.append(Card(figure.label, text, unit, figure.context(metrics)))
    return shown


@dataclass(frozen=True)
class MetricRow:
    """One metric of the run as its registry describes it."""

    name: str
    value: str
    unit: str
    meaning: str


def metric_rows(metrics: Metrics) -> list[MetricRow]:
    """Every metric of a run by name; those that the registry no longer has are without unit and meaning."""
    from simulator.metrics import METRICS

    rows = []
    for name, value in sorted(metrics.items()):
        known = METRICS.get(name)
        shown = MISSING if value is None else number(float(value), 6)
        rows.append(MetricRow(name, shown, known.unit if known else "", known.description if known else ""))
    return rows
