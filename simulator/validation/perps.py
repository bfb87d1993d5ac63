"""Laws of a perpetual market's books and of its last resort, measured on its bytecode in random storms."""

from collections.abc import Callable
from fractions import Fraction
from functools import cache, partial

from simulator.validation.law import Measured, NoData, add_law
from simulator.validation.perp_storm import STORMS, Books, Deleveraged, Report, StormBench, rage

_MARKETS, _STEPS = 4, 700  # of each kind
# Fewer than these and a storm says nothing.
_FEWEST = {"trade": 1000, "liquidate": 100, "bankrupt": 100, "deleverage": 100, "socialise": 20, "settlePool": 3}
_FEWEST_DELEVERAGED = 100


@cache
def storms() -> Report:
    """All of them, once for all laws. Raises NoData where what the laws are about did not happen."""
    kinds = [storm._replace(seed=100 * storm.seed + number) for storm in STORMS for number in range(_MARKETS)]
    report = rage(map(StormBench, kinds), _STEPS)
    require_storm(report)
    return report


def require_storm(report: Report) -> None:
    """Raises NoData for storms in which too little happened."""
    for action, fewest in _FEWEST.items():
        if report.done[action] < fewest:
            raise NoData(f"{report.done[action]} times {action} in the storms, {fewest} are needed")
    if len(report.deleveraged) < _FEWEST_DELEVERAGED:
        raise NoData(f"{len(report.deleveraged)} accounts were deleveraged, {_FEWEST_DELEVERAGED} are needed")


def _largest(what: Callable[[Books], Fraction]) -> Measured:
    return Measured(0.0, float(what(storms().worst)), 0.0)


def _count(allowed: Callable[[Deleveraged], bool]) -> Measured:
    return Measured(0.0, float(sum(not allowed(each) for each in storms().deleveraged)), 0.0)


_WHERE = (
    "on linear and inverse markets, funding by premium and by velocity, after every block of random storms with "
    "liquidations, bankruptcies, deleveraging and socialised losses; measured is the largest violation, in wads"
)
_BOOKS: tuple[tuple[str, str, str, Callable[[Books], Fraction]], ...] = (
    (
        "positions",
        "Positions add up to zero, the pool holding the opposite of all others, and so does open interest of each side",
        "contracts/INVARIANTS.md, 26",
        lambda books: books.positions,
    ),
    (
        "funding",
        "What each account paid in funding is its size times the index at every step, and for each payment at most "
        "one unit more, which is the house's",
        "contracts/INVARIANTS.md, 28",
        lambda books: books.funding,
    ),
    (
        "cash",
        "Cash of all accounts and of the pool and the insurance fund are the tokens held and the recorded shortfall",
        "contracts/INVARIANTS.md, 27",
        lambda books: books.cash,
    ),
    (
        "profit",
        "Unsettled profits and unsettled funding of all accounts and the pool add up to zero at one price, but for "
        "one unit of rounding each",
        "contracts/INVARIANTS.md, 27",
        lambda books: books.profit,
    ),
)
for _name, _statement, _source, _what in _BOOKS:
    add_law(
        f"conservation/{_name}",
        f"{_statement}: {_WHERE}.",
        _source,
        partial(_largest, _what),
    )

_ADL = "counted are the accounts of at least a hundred deleveraged in random storms to which it does not apply."
_RULES: tuple[tuple[str, str, str, Callable[[Deleveraged], bool]], ...] = (
    (
        "exhausted",
        "Accounts are deleveraged only when the insurance fund is empty and the shortfall has passed its trigger",
        "contracts/INVARIANTS.md, 31",
        lambda each: each.exhausted,
    ),
    (
        "floor",
        "Deleveraging never takes the shortfall past its floor",
        "contracts/INVARIANTS.md, 32",
        lambda each: each.above_floor,
    ),
    (
        "profit",
        "Only accounts in profit on the other side are deleveraged, and none gives more than the profit of what is "
        "closed",
        "contracts/INVARIANTS.md, 31",
        lambda each: each.from_profit,
    ),
)
for _name, _statement, _source, _allowed in _RULES:
    add_law(f"adl/{_name}", f"{_statement}; {_ADL}", _source, partial(_count, _allowed))
