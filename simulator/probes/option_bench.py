"""What one does with an option market on a branch of the chain: report, list, buy, write, let prices move."""

import math
from collections.abc import Callable

from simulator.chain.types import Address
from simulator.market.svi import Svi
from simulator.probes.bench import Bench, wad
from simulator.protocols.option_capability import OptionKind, Options, Role, series_id
from simulator.protocols.option_math import Slice, SurfaceState
from simulator.units import from_wad, to_wad

NO_LIMIT = 1e15  # [usd]
TENOR = 3 * 86_400  # [s] of the series that are tried
_ROLES: tuple[Role, ...] = ("reporter", "lister")
_MARGIN = 2_000_000.0  # [usd] more than enough
_NEAR = 1e-4  # of the price, to which one is sought
_TRIES = 14  # at most
_DAY = 86_400


class OptionBench:
    """One option market on a trial. Alice writes, Bob and Carol take the other side, Dave liquidates.

    The scribe is appointed on the branch: it reports the surface and lists what is tried.
    """

    def __init__(self, bench: Bench, options: Options, scribe: Address) -> None:
        self.bench, self.options, self.scribe = bench, options, scribe
        self.alice, self.bob, self.carol, self.dave = bench.people[:4]
        self.money = bench.trial.price(options.margin_asset)  # [usd]
        self.state = options.surface
        self.listed: set[int] = set()
        self.kept = self._kept()  # [share of the price] beside its mark, of what is written

    def _kept(self) -> float:
        """By the declared maintenance margin of any call; 0 where nobody can tell."""
        for series in self.options.of_kind("call"):
            mark, kept, spot = self.options.mark(series.id), self.options.maintenance(series.id), self.spot
            if mark is not None and kept is not None and spot:
                return (kept - mark) / spot
        return 0.0

    def begins(self) -> bool:
        """Appoint the scribe, and bring feeds and surface up to date; whether that could be done."""
        self.bench.freshen()
        for role in _ROLES:
            appointing = self.options.appointing(role, self.scribe)
            if appointing is None or not self.bench.send(*appointing).ok:
                return False
        return self.reports(self.state)

    # -------------------------------------------------------------------- moves

    @property
    def spot(self) -> float:
        """What the surface goes by [usd]."""
        return self.bench.price(self.options.asset)

    def reports(self, state: SurfaceState) -> bool:
        """Replace the surface."""
        return self.bench.send(self.scribe, self.options.report(state)).ok

    def flat(self, volatility: float) -> SurfaceState:
        """A surface of one volatility, without interest."""
        days = (1, 30)
        slices = [Slice(d * _DAY, Svi(volatility**2 * d / 365, 0.0, 0.0, 0.0, 0.1)) for d in days]
        return self.state._replace(slices=slices, rate=0.0, carry=0.0)

    def level(self) -> float:
        """A volatility that the surface has [a year]."""
        return self.state.at_the_money(TENOR)

    def wait(self, seconds: float) -> bool:
        """Let time pass while feed and surface are reported; whether the latter is taken."""
        self.bench.wait(seconds)
        return self.reports(self.state)

    def lists(self, moneyness: float, kind: OptionKind) -> int | None:
        """Open a series, unless it is there; its number."""
        expiry = (self.bench.trial.now + TENOR) // 600 * 600
        strike = float(f"{self.spot * moneyness:.4g}")
        id = series_id(expiry, to_wad(strike), kind)
        self.listed.add(id)
        known = self.options.mark_of(id) is not None
        return id if known or self.bench.send(self.scribe, self.options.list_series(expiry, strike, kind)).ok else None

    def funds(self, *owners: Address) -> bool:
        """Give money and deposit it."""
        options, amount = self.options, wad(_MARGIN, self.money)
        for owner in owners:
            if not self.bench.endow(options.margin_asset, owner, amount, options.spender):
                return False
            if not self.bench.send(owner, options.deposit(owner, amount)).ok:
                return False
        return True

    def opens(self, moneyness: float = 1.0, kind: OptionKind = "call") -> int | None:
        """A series with money for everybody; None where that cannot be."""
        id = self.lists(moneyness, kind)
        return id if id is not None and self.funds(self.alice, self.bob, self.carol) else None

    def buys(self, owner: Address, id: int, size: int) -> bool:
        """At any price."""
        return self.bench.send(owner, self.options.trade(owner, id, size, NO_LIMIT)).ok

    def required(self, owner: Address, id: int, size: int) -> int:
        """Collateral [margin wad] that writing so much takes."""
        preview = self.options.preview_trade(owner, id, -size)
        return 0 if preview is None else preview.required

    def writes(self, owner: Address, id: int, size: int, more: float = 1.0) -> bool:
        """With so many times the collateral that it takes."""
        posted = math.ceil(self.required(owner, id, size) * more)
        return posted > 0 and self.bench.send(owner, self.options.trade(owner, id, -size, 0.0, posted)).ok

    def riches(self, *owners: Address) -> int:
        """Money in the market and tokens [margin wad]."""
        token = self.options.margin_asset
        return sum(self.options.cash_of(who) + self.bench.trial.held(token, who) for who in owners)

    def falls_to(self, id: int, collateral: int, share: float) -> bool:
        """Let the price rise until collateral is worth `share` of what must be kept beside the option's mark."""

        def room() -> float:
            mark = self.options.mark_of(id) or math.inf
            return from_wad(collateral) * self.money - mark - share * self.kept * self.spot

        return self.rises_until(room)

    def rises_until(self, room: Callable[[], float]) -> bool:
        """Let the price rise until there is no `room`, which falls as it rises: to twice itself at most."""
        return self.moves(_turning(lambda factor: self._room_at(factor, room)))

    def _room_at(self, factor: float, room: Callable[[], float]) -> float:
        with self.bench.trial.branch():
            return room() if self.moves(factor) else -math.inf

    def moves(self, factor: float) -> bool:
        """Let the price move for good, and report the surface as it was; whether both are taken."""
        return self.bench.move(self.options.asset, factor) and self.reports(self.state)

    def owed(self) -> int:
        """What the market owes, less what it has [margin wad], as far as anything here moves it."""
        options = self.options
        people = (self.alice, self.bob, self.carol, self.dave)
        posted = sum(options.position_of(who, id)[1] for who in people for id in self.listed)
        owed = sum(map(options.cash_of, people)) + posted + sum(options.reserves())
        return owed - self.bench.trial.held(options.margin_asset, options.spender)

    def check_books(self, step: str, before: int) -> None:
        """Whether what it owes has grown beyond what it has since `before`."""
        gap = from_wad(max(0, self.owed() - before)) * self.money
        self.bench.note(f"{self.options.id}/{step}", "books_gap_usd", gap)


def _turning(at: Callable[[float], float]) -> float:
    """Just above where a function that falls between 1 and 2 is nothing: false position, and of an end that stays half
    its value (Illinois), as each try costs blocks.
    """
    low, high, last = 1.0, 2.0, 0
    left, right = at(low), at(high)
    for _ in range(_TRIES):
        if left <= 0 or high - low <= _NEAR:
            break
        guess = high - right * (high - low) / (right - left) if right > -math.inf else (low + high) / 2
        guess = min(max(guess, low + _NEAR / 2), high - _NEAR / 2)
        value = at(guess)
        if value > 0:
            low, left, right = guess, value, right / 2 if last > 0 else right
        else:
            high, right, left = guess, value, left / 2 if last < 0 else left
        last = 1 if value > 0 else -1
    return high if left > 0 else low + _NEAR
