"""Greeks of portfolios with options, over time: of every account that holds some, of each pool, of each vault.

At each sample, in dollars as desks count them:

    net_delta_usd    gained for 1.00 of the price's logarithm: delta times spot; perpetuals of the account with it
    net_gamma_usd    change of delta, in dollars, for one per cent of the price: gamma times spot² / 100
    net_vega_usd     gained for one point of volatility
    net_theta_usd    gained in a day in which nothing else happens
    net_rho_usd      gained for one point of the rate
    delta_drift_usd  by which delta has moved since the sample before without anybody's trade: by price, time and
                     volatility; what has expired has lost its delta

Base that covers calls counts as what it is. A vault's delta is all that its strategy says of it, spot and perpetuals
included. Beside them, by asset: `realised_volatility` of the reference price, for what options quote.
"""

import math
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

from simulator.chain.types import ZERO_ADDRESS, Address
from simulator.protocols.base import Measure, Perp, Vault
from simulator.protocols.option_capability import Options
from simulator.protocols.option_math import Greeks
from simulator.units import WAD, YEAR_SECONDS, from_wad

_POINT = 0.01
_DAYS = 365
_MEMORY = 86_400.0  # [s] of the realised volatility (exponential)
Price = Callable[[str], float]


class RealisedVolatility:
    """A year's volatility of a price as it is seen step by step."""

    def __init__(self) -> None:
        self._last = (0, 0.0)
        self._recent = self._seen = self._total = self._seconds = 0.0

    def advance(self, now: int, price: float) -> None:
        """The price [usd] at a time [unix s], later than the one before."""
        (since, before), self._last = self._last, (now, price)
        seconds = now - since
        if not before or seconds <= 0:
            return
        square = math.log(price / before) ** 2
        keep = math.exp(-seconds / _MEMORY)
        self._recent, self._seen = keep * self._recent + square, keep * self._seen + seconds
        self._total, self._seconds = self._total + square, self._seconds + seconds

    @property
    def recent(self) -> float | None:
        """Over the last day, the latest counting most; None before the first step."""
        return math.sqrt(self._recent / self._seen * YEAR_SECONDS) if self._seen else None

    @property
    def whole(self) -> float | None:
        """Since the start."""
        return math.sqrt(self._total / self._seconds * YEAR_SECONDS) if self._seconds else None


class _Book(NamedTuple):
    """A portfolio of options of one market."""

    subject: str
    sizes: dict[int, int]  # [size wad] by series
    base: int  # [base wad]
    owner: Address


class PortfolioLog:
    """Follows every option market of a world."""

    def __init__(self, markets: Iterable[Options], perps: Iterable[Perp], vaults: Iterable[Vault]) -> None:
        self.markets = list(markets)
        self._perps = list(perps)
        self._vaults = {vault.holder: vault for vault in vaults if vault.holder != ZERO_ADDRESS}
        self._realised = {options.asset: RealisedVolatility() for options in self.markets}
        self._before: dict[tuple[str, str], dict[int, tuple[int, float]]] = {}  # size and delta by series

    def advance(self, now: int, price: Price) -> None:
        """See a step of the markets."""
        for asset, realised in self._realised.items():
            realised.advance(now, price(asset))

    def rows(self, options: Options, price: Price) -> Iterator[Measure]:
        """What is recorded of one market's portfolios now; no Greeks while it has no prices."""
        realised = self._realised[options.asset]
        for name, value in (("realised_volatility", realised.recent), ("realised_volatility_run", realised.whole)):
            if value is not None:
                yield Measure(options.asset, name, value)
        usd = price(options.margin_asset)
        for book in self._books(options):
            yield from self._portfolio(options, book, price)
            if book.owner in self._vaults:
                yield from _costs(options, book, usd)

    def _books(self, options: Options) -> Iterator[_Book]:
        sold = {id: -options.sold_by_pool(id) for id in options.series}
        yield _Book(f"{options.id}/pool", sold, options.pool_base, ZERO_ADDRESS)
        held: dict[Address, _Book] = {}
        for holder, vault in self._vaults.items():
            if holder in options.premiums:  # also while it holds none
                held[holder] = _Book(vault.id, {}, 0, holder)
        for owner, id in sorted(options.positions):
            position = options.positions[owner, id]
            book = held.get(owner) or _Book(owner, {}, 0, owner)
            book.sizes[id] = position.size
            held[owner] = book._replace(base=book.base + position.base)
        yield from held.values()

    def _portfolio(self, options: Options, book: _Book, price: Price) -> Iterator[Measure]:
        each = {id: options.greeks(id) for id, size in book.sizes.items() if size}
        total = Greeks(delta=from_wad(book.base))
        known: dict[int, tuple[int, float]] = {}
        for id, greeks in each.items():
            if greeks is None:
                return
            total += greeks.times(from_wad(book.sizes[id]))
            known[id] = book.sizes[id], greeks.delta
        drift = self._drift(options, book.subject, known)
        delta, gamma, vega = self._in_dollars(options, book, total, price)
        values = {
            "net_delta_usd": delta,
            "net_gamma_usd": gamma,
            "net_vega_usd": vega,
            "net_theta_usd": total.theta / _DAYS,
            "net_rho_usd": total.rho * _POINT,
            "delta_drift_usd": drift * price(options.asset),
        }
        for name, value in values.items():
            yield Measure(book.subject, name, value)

    def _in_dollars(self, options: Options, book: _Book, total: Greeks, price: Price) -> tuple[float, float, float]:
        """Delta, gamma and vega, with what the owner has beside options."""
        spot = price(options.asset)
        perps = sum(_perp_delta(perp, book.owner, spot) for perp in self._perps if perp.asset == options.asset)
        delta, gamma, vega = total.delta * spot + perps, total.gamma * spot**2 * _POINT, total.vega * _POINT
        vault = self._vaults.get(book.owner)
        if vault is not None and vault.hedged == options.asset:
            delta = vault.exposure()[0] * price(vault.asset)
        return delta, gamma, vega

    def _drift(self, options: Options, subject: str, known: dict[int, tuple[int, float]]) -> float:
        """[options] Change of the delta of what was held at the sample before."""
        before = self._before.get((options.id, subject), {})
        self._before[options.id, subject] = known
        drift = 0.0
        for id, (size, delta) in before.items():
            greeks = options.greeks(id) if id in options.series else Greeks()
            drift += from_wad(size) * ((greeks.delta if greeks is not None else delta) - delta)
        return drift


def _perp_delta(perp: Perp, owner: Address, spot: float) -> float:
    """Of an account of a perpetual market [usd]."""
    account = perp.book.get(perp.account(owner))
    if account is None:
        return 0.0
    return from_wad(account.size) * (1.0 if perp.inverse else spot)


def _costs(options: Options, book: _Book, usd: float) -> Iterator[Measure]:
    """What a vault's options have cost and brought [usd]."""
    yield Measure(book.subject, "option_premiums_usd", options.premiums.get(book.owner, 0) / WAD * usd)
    yield Measure(book.subject, "option_payoffs_usd", options.payoffs.get(book.owner, 0) / WAD * usd)
    marks = [(options.mark(id), from_wad(size)) for id, size in book.sizes.items()]
    if all(mark is not None for mark, _ in marks):
        yield Measure(book.subject, "option_marks_usd", sum((mark or 0.0) * size for mark, size in marks) * usd)
