"""What an option market is to agents, metrics and the recorder: series, positions, quotes and a pool.

Money is the margin asset's [wad], sizes are options [wad], each on one unit of the underlying and signed: written ones
are negative. Strikes, prices and Greeks are dollars in floats: they are computed from the mirrored surface, so that
looking at them costs no call. What counts, as the price of a fill or a margin, is asked of the chain by a preview.
"""

from abc import abstractmethod
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Literal, NamedTuple

from simulator.chain.types import Address
from simulator.protocols.base import Call, Capability, DepositPool, Oracle
from simulator.protocols.genesis import Genesis

if TYPE_CHECKING:
    from simulator.protocols.option_math import Greeks, SurfaceState

OptionKind = Literal["call", "put", "barrier"]
Role = Literal["reporter", "lister"]

KINDS: tuple[OptionKind, ...] = ("call", "put", "barrier")  # by their numbers on chain


def series_id(expiry: int, strike: int, kind: OptionKind) -> int:
    """The number of a series by its expiry [unix s] and strike [wad]. Source: OptionId.sol."""
    return expiry << 136 | strike << 8 | KINDS.index(kind)


@dataclass
class OptionSeries:
    """Options of one expiry, strike and kind."""

    id: int
    expiry: int  # [unix s]
    strike: float  # [usd]
    kind: OptionKind
    longs: int = 0  # [size wad]
    shorts: int = 0  # [size wad]
    payoff: float | None = None  # [usd] once it is frozen
    is_out: bool = False  # a barrier that was reached

    @property
    def name(self) -> str:
        """As in "2025-02-28T08/2600/put"."""
        return f"{datetime.fromtimestamp(self.expiry, UTC):%Y-%m-%dT%H%M}/{self.strike:.10g}/{self.kind}"


@dataclass
class OptionPosition:
    """What one account holds of one series."""

    owner: Address
    series: int  # the number of it
    size: int = 0  # [size wad]
    collateral: int = 0  # [margin wad]
    base: int = 0  # [base wad] that covers calls


class TradePreview(NamedTuple):
    """What a trade would do now."""

    price: int  # [usd wad] of one option, without the fee
    fee: int  # [margin wad]
    required: int  # [margin wad] of collateral that the position would need


class LiquidationPreview(NamedTuple):
    """What buying back an unsafe position would do now."""

    size: int  # [size wad]
    cost: int  # [margin wad]
    fee: int  # [margin wad] from its collateral


class Options(Capability, DepositPool):
    """European, cash-settled options on one asset, with a pool of depositors as everybody's counterparty."""

    asset: str  # market symbol of the underlying
    margin_asset: str
    token: Address  # of the margin
    base_token: Address  # of the underlying
    spender: Address  # the contract that pulls margin and base
    oracle: Oracle  # whose rounds settle it, and whose price it quotes by
    now: int  # [unix s] of the latest step, by which everything here is valued
    surface: "SurfaceState"  # as last reported
    max_age: int  # [s] of a report; an older surface has no prices
    halted_until: int  # [unix s] trades are refused before it
    paused: bool  # trades are refused
    cutoff: int  # [s] before expiry in which nothing is traded
    longest_time: int  # [s] to expiry of a new series
    min_size: int  # [size wad] of a trade that does not close
    spread: float  # relative, of volatility, each way
    depth: float  # [options] net of a strike that would double its volatility
    max_shift: float  # relative, of volatility by inventory, each way
    trade_fee: float  # of the index price, for each option
    fee_cap: float  # of the option's price
    liquidation_fee: float  # of the index price, for each option
    liquidator_share: float  # of that fee
    has_barrier: bool  # down-and-out puts may be listed
    series: dict[int, OptionSeries]  # that are listed, by number
    positions: dict[tuple[Address, int], OptionPosition]  # by owner and number of the series; none of size 0
    guarantors: set[Address]  # who write on their word
    pool_cash: int  # [margin wad]
    pool_base: int  # [base wad] that the pool was paid with and sells
    fund: int  # [margin wad] insurance
    locked: dict[int, float]  # [usd] settlement price by expiry
    premiums: dict[Address, int]  # [margin wad] that an account has paid for options, fees with it, less what it got
    payoffs: dict[Address, int]  # [margin wad] that settlements paid an account, less what it paid

    # ---------------------------------------------------------------- values

    @abstractmethod
    def is_fresh(self) -> bool:
        """Whether the surface has prices: reported, not too old, and the feed has a price."""

    @abstractmethod
    def can_trade(self, id: int) -> bool:
        """Whether a series is listed, before its cutoff, and nothing is shut, halted or stale."""

    @abstractmethod
    def volatility(self, strike: float, expiry: int) -> float | None:
        """A year's by the surface, without shift and spread; None where it has no prices or the expiry is over."""

    @abstractmethod
    def mark(self, id: int) -> float | None:
        """What one option is worth [usd], or pays once frozen; None without a price."""

    @abstractmethod
    def greeks(self, id: int) -> "Greeks | None":
        """Of one option [usd]; nothing once frozen; None without a price."""

    @abstractmethod
    def inventory(self, id: int) -> int:
        """Options of a series' strike that the pool sold, less those it bought [size wad]."""

    @abstractmethod
    def quote(self, id: int, size: int) -> float | None:
        """What `trade` would fill at [usd], without the fee and computed here; None where it has no price."""

    @abstractmethod
    def maintenance(self, id: int) -> float | None:
        """Collateral that one option written and not covered must keep [usd]; None without a price."""

    @abstractmethod
    def initial(self, id: int) -> float | None:
        """Collateral that writing one option without cover takes [usd]; None without a price."""

    @abstractmethod
    def uncovered(self, position: OptionPosition) -> int:
        """What of a position is written and not covered by base [size wad]."""

    @abstractmethod
    def unsafe(self, spot: float | None = None) -> list[tuple[Address, int]]:
        """Positions below maintenance, by owner and number of the series; at a price [usd], or that of the feed."""

    @abstractmethod
    def is_unsafe(self, owner: Address, id: int) -> bool:
        """Whether a position is."""

    @abstractmethod
    def position_name(self, owner: Address, id: int) -> str:
        """The name of a position, in notices and tables."""

    @abstractmethod
    def round_at(self, expiry: int) -> int | None:
        """The last round of the feed at or before an expiry; None before it, or where none is known."""

    # -------------------------------------------------- the chain, as it is

    @abstractmethod
    def cash(self, owner: Address) -> int:
        """Money of an account [margin wad]; below zero only for a guarantor."""

    @abstractmethod
    def free_base(self, owner: Address) -> int:
        """Base that settlements freed for an account [base wad]."""

    @abstractmethod
    def pool_capital(self) -> int | None:
        """What the pool is worth at the surface [margin wad]; None without prices."""

    @abstractmethod
    def pool_free(self) -> int | None:
        """What the pool's depositors may take [margin wad]; None without prices."""

    @abstractmethod
    def preview_trade(self, owner: Address, id: int, size: int, base: int = 0) -> TradePreview | None:
        """What `trade` would do, None where it would revert."""

    @abstractmethod
    def preview_liquidation(self, owner: Address, id: int) -> LiquidationPreview | None:
        """What `liquidate` would do, None where it would revert."""

    @abstractmethod
    def preview_settle(self, owner: Address, id: int) -> tuple[int, int, int] | None:
        """Money [margin wad] to the owner, base [base wad] from it, and what stays unpaid; None where it reverts."""

    # ------------------------------- the chain at this moment, on a branch too

    @abstractmethod
    def cash_of(self, owner: Address) -> int:
        """As `cash`."""

    @abstractmethod
    def position_of(self, owner: Address, id: int) -> tuple[int, int, int]:
        """Size, collateral and base of an account in a series [wad]."""

    @abstractmethod
    def mark_of(self, id: int) -> float | None:
        """As `mark`, by the contracts [usd]."""

    @abstractmethod
    def greeks_of_series(self, id: int) -> "Greeks | None":
        """As `greeks`, by the contracts [usd]; None where they do not know any."""

    @abstractmethod
    def bound_of(self, id: int) -> int:
        """What of the pool's money each option of a series binds that it has sold [margin wad]."""

    @abstractmethod
    def reserves(self) -> tuple[int, int]:
        """The insurance fund, and the pool's money [margin wad]."""

    @abstractmethod
    def most_move(self) -> tuple[float, int]:
        """The relative move of volatility above which trading halts, 0: any, and for how long [s]."""

    @abstractmethod
    def newest_round(self) -> int:
        """The number of the newest round of the feed."""

    @abstractmethod
    def appointing(self, role: Role, account: Address) -> tuple[Address, Call] | None:
        """Who may let an account report or list, and by what call; None where that is a contract."""

    @abstractmethod
    def settlement_price(self, expiry: int) -> float | None:
        """That of an expiry [usd]; None before it is locked."""

    # ------------------------------------------------------------------ calls

    @abstractmethod
    def deposit(self, owner: Address, amount: int) -> Call:
        """Add money to an account."""

    @abstractmethod
    def withdraw(self, owner: Address, amount: int) -> Call:
        """Take money out of one's own account."""

    @abstractmethod
    def withdraw_base(self, owner: Address) -> Call:
        """Take the base that settlements freed."""

    @abstractmethod
    def trade(self, owner: Address, id: int, size: int, limit: float, collateral: int = 0, base: int = 0) -> Call:
        """Buy, or sell and write, at no worse a price than `limit` [usd] for each option.

        `collateral` moves from the account's money to the position, `base` from the wallet; negative ones move back.
        """

    @abstractmethod
    def adjust(self, owner: Address, id: int, collateral: int, base: int = 0) -> Call:
        """Move collateral of one's own short position, as in `trade`."""

    @abstractmethod
    def liquidate(self, owner: Address, id: int) -> Call:
        """Buy back what an unsafe position has written and not covered."""

    @abstractmethod
    def list_series(self, expiry: int, strike: float, kind: OptionKind) -> Call:
        """Open a series; only listers."""

    @abstractmethod
    def lock(self, expiry: int, round: int) -> Call:
        """Fix the settlement price of an expiry by the last round at or before it."""

    @abstractmethod
    def freeze(self, expiry: int) -> Call:
        """Fix the payoffs of an expiry that is locked."""

    @abstractmethod
    def settle(self, owner: Address, id: int) -> Call:
        """Pay out a frozen position."""

    @abstractmethod
    def buy_base(self, amount: int, max_price: float) -> Call:
        """Buy base of the pool with one's money in the market, at no more than `max_price` [usd]."""

    @abstractmethod
    def base_price(self) -> float | None:
        """At which the pool sells base [usd]."""

    @abstractmethod
    def watch(self, id: int) -> Call | None:
        """Let rounds of the feed count for a barrier; None where they do, or it has none."""

    @abstractmethod
    def knock_out(self, id: int) -> Call | None:
        """Show a round at or below the barrier of a series; None where none is known that counts."""

    @abstractmethod
    def report(self, state: "SurfaceState") -> Call:
        """Replace the surface; only reporters."""

    # ----------------------------------------------------------------- set-up

    @abstractmethod
    def appoint(self, genesis: Genesis, role: Role, account: Address) -> None:
        """Let an account report or list, before the storm."""

    @abstractmethod
    def vouch(self, genesis: Genesis, account: Address, credit: int) -> None:
        """Let an account write on its word, its money falling below zero by `credit` [margin wad], before the storm."""

    @abstractmethod
    def open_with(self, sender: Address, calls: Iterable[Call]) -> None:
        """Make calls when the set-up ends and feeds are fresh, reports first.

        A report of whoever is prepared before the protocol is seeded is made then as well.
        """

    # ---------------------------------------------------------------- choosing

    def of_kind(self, kind: OptionKind) -> Sequence[OptionSeries]:
        """The series of a kind that are not over, in order of expiry, then strike."""
        found = [one for one in self.series.values() if one.kind == kind and one.payoff is None]
        return sorted((one for one in found if one.expiry > self.now), key=lambda one: one.id)

    def nearest(self, kind: OptionKind, strike: float, expiry: int) -> OptionSeries | None:
        """The tradable series of a kind whose expiry, and then strike, is nearest; None where there is none."""
        found = [one for one in self.of_kind(kind) if one.expiry > self.now + self.cutoff]
        return min(found, key=lambda one: (abs(one.expiry - expiry), abs(one.strike - strike)), default=None)

    def sold_by_pool(self, id: int) -> int:
        """What the pool has sold of a series, as everybody's counterparty, less what it bought [size wad]."""
        return self.series[id].longs - self.series[id].shorts

    def held_by(self, owner: Address) -> list[OptionPosition]:
        """The positions of an account, in order of their series."""
        return sorted((p for p in self.positions.values() if p.owner == owner), key=lambda p: p.series)
