"""What a prober found by trying known attacks on the chain as it stood, each time a branch that was taken back.

Each attempt leaves a row in the measures, named as the metric that it is for; its subject says what was tried. A row of
zero means that it was tried and held; without any row nothing was tried, and the metric is null.
"""

from simulator.metrics.observations import Observations
from simulator.metrics.registry import metric

_ATTACKS = "attacks of the field, as in contracts/INVARIANTS.md"


def _most(seen: Observations, name: str) -> float | None:
    return max(seen.probed(name), default=None)


def _count(seen: Observations, name: str) -> int | None:
    found = seen.probed(name)
    return round(sum(found)) if found else None


@metric(unit="count", worse="higher", source="invariants 19 and 25")
def stale_answers_used(seen: Observations) -> int | None:
    """Actions that a prober got through at an oracle's answer older than the feed declares, or at one from before the
    action; null where no feed declares an age and no order waits for a price."""
    return _count(seen, "stale_answers_used")


@metric(unit="count", worse="higher", source="invariant 19")
def wild_answers_used(seen: Observations) -> int | None:
    """Actions that a prober got through at a lone answer further from the one before than the feed's declared jump, or
    outside its declared bounds; null where none is declared."""
    return _count(seen, "wild_answers_used")


@metric(unit="count", worse="higher", source="invariants 4, 6, 9 and 30")
def limits_passed(seen: Observations) -> int | None:
    """Actions that a prober got through beyond a declared limit, while the same within it goes through: ratios,
    margins, floors, ceilings, and who may act for whom."""
    return _count(seen, "limits_passed")


@metric(unit="1e-18 usd", worse="higher", source="invariants 11, 16, 36 and 37")
def round_trip_gain(seen: Observations) -> float | None:
    """Most that a prober gained by going in and out at one moment; rounding may cost and never pays, so 0 or less is
    sound and recorded as 0."""
    return _most(seen, "round_trip_gain")


@metric(unit="usd", worse="higher", source=_ATTACKS)
def self_liquidation_gain_usd(seen: Observations) -> float | None:
    """Most that an owner and a liquidator in league gained by a liquidation, from an insurance fund, other users or the
    protocol; of a lender only while collateral covers debt and bonus."""
    return _most(seen, "self_liquidation_gain_usd")


@metric(unit="share", worse="higher", source="invariant 5")
def liquidation_harm(seen: Observations) -> float | None:
    """Greatest fall of collateral per debt by a liquidation whose collateral covered debt and bonus before it, as a
    share of what it was."""
    return _most(seen, "liquidation_harm")


@metric(unit="share", worse="higher", source="close factor of Aave V3")
def close_factor_excess(seen: Observations) -> float | None:
    """Most of a debt that one liquidation repaid beyond the declared close factor, where that leaves no dust and the
    collateral covers debt and bonus."""
    return _most(seen, "close_factor_excess")


@metric(unit="ratio", worse="higher", source="toxic liquidation spirals, Warmuz, Chaudhary and Pinna 2022")
def liquidation_toxicity(seen: Observations) -> float | None:
    """Liquidation threshold times 1 + i, i being all collateral taken, the protocol's fee included, over the debt
    repaid less 1; from 1 on a liquidation at the threshold makes its position worse. The highest of those tried."""
    return _most(seen, "liquidation_toxicity")


@metric(unit="usd", worse="higher", source=_ATTACKS)
def unliquidatable_debt_usd(seen: Observations) -> float | None:
    """Greatest debt, or notional, of a position that is unsafe at the protocol's own price and that no liquidation went
    through for, small ones and ones under water among them."""
    return _most(seen, "unliquidatable_debt_usd")


@metric(unit="count", worse="higher", source="invariant 8")
def stuck_lots(seen: Observations) -> int | None:
    """Lots that, left alone past their time, could neither be sold nor given a new start."""
    return _count(seen, "stuck_lots")


@metric(unit="share", worse="higher", source="invariants 3 and 28")
def accrual_gap(seen: Observations) -> float | None:
    """Greatest difference of what time charged, in interest or funding, from the declared rate's, over the latter."""
    return _most(seen, "accrual_gap")


@metric(unit="share", worse="higher", source="invariants 15, 38 and 41")
def share_price_push(seen: Observations) -> float | None:
    """Greatest change of the price of a share, as its contract has it, by what an outsider did in one block: a gift of
    tokens to it, a push of a pool, a trade in a perpetual market."""
    return _most(seen, "share_price_push")


@metric(unit="usd", worse="higher", source="invariant 31")
def adl_losers_usd(seen: Observations) -> float | None:
    """Greatest notional of an account without profit that auto-deleveraging closed."""
    return _most(seen, "adl_losers_usd")


@metric(unit="usd", worse="higher", source="invariant 32")
def adl_past_floor_usd(seen: Observations) -> float | None:
    """Most that auto-deleveraging took from winners beyond the shortfall at which it should have ended."""
    return _most(seen, "adl_past_floor_usd")


@metric(unit="share", worse="higher", source="invariant 40")
def rebalance_excess_loss(seen: Observations) -> float | None:
    """Most of net assets that a rebalance lost beyond the declared slippage, in a pool that somebody had pushed."""
    return _most(seen, "rebalance_excess_loss")


@metric(unit="count", worse="higher", source="invariant 39")
def queue_jumps(seen: Observations) -> int | None:
    """Withdrawals that were paid while somebody who had asked before still waited."""
    return _count(seen, "queue_jumps")


@metric(unit="usd", worse="higher", source="invariants 1, 2, 7, 27, 41 and 45")
def books_gap_usd(seen: Observations) -> float | None:
    """Greatest difference between what a protocol's books say and the tokens, debts and supplies that they are about; a
    gift of tokens is none."""
    return _most(seen, "books_gap_usd")


@metric(unit="ratio", worse="lower", source="cost of corruption over profit from it")
def manipulation_cost_ratio(seen: Observations) -> float | None:
    """Cost over profit of the cheapest push of a pool tried, held for a block, to draw against the price it leaves; 100
    where no push brought anything, null where none was tried."""
    return min(seen.probed("manipulation_cost_ratio"), default=None)


@metric(unit="usd", worse="higher", source="ether's worst hour of 12 March 2020, a fall of 20.9 %")
def stale_hour_loss_usd(seen: Observations) -> float | None:
    """Most that a hundred thousand dollars drawn after an hour without a report exceed their collateral by, the market
    having fallen by as much as in ether's worst hour; 0 where the draw is refused."""
    return _most(seen, "stale_hour_loss_usd")


@metric(unit="share", worse="higher", source="invariant 46")
def greek_gap(seen: Observations) -> float | None:
    """Greatest difference of a Greek, as the contracts say it, from what the option's price does, over the latter."""
    return _most(seen, "greek_gap")


@metric(unit="count", worse="higher", source="invariant 52")
def expiry_price_moves(seen: Observations) -> int | None:
    """Settlement prices that a prober got locked by a round that is not the last before expiry, or changed once they
    were locked."""
    return _count(seen, "expiry_price_moves")


@metric(unit="usd", worse="higher", source="put-call parity, Stoll 1969; bounds of Merton 1973")
def quote_arbitrage_usd(seen: Observations) -> float | None:
    """Most that trades at the quotes of one moment bring, whatever comes: by put-call parity, by the bounds of a price,
    by its slope and curvature across strikes; without fees, the underlying at the index price."""
    return _most(seen, "quote_arbitrage_usd")


@metric(unit="usd", worse="higher", source="invariants 50 and 58")
def waterfall_skips_usd(seen: Observations) -> float | None:
    """Most of a loss that fell on a later step of the waterfall while an earlier one had money."""
    return _most(seen, "waterfall_skips_usd")


@metric(unit="usd", worse="higher", source="invariants 50, 57 and 59")
def margin_gap_usd(seen: Observations) -> float | None:
    """Most by which a book of several legs may lose more, under one of the declared shocks of the price, than the
    margin that it must keep."""
    return _most(seen, "margin_gap_usd")
