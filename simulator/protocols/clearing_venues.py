"""Where a clearinghouse's instruments are traded: what of their state it needs, and what keepers do there for it."""

from collections.abc import Iterable
from typing import Any, NamedTuple

from simulator.chain.abi import DecodedEvent
from simulator.chain.base import CallReverted, Chain
from simulator.protocols.base import Call
from simulator.protocols.clearing_fails import CHORE_FAILS
from simulator.protocols.genesis import Contract
from simulator.protocols.margin_capability import Leg
from simulator.protocols.option_math import Greeks
from simulator.units import WAD, from_wad

_BAND = 0.2  # relative, by which margin at a venue may be off its target before it is brought there
_STEP = WAD // 100  # relative, of volatility: by which a swap's vega is found
_SAMPLE_GAS, _REBALANCE_GAS = 300_000, 900_000
_MOVES = frozenset(["SurfaceReported", "ExpiryPriceLocked", "SwapSampled"])  # then all margins are looked at anew


class Swap(NamedTuple):
    """A variance swap, as far as samples go."""

    start: int  # [unix s]
    samples: int
    counted: int  # samples, the first one included
    side: int  # [size wad] that is open to be taken, 0 once it is


class Venues:
    """The contracts below the instruments; those that are not there are None."""

    def __init__(
        self,
        chain: Chain,
        instruments: dict[str, Contract],
        *,
        surface: Contract,
        feed: Contract,
        expiries: Contract | None = None,
        perp: Contract | None = None,
        power: Contract | None = None,
        swaps: Contract | None = None,
    ) -> None:
        self.surface, self.feed, self.expiries = surface, feed, expiries
        self.perp, self.power, self.swaps = perp, power, swaps
        self.moved = True  # something happened that margins go by
        self.now = 0
        self._chain, self._instruments = chain, instruments
        self._locked: set[int] = set()  # expiries
        self._swaps: dict[int, Swap] = {}
        self._interval = int(self._read(swaps, "interval")) if swaps else 0

    def _read(self, contract: Contract, function: str, *args: Any) -> Any:
        return contract.read(self._chain, function, *args)

    def contracts(self) -> Iterable[Contract]:
        """Those that other plug-ins deployed and whose events count here."""
        return [contract for contract in (self.surface, self.expiries, self.perp) if contract is not None]

    # -------------------------------------------------------------------- legs

    def has_ended(self, leg: Leg, now: int) -> bool:
        """Whether what a leg pays is known."""
        if leg.instrument == "option":
            return _expiry(leg) <= now and _expiry(leg) in self._locked
        swap = self._swaps.get(leg.id)
        return leg.instrument == "swap" and (swap is None or swap.counted > swap.samples)

    def greeks(self, leg: Leg, spot: float) -> Greeks | None:
        """Of one unit of size [usd]; None without a price. An option that is over has none."""
        try:
            match leg.instrument:
                case "perp":
                    return Greeks(delta=1.0)
                case "power":
                    index = from_wad(self._read(self._at("power"), "indexOf"))
                    return Greeks(delta=2 * index / spot, gamma=2 * index / spot**2)
                case "swap":
                    return Greeks(vega=self._swap_vega(leg.id))
            if _expiry(leg) <= self.now:
                return Greeks()
            both = self._read(self.surface, "greeksOf", _strike(leg), _expiry(leg))
            return Greeks(*map(from_wad, both[leg.id % 256]))
        except CallReverted:
            return None

    def _swap_vega(self, id: int) -> float:
        """[usd] for 1.00 of volatility, of the long side."""
        if self.has_ended(Leg("swap", id), self.now):
            return 0.0
        instrument = self._instruments["swap"]
        plain, shocked = self._read(instrument, "shockedValues", [id], [WAD], [(0, 0), (0, _STEP)])
        swap = self._swaps[id]
        end = max(swap.start + swap.samples * self._interval, self.now + self._interval)
        volatility = from_wad(self._read(self.surface, "volatilityOf", self._read(self.surface, "spot"), end))
        return from_wad(shocked - plain) / (volatility * from_wad(_STEP))

    def notional(self, leg: Leg, spot: float) -> float:
        """What one unit of size is on [usd]; of a swap what long may lose."""
        if leg.instrument == "power":
            return from_wad(self._read(self._at("power"), "indexOf"))
        if leg.instrument == "swap":
            if leg.id not in self._swaps:
                return 0.0
            swap = self._read(self._at("swap"), "swapOf", leg.id)
            return from_wad(self._read(self._at("swap"), "collateralOf", swap[5], swap[6])[0])
        return spot

    def _at(self, instrument: str) -> Contract:
        found = {"perp": self.perp, "power": self.power, "swap": self.swaps}[instrument]
        assert found is not None, instrument
        return found

    # ------------------------------------------------------------------ chores

    def chores(self, now: int) -> list[Call]:
        """See `Margin.chores`."""
        return [*self._perp_chores(), *self._power_chores(), *self._samples(now)]

    def _perp_chores(self) -> Iterable[Call]:
        if self.perp is None:
            return
        holder, instrument = self._instruments["perp"].address, self._instruments["perp"]
        try:
            notional, equity = (self._read(self.perp, name, holder) for name in ("notionalOf", "exitEquityOf"))
        except CallReverted:  # without a price
            return
        if self._is_off(equity, notional * self._read(instrument, "targetRatio") // WAD):
            yield self._chore(instrument, "rebalance")

    def _power_chores(self) -> Iterable[Call]:
        if self.power is None:
            return
        instrument = self._instruments["power"]
        try:
            collateral, debt = self._read(self.power, "positionOf", instrument.address)
            owed = debt * self._read(self.power, "indexOf") // WAD
        except CallReverted:
            return
        floor = self._read(self.power, "rules")[3]
        target = max(owed * self._read(instrument, "targetRatio") // WAD, floor if owed else 0)
        if self._is_off(collateral, target):
            yield self._chore(instrument, "rebalance")

    @staticmethod
    def _is_off(held: int, target: int) -> bool:
        """Also where nothing is needed and more than dust lies there."""
        return abs(held - target) > max(_BAND * target, WAD)

    def _chore(self, contract: Contract, function: str) -> Call:
        data = contract.encode(function)
        return Call(contract.address, data, _REBALANCE_GAS, "venue-rebalance", contract.address, CHORE_FAILS)

    def _samples(self, now: int) -> Iterable[Call]:
        if self.swaps is None:
            return
        for id, swap in self._swaps.items():
            due = swap.start + swap.counted * self._interval
            if not swap.side and swap.counted <= swap.samples and due <= now:
                data = self.swaps.encode("sample", id, self._round_at(due))
                yield Call(self.swaps.address, data, _SAMPLE_GAS, "swap-sample", str(id), CHORE_FAILS)

    def _round_at(self, time: int) -> int:
        """The last round of the feed at or before a time [unix s], by bisection."""
        high = int(self._read(self.feed, "latestRoundData")[0])
        low = 1
        while low < high:
            middle = (low + high + 1) // 2
            if self._read(self.feed, "getRoundData", middle)[3] <= time:
                low = middle
            else:
                high = middle - 1
        return low

    # ------------------------------------------------------------------ events

    def on_event(self, event: DecodedEvent) -> None:
        """Mirror one event of a venue."""
        self.moved |= event.name in _MOVES
        args = event.args
        match event.name:
            case "ExpiryPriceLocked":
                self._locked.add(args["expiry"])
            case "SwapOffered":
                assert self.swaps is not None
                try:
                    swap = self._read(self.swaps, "swapOf", args["id"])
                except CallReverted:  # cancelled in the same block
                    return
                side = -WAD if args["makerIsLong"] else WAD
                self._swaps[args["id"]] = Swap(swap[2], swap[4], 0, side)
            case "SwapTaken":
                self._swaps[args["id"]] = self._swaps[args["id"]]._replace(side=0)
            case "SwapSampled":
                self._swaps[args["id"]] = self._swaps[args["id"]]._replace(counted=args["place"] + 1)
            case "SwapCancelled" | "SwapSettled":
                self._swaps.pop(args["id"], None)

    def offers(self, now: int) -> list[tuple[Leg, int]]:
        """See `Margin.offers`."""
        return [(Leg("swap", id), swap.side) for id, swap in self._swaps.items() if swap.side and swap.start > now]


def _expiry(leg: Leg) -> int:
    """[unix s]"""
    return leg.id >> 136


def _strike(leg: Leg) -> int:
    """[wad]"""
    return leg.id >> 8 & (1 << 128) - 1
