"""Laws of contracts with shares (ERC-4626), measured on the bytecode of each at every moment of a random life."""

from collections.abc import Callable, Iterable
from fractions import Fraction
from functools import cache, partial
from typing import Any, NamedTuple

from simulator.validation.law import Measured, NoData, add_law
from simulator.validation.share_bench import LoanShares, PoolShares, Shares, VaultShares

_MOMENTS = 100  # in a life
_FEWEST = 1000  # tries of each trick
_MILLIONTH = 1e-6  # of a gift that somebody who comes in after it may lose

Make = Callable[[int], Shares]
# With as many lives as their speed allows: vaults without costs and with them, pools of both kinds, loans.
LIVES: tuple[tuple[Make, int], ...] = (
    (partial(VaultShares, costly=False), 2),
    (partial(VaultShares, costly=True), 2),
    (partial(PoolShares, inverse=False), 4),
    (partial(PoolShares, inverse=True), 4),
    (LoanShares, 8),
)


class Tricks(NamedTuple):
    """What each try of each trick brought, in the asset's smallest units."""

    round_trips: list[int]
    donations: list[int]  # of the giver
    losses: list[int]  # of those who were in when a gift came
    late: list[Fraction]  # losses of those who came after it, over the gift
    surprises: list[bool]


def tried(lives: Iterable[Shares], moments: int) -> Tricks:
    """Try each trick at every moment of some lives; it is taken back each time."""
    rows: list[tuple[Any, ...]] = []
    for shares in lives:
        for _ in range(moments):
            shares.live()
            tricks = (shares.round_trip, shares.donation, shares.loss_by_gift, shares.newcomers_loss, shares.surprise)
            rows.append(tuple(trick() for trick in tricks))
    columns = zip(*rows, strict=True)
    return Tricks._make([each for each in column if each is not None] for column in columns)


@cache
def _all_tricks() -> Tricks:
    lives = (make(seed) for make, count in LIVES for seed in range(count))
    done = tried(lives, _MOMENTS)
    require_tricks(done)
    return done


def require_tricks(done: Tricks) -> None:
    """Raises NoData where a trick was tried too seldom."""
    for name, tries in done._asdict().items():
        if len(tries) < _FEWEST:
            raise NoData(f"{name}: {len(tries)} tries, {_FEWEST} are needed")


def _largest(what: Callable[[Tricks], Iterable[float]], tolerance: float) -> Measured:
    """What is not above zero is no violation."""
    return Measured(0.0, float(max(0, *what(_all_tricks()))), tolerance)


_WHERE = "on HedgedVault, PerpPool and LendingPool, at every moment of random lives"
_LAWS: tuple[tuple[str, str, str, Callable[[Tricks], Iterable[float]], float], ...] = (
    (
        "round-trip",
        f"Nobody gains by any deposits, mints, withdrawals and redemptions of one second, {_WHERE}: the largest profit "
        "in units of the asset.",
        "EIP-4626; contracts/INVARIANTS.md, 16, 36, 37",
        lambda done: done.round_trips,
        0.0,
    ),
    (
        "donor",
        f"Who gives tokens to a contract or its strategy gets no more back, whether by shares of before or after, and "
        f"whoever else comes in, {_WHERE}: the largest profit in units of the asset.",
        "contracts/INVARIANTS.md, 38",
        lambda done: done.donations,
        0.0,
    ),
    (
        "gift",
        f"No depositor loses by somebody's gift, {_WHERE}: the largest loss in units of the asset.",
        "contracts/INVARIANTS.md, 38",
        lambda done: done.losses,
        0.0,
    ),
    (
        "newcomer",
        f"Who comes in after a gift loses a millionth of it at most, {_WHERE}: the largest loss over the gift.",
        "contracts/INVARIANTS.md, 38; a millionth is what shares that belong to nobody may get",
        lambda done: map(float, done.late),
        _MILLIONTH,
    ),
    (
        "preview",
        f"What is within its limit goes through and does what its preview says, {_WHERE}: counted is what does not. "
        "Left aside is what needs no more of a strategy than a millionth of a millionth of all, or a million units.",
        "EIP-4626; contracts/INVARIANTS.md, 37",
        lambda done: [float(sum(done.surprises))],
        0.0,
    ),
)
for _name, _statement, _source, _what, _tolerance in _LAWS:
    add_law(f"erc4626/{_name}", _statement, _source, partial(_largest, _what, _tolerance))
