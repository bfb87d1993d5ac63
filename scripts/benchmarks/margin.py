"""What a portfolio-margin check costs: 40 legs on 20 strike-expiries, tried with 23 shocks and with none.

Gas is of transactions of their own on the exact chain, so everything is cold. Pricing is what the surface takes for the
whole book, less the price of sending it the arguments; the check reads account, legs and collateral besides. Checks
a second are views on the fast chain, as a simulation asks them, in seconds of the machine that the README quotes.
"""

from statistics import median
from typing import Any, Final

from benchmarks.margin_book import LEGS, SHOCKS, MarginBook, shocks
from benchmarks.raw import REFERENCE_RATE, new_engine
from benchmarks.timing import seconds, spread
from benchmarks.verdict import Limit, Verdict
from simulator.chain.rules import intrinsic_gas

MOST_PRICING_GAS: Final = 4_000_000
MOST_GAS: Final = 9_000_000
FEWEST_CHECKS: Final = 80.0


def measure(small: bool) -> Verdict:
    """Gas of one check, and checks a second."""
    rounds, checks, calls = (1, 40, 10_000) if small else (5, 200, 20_000)
    figures: dict[str, Any] = {"reference_rate": REFERENCE_RATE, "legs": LEGS, "shocks": SHOCKS, **gas_figures()}
    book, engine = MarginBook("fast"), new_engine()
    before = engine.rate(calls)
    here = [checks_a_second(book, checks) for _ in range(rounds)]
    rate = (before + engine.rate(calls)) / 2
    scaled = [each * REFERENCE_RATE / rate for each in here]
    figures |= {"checks_a_second": round(median(scaled), 1), "checks_a_second_spread": spread(scaled, 1)}
    figures |= {"checks_a_second_here": round(median(here), 1), "raw_rate_here": round(rate)}
    limits = [
        Limit("pricing_gas", "<=", MOST_PRICING_GAS),
        Limit("check_gas", "<=", MOST_GAS),
        Limit("checks_a_second", ">=", FEWEST_CHECKS),
    ]
    return Verdict(figures, limits)


def gas_figures() -> dict[str, int]:
    """Gas of the surface's pricing, and of the transaction that asks for the margin."""
    book = MarginBook("exact")
    pricing = book.gas_of(book.surface, "shockedValues", book.ids, book.sizes, [*shocks(), (0, 0)])
    check = book.gas_of(book.house, "marginOf", book.account, True)
    return {"pricing_gas": pricing.gas_used - intrinsic_gas(pricing.transaction), "check_gas": check.gas_used}


def checks_a_second(book: MarginBook, checks: int) -> float:
    """By the view that agents ask."""

    def act() -> None:
        for _ in range(checks):
            book.lab.read(book.house, "marginOf", book.account, True)

    return checks / seconds(act)
