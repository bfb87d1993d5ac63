"""An option market as agents see it: its mirror, what things are worth by it, previews and calls."""

from collections.abc import Iterable, Mapping
from typing import Any

from simulator.chain.abi import DecodedEvent
from simulator.chain.types import Address
from simulator.protocols import option_math
from simulator.protocols.base import Call, Notice
from simulator.protocols.genesis import Contract, Genesis
from simulator.protocols.option_capability import (
    KINDS,
    LiquidationPreview,
    OptionKind,
    OptionPosition,
    OptionSeries,
    Role,
    TradePreview,
)
from simulator.protocols.option_math import Greeks, SurfaceState, Terms
from simulator.protocols.options_fails import (
    BASE_FAILS,
    LIQUIDATION_FAILS,
    LIST_FAILS,
    LOCK_FAILS,
    MONEY_FAILS,
    POOL_FAILS,
    REPORT_FAILS,
    SETTLE_FAILS,
    TRADE_FAILS,
    WATCH_FAILS,
)
from simulator.protocols.options_mirror import OptionMirror
from simulator.units import from_wad, to_wad

_LOOK_SECONDS = 300  # between two looks at positions while nothing but time has changed
_UNKNOWN = -1.0  # that the price of the feed was not asked for yet


class OptionVenue(OptionMirror):
    """See `Options`."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self._spot: float | None = _UNKNOWN
        self._marks: dict[int, float | None] = {}
        self._greeks: dict[int, Greeks | None] = {}
        self._cash: dict[Address, int] = {}
        self._capital: int | None = None
        self._capital_known = False
        self._has_changed, self._looked_at = True, 0  # since positions were looked at; when that was [unix s]
        self._were_unsafe: set[tuple[Address, int]] = set()
        self._opening: list[tuple[Address, Call]] = []

    def on_event(self, event: DecodedEvent, now: int) -> Iterable[Notice]:
        """See `OptionMirror.on_event`."""
        self._has_changed = True
        return super().on_event(event, now)

    def _forget(self) -> None:
        self._spot, self._capital_known = _UNKNOWN, False
        for memory in (self._marks, self._greeks, self._cash):
            memory.clear()

    # ------------------------------------------------------------------- values

    def spot(self) -> float | None:
        """The price [usd] that the surface goes by; None where the feed refuses."""
        if self._spot == _UNKNOWN:
            self._spot = self.oracle.usable_price(self.now)
        return self._spot

    def is_fresh(self) -> bool:
        """See `Options.is_fresh`."""
        state = self.surface
        return bool(state.slices) and self.now - state.time <= self.max_age and bool(self.spot())

    def can_trade(self, id: int) -> bool:
        """See `Options.can_trade`."""
        series = self.series.get(id)
        shut = self.paused or self.now < self.halted_until
        return series is not None and not shut and self.now + self.cutoff <= series.expiry and self.is_fresh()

    def _terms(self, strike: float, expiry: int, factor: float = 1.0, spot: float | None = None) -> Terms | None:
        spot = self.spot() if spot is None else spot
        if spot is None or expiry <= self.now or not self.is_fresh():
            return None
        return self.surface.terms(spot, strike, expiry, self.now, factor)

    def volatility(self, strike: float, expiry: int) -> float | None:
        """See `Options.volatility`."""
        terms = self._terms(strike, expiry)
        return None if terms is None else terms.volatility

    def _worth(self, series: OptionSeries, factor: float = 1.0, spot: float | None = None) -> float | None:
        terms = self._terms(series.strike, series.expiry, factor, spot)
        if terms is None:
            return None
        if series.kind == "barrier":
            return 0.0 if series.is_out else option_math.barrier_price(terms, self.barrier_of(series))
        return option_math.price(terms, is_call=series.kind == "call")

    def barrier_of(self, series: OptionSeries) -> float:
        """At or below which a put dies [usd]."""
        return series.strike * self._barrier_ratio

    def mark(self, id: int) -> float | None:
        """See `Options.mark`."""
        if id not in self._marks:
            series = self.series[id]
            self._marks[id] = self._worth(series) if series.payoff is None else series.payoff
        return self._marks[id]

    def greeks(self, id: int) -> Greeks | None:
        """See `Options.greeks`."""
        if id not in self._greeks:
            self._greeks[id] = self._greeks_of(self.series[id])
        return self._greeks[id]

    def _greeks_of(self, series: OptionSeries) -> Greeks | None:
        if series.payoff is not None or series.is_out or series.expiry <= self.now:
            return Greeks()  # nothing that is still to come changes what it pays
        terms = self._terms(series.strike, series.expiry)
        if terms is None:
            return None
        if series.kind == "barrier":
            return option_math.barrier_greeks(terms, self.barrier_of(series))
        return option_math.greeks(terms, is_call=series.kind == "call")

    def quote(self, id: int, size: int) -> float | None:
        """See `Options.quote`."""
        shift = from_wad(self.inventory(id) + size) / self.depth
        shift = min(max(shift, -self.max_shift), self.max_shift)
        series, buys = self.series[id], size > 0
        if series.kind != "barrier":
            return self._worth(series, 1 + shift + (self.spread if buys else -self.spread))
        width = abs(shift) + self.spread
        found = [self._worth(series, factor) for factor in (1 - width, 1.0, 1 + width)]
        known = [price for price in found if price is not None]
        return (max(known) if buys else min(known)) if known else None

    # ------------------------------------------------------------------- margin

    def maintenance(self, id: int) -> float | None:
        """See `Options.maintenance`. Source: `unitMargin` of OptionLedger.sol."""
        return self._unit_margin(id, initial=False)

    def initial(self, id: int) -> float | None:
        """See `Options.initial`."""
        return self._unit_margin(id, initial=True)

    def _unit_margin(self, id: int, *, initial: bool, spot: float | None = None) -> float | None:
        series, spot = self.series[id], self.spot() if spot is None else spot
        value = self._worth(series, spot=spot)
        if value is None or spot is None:
            return None
        is_call = series.kind == "call"
        lesser = spot if is_call else min(spot, series.strike)
        part = lesser * self._maintenance
        if initial:
            away = max(0.0, series.strike - spot if is_call else spot - series.strike)
            part = max(spot * self._initial - away, lesser * self._minimum, 0.0)
        return value + part if is_call else min(value + part, self._most_paid(series))

    def _most_paid(self, series: OptionSeries) -> float:
        return series.strike - (self.barrier_of(series) if series.kind == "barrier" else 0.0)

    def uncovered(self, position: OptionPosition) -> int:
        """See `Options.uncovered`."""
        written = max(0, -position.size)
        return max(0, written - position.base) if position.series & 0xFF == KINDS.index("call") else written

    def unsafe(self, spot: float | None = None) -> list[tuple[Address, int]]:
        """See `Options.unsafe`."""
        units: dict[int, float | None] = {}
        return sorted(place for place in self._writers if self._is_below(place, spot, units))

    def is_unsafe(self, owner: Address, id: int) -> bool:
        """See `Options.is_unsafe`."""
        return self._is_below((owner, id), None, {})

    def _is_below(self, place: tuple[Address, int], spot: float | None, units: dict[int, float | None]) -> bool:
        """Whether a position keeps too little; `units` remembers what one option of a series needs."""
        owner, id = place
        position, series = self.positions.get(place), self.series.get(id)
        if position is None or series is None or series.payoff is not None or owner in self.guarantors:
            return False
        bare = self.uncovered(position)
        if not bare:
            return False
        if id not in units:
            units[id] = self._unit_margin(id, initial=False, spot=spot)
        unit = units[id]
        return unit is not None and from_wad(position.collateral) < from_wad(bare) * unit

    # ----------------------------------------------------------------- the chain

    def cash(self, owner: Address) -> int:
        """See `Options.cash`."""
        if owner not in self._cash:
            self._cash[owner] = int(self._read(self.parts.market, "cashOf", owner))
        return self._cash[owner]

    def free_base(self, owner: Address) -> int:
        """See `Options.free_base`."""
        return int(self._read(self.parts.market, "baseOf", owner))

    def pool_capital(self) -> int | None:
        """See `Options.pool_capital`."""
        if not self._capital_known:
            self._capital, self._capital_known = self._try(self.parts.market, "poolCapital"), True
        return self._capital

    def pool_free(self) -> int | None:
        """See `Options.pool_free`."""
        found: int | None = self._try(self.parts.market, "poolFree")
        return found

    def preview_trade(self, owner: Address, id: int, size: int, base: int = 0) -> TradePreview | None:
        """See `Options.preview_trade`."""
        found = self._try(self.parts.market, "previewTrade", owner, id, size, base)
        return None if found is None else TradePreview(*found)

    def preview_liquidation(self, owner: Address, id: int) -> LiquidationPreview | None:
        """See `Options.preview_liquidation`."""
        found = self._try(self.parts.market, "previewLiquidation", owner, id)
        return None if found is None else LiquidationPreview(*found)

    def preview_settle(self, owner: Address, id: int) -> tuple[int, int, int] | None:
        """See `Options.preview_settle`."""
        found: tuple[int, int, int] | None = self._try(self.parts.market, "previewSettle", owner, id)
        return found

    def round_at(self, expiry: int) -> int | None:
        """See `Options.round_at`."""
        return self.rounds.last_at(expiry) if self.now >= expiry else None

    # --------------------------------------------------------------------- calls

    def _call(
        self, contract: Contract, function: str, *args: Any, gas: int, subject: str = "", accepts: Mapping[str, str]
    ) -> Call:
        action = "pool-deposit" if (contract is self.parts.pool and function == "deposit") else _ACTIONS[function]
        return Call(contract.address, contract.encode(function, *args), gas, action, subject or self.id, accepts)

    def deposit(self, owner: Address, amount: int) -> Call:
        """See `Options.deposit`."""
        return self._call(self.parts.market, "deposit", owner, amount, gas=200_000, accepts=MONEY_FAILS)

    def withdraw(self, owner: Address, amount: int) -> Call:
        """See `Options.withdraw`."""
        return self._call(self.parts.market, "withdraw", amount, owner, gas=200_000, accepts=MONEY_FAILS)

    def withdraw_base(self, owner: Address) -> Call:
        """See `Options.withdraw_base`."""
        return self._call(self.parts.market, "withdrawBase", owner, gas=200_000, accepts=MONEY_FAILS)

    def trade(self, owner: Address, id: int, size: int, limit: float, collateral: int = 0, base: int = 0) -> Call:
        """See `Options.trade`."""
        arguments = (id, size, to_wad(max(limit, 0.0)), collateral, base)
        name = self.position_name(owner, id)
        return self._call(self.parts.market, "trade", *arguments, gas=900_000, subject=name, accepts=TRADE_FAILS)

    def adjust(self, owner: Address, id: int, collateral: int, base: int = 0) -> Call:
        """See `Options.adjust`."""
        arguments, name = (id, collateral, base), self.position_name(owner, id)
        return self._call(self.parts.market, "adjust", *arguments, gas=600_000, subject=name, accepts=TRADE_FAILS)

    def liquidate(self, owner: Address, id: int) -> Call:
        """See `Options.liquidate`."""
        name = self.position_name(owner, id)
        return self._call(
            self.parts.market, "liquidate", owner, id, gas=900_000, subject=name, accepts=LIQUIDATION_FAILS
        )

    def list_series(self, expiry: int, strike: float, kind: OptionKind) -> Call:
        """See `Options.list_series`."""
        arguments = (expiry, to_wad(strike), KINDS.index(kind))
        return self._call(self.parts.market, "list", *arguments, gas=300_000, accepts=LIST_FAILS)

    def lock(self, expiry: int, round: int) -> Call:
        """See `Options.lock`."""
        subject = f"{self.id}/{expiry}"
        return self._call(self.parts.expiries, "lock", expiry, round, gas=200_000, subject=subject, accepts=LOCK_FAILS)

    def freeze(self, expiry: int) -> Call:
        """See `Options.freeze`."""
        concerned = sum(1 for id in self.series if id >> 136 == expiry)
        gas = 300_000 + 200_000 * concerned + 10_000 * len(self.series)
        subject = f"{self.id}/{expiry}"
        return self._call(self.parts.market, "freeze", expiry, gas=gas, subject=subject, accepts=SETTLE_FAILS)

    def settle(self, owner: Address, id: int) -> Call:
        """See `Options.settle`."""
        gas, name = 400_000 + 5_000 * len(self.series), self.position_name(owner, id)
        return self._call(self.parts.market, "settle", owner, id, gas=gas, subject=name, accepts=SETTLE_FAILS)

    def buy_base(self, amount: int, max_price: float) -> Call:
        """See `Options.buy_base`."""
        arguments = (amount, to_wad(max_price))
        return self._call(self.parts.market, "buyBase", *arguments, gas=300_000, accepts=BASE_FAILS)

    def base_price(self) -> float | None:
        """See `Options.base_price`."""
        spot = self.spot()
        return None if spot is None else spot * (1 - self._base_discount)

    def watch(self, id: int) -> Call | None:
        """See `Options.watch`."""
        barrier = self.parts.barrier
        if barrier is None or id in self._watched or self.series[id].kind != "barrier":
            return None
        name = f"{self.id}/{self.series[id].name}"
        return self._call(barrier, "watch", id, gas=100_000, subject=name, accepts=WATCH_FAILS)

    def knock_out(self, id: int) -> Call | None:
        """See `Options.knock_out`."""
        barrier, series = self.parts.barrier, self.series[id]
        if barrier is None or series.is_out or id not in self._watched:
            return None
        found = self.rounds.lowest(self._watched[id], series.expiry)
        if found is None or found[1] > self.barrier_of(series):
            return None
        name = f"{self.id}/{series.name}"
        return self._call(barrier, "knockOut", id, found[0], gas=150_000, subject=name, accepts=WATCH_FAILS)

    def report(self, state: SurfaceState) -> Call:
        """See `Options.report`."""
        arguments = (state.encoded(), to_wad(state.rate), to_wad(state.carry))
        gas = 400_000 + 300_000 * len(state.slices)
        return self._call(self.parts.surface, "report", *arguments, gas=gas, accepts=REPORT_FAILS)

    def set_pause(self, trading: bool, withdrawals: bool) -> Call:
        """Shut or open parts of the market; for its owner."""
        return self._call(self.parts.market, "setPause", trading, withdrawals, gas=150_000, accepts={})

    # ---------------------------------------------------------------------- pool

    def pool_deposit(self, owner: Address, assets: int) -> Call:
        """See `Options.pool_deposit`."""
        return self._pool_call("deposit", assets // self._unit, owner)

    def pool_request(self, shares: int) -> Call:
        """See `Options.pool_request`."""
        return self._pool_call("requestRedeem", shares)

    def pool_redeem(self, owner: Address, shares: int) -> Call:
        """See `Options.pool_redeem`."""
        return self._pool_call("redeem", shares, owner, owner)

    def _pool_call(self, function: str, *args: Any) -> Call:
        gas = 600_000 + 60_000 * len(self.series)  # what it is worth is asked of every series, more than once
        return self._call(self.parts.pool, function, *args, gas=gas, accepts=POOL_FAILS)

    def pool_shares(self, owner: Address) -> tuple[int, int, int]:
        """See `Options.pool_shares`."""
        queued, ready = self._read(self.parts.pool, "requestOf", owner)
        return int(self._read(self.parts.pool, "balanceOf", owner)), queued, ready

    def pool_redeemable(self, owner: Address) -> int:
        """See `Options.pool_redeemable`."""
        return int(self._try(self.parts.pool, "maxRedeem", owner) or 0)

    def pool_share_price(self) -> float:
        """See `Options.pool_share_price`."""
        assets = self._try(self.parts.pool, "convertToAssets", self._share_unit)
        return from_wad(int(assets or 0) * self._unit)

    # -------------------------------------------------------------------- set-up

    def appoint(self, genesis: Genesis, role: Role, account: Address) -> None:
        """See `Options.appoint`."""
        contract, setter = (
            (self.parts.surface, "setReporter") if role == "reporter" else (self.parts.market, "setLister")
        )
        genesis.call(contract, setter, account, True, sender=Address(genesis.ask(contract, "owner")))

    def vouch(self, genesis: Genesis, account: Address, credit: int) -> None:
        """See `Options.vouch`."""
        market = self.parts.market
        genesis.call(market, "setGuarantor", account, True, credit, sender=Address(genesis.ask(market, "owner")))

    def open_with(self, sender: Address, calls: Iterable[Call]) -> None:
        """See `Options.open_with`."""
        self._opening += [(sender, call) for call in calls]

    def begin(self, genesis: Genesis) -> None:
        """Make the calls that were asked for, reports first."""
        for sender, call in sorted(self._opening, key=lambda entry: entry[1].action != "report-surface"):
            abi = next(part.abi for part in self.parts.all if part.address == call.to)
            genesis.submit(call, sender, abi)
        self._opening.clear()

    # ---------------------------------------------------------------- the storm

    def advance(self, now: int) -> Iterable[Notice]:
        """See `Protocol.advance`."""
        self.now = now
        self._forget()
        if not self._writers or (not self._has_changed and now < self._looked_at + _LOOK_SECONDS):
            return ()
        self._has_changed, self._looked_at = False, now
        unsafe = self.unsafe()
        fallen = [place for place in unsafe if place not in self._were_unsafe]
        self._were_unsafe = set(unsafe)
        return [self._about("unsafe", self.position_name(*place), owner=place[0], series=place[1]) for place in fallen]

    def owed(self) -> int:
        """What accounts, positions, the pool and the fund have together: its tokens [margin wad]."""
        collateral = sum(position.collateral for position in self.positions.values())
        return sum(map(self.cash, self.accounts)) + collateral + self.pool_cash + self.fund

    def base_owed(self) -> int:
        """What positions, accounts and the pool have of the underlying: its base [base wad]."""
        freed = sum(map(self.free_base, self.accounts))
        return sum(position.base for position in self.positions.values()) + freed + self.pool_base


_ACTIONS = {
    "deposit": "option-deposit",
    "withdraw": "option-withdraw",
    "withdrawBase": "option-withdraw-base",
    "trade": "option-trade",
    "adjust": "option-adjust",
    "liquidate": "liquidate",
    "list": "list-series",
    "lock": "lock-expiry",
    "freeze": "freeze-expiry",
    "settle": "option-settle",
    "buyBase": "buy-base",
    "watch": "watch-barrier",
    "knockOut": "knock-out",
    "report": "report-surface",
    "setPause": "set-pause",
    "requestRedeem": "pool-request",
    "redeem": "pool-redeem",
}
