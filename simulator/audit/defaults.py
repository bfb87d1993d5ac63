"""The rules that an audit has when nobody says otherwise.

First those by which the field judges risk, over runs of storms; then those by which a fault of the contracts shows,
over what a prober tries (simulator/metrics/probes.py): each of these names its cause, and a sound system has a zero in
it. A rule is about the scenarios that have its metric; one without a prober has nothing to say about the second kind.
"""

from typing import Final, Literal, NamedTuple


class DefaultRule(NamedTuple):
    """One rule as an audit's file has it."""

    id: str
    require: str
    why: str
    level: Literal["error", "warn"] = "error"


RISK_RULES: Final = (
    DefaultRule("BAD-DEBT", "p99(bad_debt_ratio) <= 0.1%", "Lenders lose no more than a thousandth in a bad day."),
    DefaultRule("RESERVE", "es95(bad_debt_less_reserve_usd) <= 0 usd", "The reserve pays for the worst twentieth."),
    DefaultRule("INSOLVENCY", "rate(insolvent > 0) <= 1%", "A day on which the reserve does not reach is rare."),
    DefaultRule(
        "LIQUIDATION-PROFIT",
        "mean(profitable_liquidation_share) >= 90%",
        "Liquidators come only while slippage and gas leave them something.",
    ),
    DefaultRule(
        "TOXIC-LIQUIDATION",
        "max(liquidation_toxicity) <= 0.97",
        "A liquidation must leave its position safer, or each calls the next.",
    ),
    DefaultRule(
        "MANIPULATION", "min(manipulation_cost_ratio) >= 1.5", "Pushing a price must cost more than it brings."
    ),
    DefaultRule("STALE-HOUR", "max(stale_hour_loss_usd) <= 0 usd", "An hour without a report must be survived."),
    DefaultRule("AMPLIFICATION", "p95(cascade_amplification) <= 1.5", "Liquidations must not make their own storm."),
    DefaultRule(
        "EFFECTIVENESS", "mean(hedge_effectiveness) >= 70%", "A hedge must take most of the variance, in storms too."
    ),
    DefaultRule(
        "DELTA", "p95(delta_abs_p99) <= 5%", "Delta may be off by a twentieth of net assets in one block of a hundred."
    ),
)

PROBE_RULES: Final = (
    DefaultRule("STALE-PRICE", "max(stale_answers_used) <= 0", "An answer past its age must be refused."),
    DefaultRule("PRICE-JUMP", "max(wild_answers_used) <= 0", "A lone answer out of line must be refused."),
    DefaultRule("ORACLE-SCALE", "max(oracle_gap_max) <= 100%", "An answer twice the market is a wrong unit."),
    DefaultRule("LIMITS", "max(limits_passed) <= 0", "Declared ratios, floors, caps and rights must hold."),
    DefaultRule("ROUNDING", "max(round_trip_gain) <= 0", "In and out at one moment must not pay."),
    DefaultRule(
        "SELF-LIQUIDATION", "max(self_liquidation_gain_usd) <= 0.01 usd", "Liquidating oneself must bring nothing."
    ),
    DefaultRule("LIQUIDATION-HARM", "max(liquidation_harm) <= 0.0001%", "A liquidation must not worsen its position."),
    DefaultRule(
        "CLOSE-FACTOR", "max(close_factor_excess) <= 0.0001%", "One liquidation repays no more than the close factor."
    ),
    DefaultRule(
        "LIQUIDATION-REVERTS", "max(unliquidatable_debt_usd) <= 0 usd", "Whatever is unsafe must be liquidatable."
    ),
    DefaultRule("STUCK-AUCTION", "max(stuck_lots) <= 0", "Every auction must be able to end."),
    DefaultRule("ACCRUAL", "max(accrual_gap) <= 0.1%", "Interest and funding must be what the rates say, with sign."),
    DefaultRule("SHARE-PRICE", "max(share_price_push) <= 0.1%", "No gift and no trade may move the price of a share."),
    DefaultRule("ADL-LOSERS", "max(adl_losers_usd) <= 0 usd", "Only winners may be deleveraged."),
    DefaultRule("ADL-FLOOR", "max(adl_past_floor_usd) <= 0.01 usd", "Deleveraging must stop at its floor."),
    DefaultRule(
        "REBALANCE-SLIPPAGE", "max(rebalance_excess_loss) <= 0.1%", "A rebalance in a pushed pool must be refused."
    ),
    DefaultRule("QUEUE-ORDER", "max(queue_jumps) <= 0", "Who asked first must be paid first."),
    DefaultRule("GREEKS", "max(greek_gap) <= 1%", "A Greek must be what the price does, with its sign."),
    DefaultRule(
        "EXPIRY-PRICE", "max(expiry_price_moves) <= 0", "A settlement price is that of one round, once and for all."
    ),
    DefaultRule(
        "ARBITRAGE", "max(quote_arbitrage_usd) <= 0.01 usd", "Quotes of one moment must not pay whatever comes."
    ),
    DefaultRule(
        "WATERFALL", "max(waterfall_skips_usd) <= 0.01 usd", "Nobody bears a loss while somebody before them has money."
    ),
    DefaultRule("MARGIN", "max(margin_gap_usd) <= 0.01 usd", "Margin must cover every leg under the declared shocks."),
    DefaultRule("BOOKS", "max(books_gap_usd) <= 0.01 usd", "Books, tokens and supply must agree."),
)

DEFAULT_RULES: Final = (*RISK_RULES, *PROBE_RULES)
PROBE_SCENARIOS: Final = (
    "probe-lending",
    "probe-hedge",
    "probe-carry",
    "probe-options",
)  # that ship, each with a prober
