"""The reference markets of a world on its grid of blocks."""

import heapq
import math
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from simulator.errors import ConfigError
from simulator.market.correlation import CorrelationSettings
from simulator.market.funding import Funding, FundingSettings
from simulator.market.impact import Impact, ImpactSettings
from simulator.market.paths import drawn_paths
from simulator.market.processes import Process
from simulator.market.surface import Surface, VolatilitySettings
from simulator.market.svi import Svi
from simulator.streams import Streams
from simulator.units import YEAR_SECONDS

_DAY = 86_400.0  # [s]
_VOLATILITY_MEMORY = 1800.0  # [s] of the realised volatility that thins depth (exponential)


_LEAST_FORGOTTEN = 256  # forgotten watches that are not worth clearing out


class AssetSettings(Protocol):
    """What the market needs to know of an asset."""

    @property
    def settings(self) -> Process:
        """Its exogenous process."""
        ...

    @property
    def impact(self) -> ImpactSettings | None:
        """What trading does to it, None for nothing."""
        ...

    @property
    def funding(self) -> FundingSettings | None:
        """The premium of its perpetual, None for no perpetual."""
        ...

    @property
    def implied_volatility(self) -> VolatilitySettings | None:
        """The volatility of its options, None for no options."""
        ...


class _Asset:
    exogenous: float
    price: float
    __slots__ = ("above", "below", "exogenous", "impact", "path", "price", "seen", "variance")

    def __init__(self, path: NDArray[np.float64], impact: Impact | None, volatility: float) -> None:
        self.path: list[float] = path.tolist()
        self.exogenous = self.price = self.path[0]
        self.seen = self.price  # at the last step, before the trades since
        self.impact = impact
        self.variance = volatility**2  # realised, a year
        self.below: list[tuple[float, int, Any]] = []
        self.above: list[tuple[float, int, Any]] = []


class Market:
    """Prices of every asset, what trading does to them, and who waits for which level.

    The exogenous paths are drawn whole at the start. `advance` moves to a step of the grid; between steps prices move
    only by trades. With impact off the realised price is the exogenous one to the last bit.
    """

    def __init__(
        self,
        assets: Mapping[str, AssetSettings],
        times: NDArray[np.float64],
        streams: Streams,
        *,
        start: float = 0.0,
        folder: Path = Path(),
        correlation: CorrelationSettings | None = None,
    ) -> None:
        self._step_seconds = float(times[1] - times[0]) if len(times) > 1 else 0.0
        self._step = 0
        self._watches = 0
        self._crossed: list[tuple[int, Any]] = []
        self._forgotten: set[int] = set()  # numbers of watches
        self._assets: dict[str, _Asset] = {}
        self._start = start
        self._funding: dict[str, Funding] = {}
        self._surfaces: dict[str, Surface] = {}
        processes = {name: asset.settings for name, asset in assets.items()}
        paths = drawn_paths(processes, times, streams, start=start, folder=folder, correlation=correlation)
        self._rates = {name: _listed(process.exchange_rates(times)) for name, process in processes.items()}
        for name, asset in assets.items():
            path = paths[name][0]
            if asset.funding:
                self._funding[name] = Funding.drawn(asset.funding, times, path, streams, f"market/{name}/funding")
            if asset.implied_volatility:
                random = streams.generator(f"market/{name}/implied-volatility")
                self._surfaces[name] = Surface.drawn(asset.implied_volatility, times, path, random)
            impact = Impact(asset.impact, float(path[0])) if asset.impact else None
            if impact is not None:
                impact.see(float(path[0]), 0.0)
            normal = asset.impact.normal_volatility if asset.impact else 0.0
            self._assets[name] = _Asset(path, impact, normal)

    @property
    def assets(self) -> Sequence[str]:
        """Every asset's symbol."""
        return list(self._assets)

    def price(self, asset: str, venue: str = "") -> float:
        """The reference price now, or that of one venue [usd]. Raises ValueError for a venue that there is not."""
        if venue:
            return self._at(asset, venue).price(self._assets[asset].exogenous, venue)
        return self._assets[asset].price

    def venues(self, asset: str) -> Sequence[str]:
        """The names of the venues that an asset trades at; none where it trades in one place."""
        impact = self._assets[asset].impact
        return impact.venues if impact is not None else []

    def exogenous(self, asset: str) -> float:
        """What the price would be now had nobody traded [usd]."""
        return self._assets[asset].exogenous

    def exchange_rate(self, asset: str) -> float:
        """What one token is worth now in units of the asset that it is made of; 1 for one that is not made of any."""
        rates = self._rates[asset]
        return rates[self._step] if rates else 1.0

    # ------------------------------------------------------- perpetuals and options

    def premium(self, asset: str) -> float:
        """What a perpetual would cost over spot now if nobody here held any, a share of price for 8 hours.

        Raises ConfigError for an asset that has no funding.
        """
        return self._funding_of(asset).premium[self._step]

    def funding_rate(self, asset: str) -> float:
        """What longs pay shorts, a share of price for one hour, by the last whole interval's mean premium.

        Raises ConfigError for an asset that has no funding.
        """
        return self._funding_of(asset).rate[self._step]

    def implied_volatility(self, asset: str, strike: float, expiry: float) -> float:
        """A year's volatility in the price of an option now, at a strike [usd] and an expiry [unix s].

        Raises ConfigError for an asset that has no surface, ValueError for an expiry that is over or out of its reach.
        """
        days = (expiry - self._start - self._step * self._step_seconds) / _DAY
        return self._surface_of(asset).implied_volatility(self._step, self.price(asset), strike, days)

    def smiles(self, asset: str) -> Sequence[tuple[float, Svi]]:
        """The slices of an asset's surface now: days to expiry, and total variance by k = ln(strike / price).

        Raises ConfigError for an asset that has none.
        """
        return self._surface_of(asset).smiles(self._step, self.price(asset))

    def measures(self) -> Iterable[tuple[str, str, float]]:
        """What is recorded of funding and volatility now: asset, name, value."""
        for asset, funding in self._funding.items():
            yield asset, "premium", funding.premium[self._step]
            yield asset, "funding_rate", funding.rate[self._step]
        for asset, surface in self._surfaces.items():
            for name, value in surface.measures(self._step, self.price(asset)):
                yield asset, name, value

    def _funding_of(self, asset: str) -> Funding:
        if asset not in self._funding:
            raise ConfigError(
                f"{asset} has no perpetual", where=f"market.{asset}", mend=f"add [market.{asset}.funding]"
            )
        return self._funding[asset]

    def _surface_of(self, asset: str) -> Surface:
        if asset not in self._surfaces:
            mend = f"add [market.{asset}.implied_volatility]"
            raise ConfigError(f"{asset} has no options", where=f"market.{asset}", mend=mend)
        return self._surfaces[asset]

    # --------------------------------------------------------------------- time

    def advance(self, step: int) -> None:
        """Move every asset to a step of the grid, never back, and note which watched levels it has reached."""
        seconds = (step - self._step) * self._step_seconds
        self._step = step
        for asset in self._assets.values():
            exogenous = asset.path[step]
            if asset.impact is not None:
                _move_displaced(asset, asset.impact, exogenous, seconds)
            else:
                asset.exogenous = asset.price = exogenous
            if (asset.below and asset.price <= -asset.below[0][0]) or (
                asset.above and asset.price >= asset.above[0][0]
            ):
                self._reach(asset)

    # -------------------------------------------------------------------- watches

    def watch_below(self, asset: str, level: float, token: Any) -> int:
        """Have `crossed` give `token` at the first step priced at or below `level` [usd]; the watch's number."""
        self._watches += 1
        heapq.heappush(self._assets[asset].below, (-level, self._watches, token))
        return self._watches

    def watch_above(self, asset: str, level: float, token: Any) -> int:
        """As `watch_below`, for prices at or above."""
        self._watches += 1
        heapq.heappush(self._assets[asset].above, (level, self._watches, token))
        return self._watches

    def forget(self, watch: int) -> None:
        """Drop the watch of a number: nobody waits for it any more."""
        self._forgotten.add(watch)
        waiting = sum(len(asset.below) + len(asset.above) for asset in self._assets.values())
        if len(self._forgotten) > max(_LEAST_FORGOTTEN, waiting // 2):
            for asset in self._assets.values():
                asset.below = self._without_forgotten(asset.below)
                asset.above = self._without_forgotten(asset.above)
            self._forgotten.clear()

    def _without_forgotten(self, heap: list[tuple[float, int, Any]]) -> list[tuple[float, int, Any]]:
        kept = [entry for entry in heap if entry[1] not in self._forgotten]
        heapq.heapify(kept)
        return kept

    def crossed(self) -> Iterable[Any]:
        """The tokens whose level was reached, in the order in which they began to watch; each once."""
        if not self._crossed:
            return ()
        reached = sorted(self._crossed, key=lambda entry: entry[0])
        self._crossed = []
        return [token for number, token in reached if number not in self._forgotten]

    def _reach(self, asset: _Asset) -> None:
        while asset.below and asset.price <= -asset.below[0][0]:
            self._crossed.append(heapq.heappop(asset.below)[1:])
        while asset.above and asset.price >= asset.above[0][0]:
            self._crossed.append(heapq.heappop(asset.above)[1:])

    # --------------------------------------------------------------------- trades

    def sell(self, asset: str, quantity: float, venue: str = "") -> float:
        """Sell tokens; the dollars they brought, the order's own impact included.

        At one venue, or routed over all so that prices at the margin are equal. Raises ValueError for less than none,
        and for a venue that there is not.
        """
        return self._trade(asset, -_size(quantity), venue)

    def buy(self, asset: str, quantity: float, venue: str = "") -> float:
        """Buy tokens; the dollars they cost. Raises ValueError as `sell` does."""
        return self._trade(asset, _size(quantity), venue)

    def quote_sell(
        self, asset: str, quantity: float, venue: str = "", slices: int = 1, pause_seconds: float = 0.0
    ) -> float:
        """What `sell` would bring now [usd], or in equal slices if nobody else traded meanwhile."""
        impact = self._assets[asset].impact
        if slices == 1 or impact is None:
            return self._quote(asset, -_size(quantity), venue)
        return impact.quote_slices(-_size(quantity), self._assets[asset].exogenous, venue, slices, pause_seconds)

    def quote_buy(self, asset: str, quantity: float, venue: str = "") -> float:
        """What `buy` would cost now [usd]."""
        return self._quote(asset, _size(quantity), venue)

    def _quote(self, name: str, quantity: float, venue: str) -> float:
        asset = self._assets[name]
        impact = self._at(name, venue) if venue else asset.impact
        return asset.price * abs(quantity) if impact is None else impact.quote(quantity, asset.exogenous, venue)

    def _trade(self, name: str, quantity: float, venue: str) -> float:
        asset = self._assets[name]
        impact = self._at(name, venue) if venue else asset.impact
        if impact is None:
            return asset.price * abs(quantity)
        dollars = impact.trade(quantity, asset.exogenous, venue)
        asset.price = impact.price(asset.exogenous)
        return dollars

    def _at(self, name: str, venue: str) -> Impact:
        impact = self._assets[name].impact
        if impact is None or venue not in impact.venues:
            raise ValueError(f"{name} has no venue {venue}; its venues: {', '.join(self.venues(name)) or 'none'}")
        return impact


def _listed(rates: NDArray[np.float64] | None) -> list[float]:
    return [] if rates is None else rates.tolist()


def _move_displaced(asset: _Asset, impact: Impact, exogenous: float, seconds: float) -> None:
    """To the next exogenous price; the realised volatility sees what trades did since the last step as well."""
    asset.exogenous = exogenous
    if not impact.thins:  # so nobody asks for the volatility
        impact.advance(seconds, 0.0)
        asset.price = impact.price(exogenous)
        return
    impact.advance(seconds, math.sqrt(asset.variance))
    asset.price = impact.price(exogenous)
    impact.see(asset.price, seconds)
    if seconds:
        move = math.log(asset.price / asset.seen)
        keep = math.exp(-seconds / _VOLATILITY_MEMORY)
        asset.variance = keep * asset.variance + (1 - keep) * move * move * YEAR_SECONDS / seconds
    asset.seen = asset.price


def _size(quantity: float) -> float:
    if not quantity >= 0:
        raise ValueError(f"quantity = {quantity}: must be >= 0")
    return quantity
