"""The overlay strategy of a vault: its settings as the contract takes them, and what it holds, mirrored.

Options are valued by the surface as it was last reported, in floats; what a keeper could do about them, the contract
says. See Overlay.sol and OverlayPlan.sol.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

from simulator.chain.base import Chain
from simulator.protocols.genesis import Contract
from simulator.protocols.option_math import SurfaceState, decoded, greeks, price
from simulator.protocols.vault_book import Holdings, Prices
from simulator.protocols.vault_settings import LegSettings, OverlaySettings
from simulator.units import from_wad, to_wad

_STRIKES = ("moneyness", "delta", "cost")  # as in IOverlay.Strike
_SIZES = ("weight", "premium", "gamma", "vega")  # as in IOverlay.Size
_HOUR, _DAY = 3_600, 86_400
_NO_RATIO = 2**256 - 1
_CALL = 0  # as in OptionId
SURFACE_EVENTS = ("SurfaceReported", "SurfaceHalted", "SeriesFrozen", "PauseSet")  # that concern everybody


def terms_of(s: OverlaySettings) -> tuple[list[tuple[Any, ...]], tuple[Any, ...], tuple[int, ...]]:
    """Legs, shape and rolls as the contract takes them."""
    shape = (*map(to_wad, (s.spot, s.reserve, s.cover, s.growth)), s.hedged, to_wad(s.target_delta))
    rest = (s.move, s.tenor_room, s.place_room, s.budget)
    return [_leg(leg) for leg in s.legs.values()], shape, (round(s.ahead_hours * _HOUR), *map(to_wad, rest))


def _leg(leg: LegSettings) -> tuple[Any, ...]:
    weight = leg.weight if leg.side == "buy" else -leg.weight
    choice = (_STRIKES.index(leg.strike), _SIZES.index(leg.size))
    return (leg.kind == "put", *choice, to_wad(leg.place), round(leg.tenor_days * _DAY), to_wad(weight))


class Held(NamedTuple):
    """Options of one leg."""

    id: int
    size: float
    payoff: float | None  # [usd] of one, once it is known

    def worth(self, surface: SurfaceState, spot: float, now: int) -> float:
        """Of all of them [usd]: at the surface, or what exercising brings where nothing better is known."""
        expiry, strike, is_call = self.id >> 136, from_wad(self.id >> 8 & 2**128 - 1), self.id & 255 == _CALL
        if self.payoff is not None:
            return self.size * self.payoff
        if expiry <= now or not surface.slices:
            return self.size * max(0.0, spot - strike if is_call else strike - spot)
        return self.size * price(surface.terms(spot, strike, expiry, now), is_call=is_call)

    def delta(self, surface: SurfaceState, spot: float, now: int) -> float:
        """Of all of them [usd] for 1.00 of the price's logarithm; nothing after expiry."""
        expiry, strike, is_call = self.id >> 136, from_wad(self.id >> 8 & 2**128 - 1), self.id & 255 == _CALL
        if expiry <= now or not surface.slices:
            return 0.0
        return self.size * spot * greeks(surface.terms(spot, strike, expiry, now), is_call=is_call).delta


class OverlayHoldings(Holdings):
    """Spot, money, and options of the legs."""

    def __init__(self, token: Contract, quote: Contract, market: Contract, surface: Contract) -> None:
        self._token, self._quote, self._market, self._surface = token, quote, market, surface
        self.spot = self.dollars = self.money = 0.0  # money: in the market, collateral included
        self.held: list[Held] = []
        self.margin = float("inf")
        self.floor = 0.0  # [asset] that is left at the worst price at expiry
        self.state = SurfaceState(())

    def read(self, chain: Chain, strategy: Contract) -> None:
        """See `Holdings.read`."""
        market, owner = self._market, strategy.address
        base = int(self._token.read(chain, "balanceOf", owner)) + int(market.read(chain, "baseOf", owner))
        self.dollars = from_wad(self._quote.read(chain, "balanceOf", owner))
        money = int(market.read(chain, "cashOf", owner))
        self.held = []
        for id, size in zip(*strategy.read(chain, "held"), strict=True):
            if size:
                _, collateral, covering = market.read(chain, "positionOf", owner, id)
                money, base = money + int(collateral), base + int(covering)
                series = market.read(chain, "seriesOf", id)
                self.held.append(Held(int(id), from_wad(size), from_wad(series[5]) if series[1] else None))
        self.spot, self.money = from_wad(base), from_wad(money)
        ratio = int(strategy.read(chain, "marginRatio"))
        self.margin = from_wad(ratio) if ratio < _NO_RATIO else float("inf")
        self.floor = from_wad(strategy.read(chain, "floor"))
        self._read_surface(chain)

    def _read_surface(self, chain: Chain) -> None:
        surface = self._surface
        rules = surface.read(chain, "rules")
        self.state = SurfaceState(
            decoded(surface.read(chain, "surface")),
            from_wad(surface.read(chain, "rate")),
            from_wad(surface.read(chain, "carry")),
            int(surface.read(chain, "reportedAt")),
            from_wad(rules[1]),
            from_wad(rules[2]),
        )

    def options(self, spot: float) -> float:
        """Worth of the legs [usd]."""
        return sum(leg.worth(self.state, spot, self.now) for leg in self.held)

    def at(self, prices: Prices) -> tuple[float, float, float]:
        """See `Holdings.at`. The margin ratio is that of the last reading."""
        spot = prices.base
        delta = self.spot * spot + sum(leg.delta(self.state, spot, self.now) for leg in self.held)
        value = self.spot * spot + self.dollars + self.money + self.options(spot)
        return max(value, 0.0), delta, self.margin

    def hedge_equity(self, prices: Prices) -> float:
        """See `Holdings.hedge_equity`: money in the market and options, below zero too, as base covers calls."""
        return self.money + self.options(prices.base)

    def parts(self, prices: Prices) -> dict[str, float]:
        """See `Holdings.parts`."""
        return {
            "spot_usd": self.spot * prices.base,
            "options_usd": self.options(prices.base),
            "floor_usd": self.floor,
        }

    def reference(self, prices: Prices) -> float:
        """See `Holdings.reference`."""
        return prices.base

    def fill_cost(self, args: Mapping[str, Any], spot: float) -> float:
        """What a trade of options has cost against the mark, its fee included [usd]."""
        one = Held(int(args["id"]), from_wad(args["sizeDelta"]), None)
        paid = from_wad(args["price"]) * one.size + from_wad(args["fee"])
        return paid - one.worth(self.state, spot, self.now)
