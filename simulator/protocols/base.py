"""What a protocol is to the rest of the simulator: a plug-in that deploys contracts and offers capabilities.

Agents, metrics and the recorder know capabilities only, never a contract: `Lending` (positions that can be adjusted and
liquidated), `Auction` (lots of seized collateral), `Pool` (an on-chain market), `Perp` (a perpetual future), `Vault`
(shares of a hedged strategy), `Loans` (a pool of loans), `Options` (options of an asset, in a module of its own),
`Oracle` (a feed to report to). A plug-in mirrors its state from events, so nothing is polled, and turns raw events into
neutral notices.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

import numpy as np
from numpy.typing import NDArray

from simulator.chain.abi import Abi, DecodedEvent
from simulator.chain.types import ZERO_ADDRESS, Address
from simulator.errors import ConfigError
from simulator.protocols.genesis import Contract, Genesis
from simulator.protocols.perps_book import Frame, MarginWatch, PerpBook
from simulator.protocols.positions import PositionBook

if TYPE_CHECKING:
    from simulator.market import Market


class Call(NamedTuple):
    """A transaction in the making: what to call, and which of its reverts are part of the game."""

    to: Address
    data: bytes
    gas: int  # the limit to ask for
    action: str  # for the tables, as in "liquidate"
    subject: str = ""  # what it acts on, as in a position or lot; rivals for it are seen in the pool
    accepts: Mapping[str, str] = {}  # custom error (or `Error: text`) -> why it can happen to an honest caller
    value: int = 0  # [wei]
    after: "Call | None" = None  # what the sender has to do just before it, in a transaction of its own


class Notice(NamedTuple):
    """A neutral event of a protocol, for agents and metrics.

    Each carries in `args` what stands beside its kind (amounts in wad), and `capability`, the id of what it is about:
    `position`; `liquidation` (liquidator, debt, collateral that he gets, lot: its id or ""); `lot_opened`,
    `lot_changed`; `lot_closed` (winner, amount, paid); `price` (price); `pool`; `vault` (somebody
    came, left or waits); `vault_due` (a rebalance may be due); `rebalance` (one was done: reason, keeper, mid: the
    price [usd] it was valued at; in asset tokens lost: value at that mid, moved: change of delta). The world adds
    `unsafe`: a position that can be liquidated at the price its protocol uses.

    Of options, about a position: `option_trade` (owner, series, size, price, fee, factor), `option_liquidation`
    (liquidator, size, cost, deficit, reward), `option_settled` (size, amount, base, unpaid), `waterfall` (step: fund,
    pool or longs, amount). About a market: `series` (series, state: listed, frozen, delisted, out), `surface`,
    `surface_halt` (time, previous, volatility, until), `expiry_locked` (expiry, price).

    Of a clearinghouse, about an account: `book_trade`, `book_settled` (leg, size, cash), `book_auction` (equity,
    required), `book_auction_ended`, `book_taken` (to, equity, paid, received, notional [usd]), `waterfall` (step:
    account, house, members or recorded, amount), and `unsafe`: it is below maintenance. About itself: `clearing_fund`.

    Of perpetual futures, about an account: `trade` (size, price), `perp_liquidation` (liquidator, size, value: its
    worth in margin, fee, deficit), `order` (waits or is gone), `adl` (size, price, haircut). About a market: `funding`
    (rate), `shortfall` (amount, recorded or repaid), `pool_bankrupt` (seen, or settled), `socialised` (amount),
    `perp_pool` (capital came or went), `rules` (pauses and parameters). Accounts change in a `margin` notice.
    """

    kind: str
    protocol: str
    subject: str
    args: Mapping[str, Any] = {}


class Quote(NamedTuple):
    """What a liquidation would do now."""

    repay: int  # [debt wad]
    reward: int  # [collateral wad] that the liquidator gets


class Measure(NamedTuple):
    """One number of a protocol at a moment, for the measures table."""

    subject: str
    name: str
    value: float


class Capability:
    """Something a protocol offers to agents. `id` is unique in a world, as in "cdp/ETH"."""

    id: str


class Oracle(Capability, ABC):
    """The price of one asset on chain."""

    asset: str
    price: float  # [usd] that consumers would use, as last seen in events; 0 before the first
    price_time: int  # [unix s] when that answer was observed
    source: str = "push"  # a reporter writes the price; or it is the twap of a pool, or made by an exchange rate
    max_age: float = 0.0  # [s] of an answer that consumers may get, as declared; 0: any
    max_jump: float = 0.0  # of a lone answer from the one before, as declared; 0: any

    @abstractmethod
    def usable_price(self, now: int | None = None) -> float | None:
        """What a consumer would get now [usd], None where its call would revert.

        `now` [unix s], where the caller knows it, may save asking the chain.
        """

    def answer(self) -> float | None:
        """What a consumer gets from the chain as it is [usd], nothing remembered; None where its call reverts."""
        return self.usable_price()

    def observed(self, market: "Market") -> float | None:
        """What its reporter sees now, the price [usd] as a rule; None where nobody reports."""
        return market.price(self.asset)

    @abstractmethod
    def report(self, price: float) -> Call:
        """Write a price [usd]."""

    @abstractmethod
    def poke(self) -> Call | None:
        """Move a delayed price on or observe a pool, None where there is neither."""

    @abstractmethod
    def next_poke(self) -> int | None:
        """When it may next be poked [unix s]."""

    def poke_seconds(self) -> float:
        """The least time between two pokes [s]."""
        return 0.0


class Lending(Capability, ABC):
    """Positions of one collateral that owe one stablecoin."""

    asset: str  # market symbol of the collateral
    debt_asset: str
    token: Address
    debt_token: Address
    spender: Address  # the contract that pulls tokens
    minimum_ratio: float
    liquidation_ratio: float
    debt_floor: float  # [debt tokens]
    book: PositionBook
    oracle: Oracle
    immediate: bool  # a liquidation pays out at once, otherwise it starts an auction
    close_factor: float = 1.0  # most of a debt that one liquidation repays, as declared
    liquidation_bonus: float = 0.0  # collateral over debt less 1 that a liquidator gets, or an auction raises
    debt_ceiling: float = float("inf")  # [debt tokens]
    pulls_debt: bool = False  # an owner has to approve the debt token to the spender before repaying

    @abstractmethod
    def index(self, now: int) -> float:
        """Debt per unit of normalized debt at `now` [unix s]."""

    @abstractmethod
    def open(self, owner: Address, collateral: int, debt: int) -> Call:
        """Open a position with `collateral` [wad] and draw `debt` [wad]."""

    @abstractmethod
    def adjust(self, position: str, collateral_delta: int, debt_delta: int) -> Call:
        """Change a position; `REPAY_ALL` as the debt delta, `TAKE_ALL` as the collateral's."""

    @abstractmethod
    def liquidate(self, position: str, max_repay: int) -> Call:
        """Liquidate a position, repaying at most `max_repay` [wad] where that is immediate."""

    @abstractmethod
    def quote(self, position: str, max_repay: int) -> Quote | None:
        """What `liquidate` would do now, None where it would revert."""

    def holdings(self, owner: Address) -> tuple[int, int] | None:
        """Collateral and debt of a position as the chain has them [wad], None where nobody can tell.

        Who answers also makes calls for positions of which no event has told, as those of a trial.
        """
        del owner
        return None

    def deploy_flash(self, genesis: Genesis, owner: Address) -> Address | None:
        """A contract of `owner` that borrows what it repays in the same transaction, None where there is none."""
        del genesis, owner
        return None

    def flash_liquidate(self, borrower: Address, position: str, max_repay: int, min_profit: int) -> Call:
        """Liquidate through a contract of `deploy_flash`, at a profit of at least `min_profit` [debt wad]."""
        raise TypeError(f"{self.id} has no flash liquidation")


Floats = NDArray[np.float64]

REPAY_ALL = TAKE_ALL = -(2**255)


@dataclass
class Lot:
    """Collateral at auction."""

    id: str
    number: int
    position: str
    amount: int  # [collateral wad] left
    debt: int  # [debt wad] it was seized for
    to_raise: int  # [debt wad]
    opened: int  # [unix s]
    end: int = 0  # [unix s] ascending: no bid after it
    bid: int = 0  # [debt wad] ascending: the standing bid
    bidder: Address | None = None
    bid_expiry: int = 0  # [unix s]
    paid: int = 0  # [debt wad] so far


class Auction(Capability, ABC):
    """Sells what a Lending capability seized."""

    asset: str
    debt_asset: str
    debt_token: Address
    spender: Address
    ascending: bool  # bidders raise the price; otherwise the price falls until somebody takes
    minimum_raise: float
    lots: dict[str, Lot]

    @abstractmethod
    def bid(self, lot: Lot, amount: int, pay: int) -> Call:
        """Ascending: offer `pay` [debt wad] for `amount` [collateral wad] of it."""

    @abstractmethod
    def settle(self, lot: Lot) -> Call:
        """Ascending: close a lot whose bid has stood long enough."""

    @abstractmethod
    def restart(self, lot: Lot) -> Call:
        """Give a lot that nobody wanted a new start."""

    @abstractmethod
    def price(self, lot: Lot) -> float | None:
        """Descending: what one unit costs now [debt tokens], None where it needs a restart."""

    @abstractmethod
    def take(self, lot: Lot, amount: int, max_price: int, to: Address) -> Call:
        """Descending: buy `amount` [wad] at no more than `max_price` [wad] for `to`."""

    reset_seconds: float = 0.0  # after which a lot that nobody wanted may have a new start

    def newest(self) -> Lot | None:
        """The lot opened last, as the chain has it; None where nobody can tell."""
        return None

    def deploy_flash(self, genesis: Genesis, owner: Address) -> Address | None:
        """As in `Lending.deploy_flash`."""
        del genesis, owner
        return None

    def flash_take(self, borrower: Address, lot: Lot, amount: int, max_price: int, min_profit: int) -> Call:
        """Take through a contract of `deploy_flash`."""
        raise TypeError(f"{self.id} has no flash take")


class Pool(Capability, ABC):
    """An on-chain market of two assets."""

    assets: tuple[str, str]  # base, quote
    tokens: tuple[Address, Address]
    spender: Address
    fee: float
    reserves: tuple[int, int]  # [wad] mirrored from events

    @property
    def price(self) -> float:
        """Quote per base by the reserves, 0 while it is empty."""
        base, quote = self.reserves
        return quote / base if base else 0.0

    @abstractmethod
    def swap(self, sell_base: bool, amount: int, min_out: int, to: Address) -> Call:
        """Sell `amount` [wad] of the base (else of the quote)."""

    @abstractmethod
    def quote(self, sell_base: bool, amount: int) -> int:
        """What `swap` would give now [wad]."""

    def most(self, sell_base: bool) -> int:
        """The largest amount [wad] that it takes now: liquidity may end at some price."""
        del sell_base
        return 2**255


class Vault(Capability, ABC):
    """Shares of a strategy that holds one asset and is rebalanced by whoever finds that due."""

    asset: str  # market symbol of what goes in and out
    hedged: str  # market symbol of what the strategy hedges
    token: Address  # of the shares
    spender: Address  # the contract that pulls the asset
    tip: float  # [asset tokens] for a rebalance
    holder: Address = ZERO_ADDRESS  # the account whose positions elsewhere are the vault's
    share_unit: int = 1  # units of share for a unit of the asset, at the first deposit
    observed_every: float = 0.0  # [s] between calls of `observe`
    observed_at: float = 0.0  # [unix s] the latest of them
    max_slippage: float = 0.0  # of what a rebalance trades, as declared
    deposit_cap: float = float("inf")  # [asset tokens] most net assets by deposits
    withdrawal_seconds: float = 0.0  # that a request waits at least

    @abstractmethod
    def deposit(self, owner: Address, assets: int) -> Call:
        """Put in `assets` [wad] for shares of `owner`."""

    @abstractmethod
    def withdraw(self, owner: Address, assets: int) -> Call:
        """Take out `assets` [wad] at once, as far as they are liquid."""

    @abstractmethod
    def request(self, owner: Address, shares: int) -> Call:
        """Hand in `shares` for assets that are not liquid yet."""

    @abstractmethod
    def settle(self) -> Call:
        """Set assets aside for those who wait, as far as idle ones reach."""

    @abstractmethod
    def claim(self, owner: Address) -> Call:
        """Fetch what is set aside for `owner`."""

    @abstractmethod
    def rebalance(self, data: bytes = b"") -> Call:
        """Rebalance; `data` is the strategy's."""

    @abstractmethod
    def due(self) -> str | None:
        """Why a rebalance may be called now, None where it may not."""

    @abstractmethod
    def exposure(self) -> tuple[float, float, float]:
        """Delta, gamma and vega [asset tokens]."""

    @abstractmethod
    def nav(self) -> float:
        """What the shares own [asset tokens]."""

    def drift(self) -> float:
        """Delta less the wanted one, over net assets."""
        nav = self.nav()
        return self.exposure()[0] / nav if nav else 0.0

    @abstractmethod
    def share_price(self) -> float:
        """What a share is worth by the vault's own books [asset tokens]; one at the first deposit."""

    @abstractmethod
    def queue(self) -> float:
        """The share of all shares that waits for assets."""

    @abstractmethod
    def shares_of(self, owner: Address) -> int:
        """The shares of an account, those handed in left out."""

    @abstractmethod
    def liquid(self, owner: Address) -> int:
        """What `owner` could withdraw at once [asset wad]."""

    @abstractmethod
    def claimable(self, owner: Address) -> int:
        """What is set aside for `owner` [asset wad]."""

    @abstractmethod
    def waiting(self) -> int:
        """Shares handed in and not yet settled."""

    @abstractmethod
    def can_settle(self) -> bool:
        """Whether `settle` would set anything aside."""

    def value_of(self, shares: int) -> int | None:
        """What shares are worth by the chain [asset wad], None where nobody can tell."""
        del shares
        return None

    def may_be_due(self) -> bool:
        """Whether asking `due` is worth it, by what is known without asking; `vault_due` tells when that turns true."""
        return True

    def route(self) -> bytes:
        """The data with which a rebalance would cost least now."""
        return b""

    def observe(self) -> Call | None:
        """What keeps the strategy's estimates going, None where it has none."""
        return None


class Loans(Capability, ABC):
    """A pool of loans of one asset against another."""

    asset: str  # market symbol of what is lent
    collateral_asset: str
    spender: Address  # the contract that pulls both
    loan_to_value: float
    debt_floor: float  # [asset tokens]

    @abstractmethod
    def state(self) -> tuple[int, int]:
        """What is not lent out, and what is [asset wad]."""

    @abstractmethod
    def debt_of(self, owner: Address) -> int:
        """What an account owes [asset wad]."""

    @abstractmethod
    def borrow(self, owner: Address, collateral: int, amount: int) -> Call:
        """Add `collateral` [wad] to one's loan and borrow `amount` [asset wad]."""

    @abstractmethod
    def repay(self, owner: Address, amount: int) -> Call:
        """Repay `amount` [asset wad] of a loan."""

    def take_out(self, owner: Address, collateral: int) -> Call | None:
        """Take `collateral` [wad] out of one's loan."""
        del owner, collateral
        return None

    def holdings(self, owner: Address) -> tuple[int, int] | None:
        """Collateral and debt of a loan as the chain has them [wad], None where nobody can tell."""
        del owner
        return None

    def rate(self, cash: int, lent: int) -> float | None:
        """The declared interest a year while so much [asset wad] is not lent out and is, None where nobody can tell."""
        del cash, lent
        return None

    def value_of(self, shares: int) -> int | None:
        """What shares of the lenders are worth by the chain [asset wad], None where nobody can tell."""
        del shares
        return None


class Order(NamedTuple):
    """A trade that waits for its price."""

    account: str
    size: int  # [size wad] bought, sold when negative
    submitted: int  # [unix s] only a later price fills it
    executable: int  # [unix s]
    expires: int  # [unix s] later it can only be cancelled


class DepositPool(ABC):
    """The pool of depositors behind a market, in shares that are queued before they are redeemed."""

    pool_spender: Address  # the contract that pulls deposits of the pool

    @abstractmethod
    def pool_deposit(self, owner: Address, assets: int) -> Call:
        """Put `assets` [margin wad] into the pool."""

    @abstractmethod
    def pool_request(self, shares: int) -> Call:
        """Queue shares for redemption."""

    @abstractmethod
    def pool_redeem(self, owner: Address, shares: int) -> Call:
        """Redeem shares that have waited."""

    @abstractmethod
    def pool_shares(self, owner: Address) -> tuple[int, int, int]:
        """Shares held, shares queued, and when those are ready [unix s]."""

    @abstractmethod
    def pool_redeemable(self, owner: Address) -> int:
        """Shares that could be redeemed now."""

    @abstractmethod
    def pool_share_price(self) -> float:
        """What a share is worth [margin tokens]; 0 without a price."""


class Perp(Capability, DepositPool):
    """One perpetual future with the pool that is everybody's counterparty, and its backstop.

    A size is signed, long when positive: of the asset in a linear market, of Dollars in an inverse one. Money is the
    margin asset's [wad], prices are dollars. An account's name ends in its owner.
    """

    asset: str  # market symbol of what it follows
    margin_asset: str
    inverse: bool
    token: Address  # of the margin
    spender: Address  # the contract that pulls margin
    oracle: Oracle
    book: PerpBook
    orders: dict[str, Order]  # that wait, by account
    initial_ratio: float
    maintenance_ratio: float
    trade_fee: float
    liquidator_share: float  # of the fee of a liquidation
    skew_scale: int  # [size wad] net size at which the premium would be 1
    period: int  # [s] that the premium is a rate for
    follows_premium: bool  # the funding rate is the premium's, otherwise the premium moves it
    has_queue: bool  # shares of the pool must be queued before they can be redeemed
    queue_window: int  # [s] for which they then can
    tip: float  # [margin tokens] for the execution of an order
    delay: int  # [s] between an order and its fill
    fund: int  # [margin wad] the insurance fund
    shortfall: int  # [margin wad] recorded and not paid
    paused: bool  # trades and orders are refused
    floor: int = 0  # [margin wad] of shortfall at which deleveraging ends
    trigger: int = 0  # [margin wad] of shortfall above which it begins

    @abstractmethod
    def account(self, owner: Address) -> str:
        """The name of an owner's account."""

    @abstractmethod
    def frame(self, now: int, price: float | None = None) -> Frame | None:
        """What valuations at `now` [unix s] go by, at an index price [usd] or that of the feed; None without one."""

    @abstractmethod
    def equity(self, account: str, now: int) -> int | None:
        """Cash, profit at the mark and funding until `now` of an account, None without a price."""

    @abstractmethod
    def units(self, usd: float, price: float) -> int:
        """The size [wad] with a notional in dollars at a price of the asset."""

    @abstractmethod
    def mark(self) -> float:
        """Index and premium [usd]."""

    @abstractmethod
    def premium(self) -> float:
        """Mark over index less 1."""

    @abstractmethod
    def funding_rate(self, now: int) -> float:
        """What longs pay [share a day]."""

    @abstractmethod
    def premium_for(self, rate: float) -> float:
        """A premium at which longs would pay that [share a day], where the rate follows it."""

    @abstractmethod
    def open_interest(self) -> tuple[int, int]:
        """The sizes of longs and shorts [size wad]."""

    @abstractmethod
    def unsafe(self) -> list[str]:
        """Accounts below maintenance margin at the price of the feed."""

    @abstractmethod
    def is_unsafe(self, account: str) -> bool:
        """Whether an account is."""

    @abstractmethod
    def watch(self) -> MarginWatch:
        """A watch on accounts below maintenance margin, at frames of one's own."""

    @abstractmethod
    def pool_capital(self, now: int) -> int | None:
        """What the pool would have if every trader closed now [margin wad], None without a price."""

    # ----------------------------------------------------- the chain, as it is

    def equity_of(self, owner: Address) -> int | None:
        """Equity of an account at the mark [margin wad], None where nobody can tell."""
        del owner
        return None

    def funding_index(self) -> int | None:
        """What one unit of size has paid since the start [margin ray], None where nobody can tell."""
        return None

    def losses(self) -> tuple[int, int] | None:
        """The insurance fund and the shortfall [margin wad], None where nobody can tell."""
        return None

    # ---------------------------------------------------------------- previews

    @abstractmethod
    def preview_trade(self, account: str, size: int) -> tuple[int, int] | None:
        """Equity and required margin that a trade at once would leave, None where it would revert."""

    @abstractmethod
    def preview_liquidation(self, account: str) -> tuple[int, int] | None:
        """The size closed and the fee, None where it would revert."""

    @abstractmethod
    def withdrawable(self, account: str) -> int:
        """What `withdraw` would pay now."""

    @abstractmethod
    def bankruptcy(self, long: bool) -> tuple[int, int, int]:
        """Of longs or shorts that went bankrupt: the size not yet matched, the shortfall, since when [unix s]."""

    @abstractmethod
    def deleverage_list(self, bankrupt_long: bool, now: int) -> list[str]:
        """Whom the rule would deleverage next, in its order; empty where nobody must."""

    # ------------------------------------------------------------------- calls

    @abstractmethod
    def deposit(self, account: str, amount: int) -> Call:
        """Add margin to an account."""

    @abstractmethod
    def withdraw(self, account: str, amount: int) -> Call:
        """Take margin out of one's own."""

    @abstractmethod
    def trade(self, account: str, size: int, limit: float) -> Call:
        """Trade on one's own account at no worse a price than `limit` [usd]; an order where fills are delayed."""

    @abstractmethod
    def execute(self, account: str) -> Call:
        """Fill somebody's order."""

    @abstractmethod
    def cancel(self, account: str) -> Call:
        """Remove an order that has expired."""

    @abstractmethod
    def liquidate(self, account: str) -> Call:
        """Liquidate an account."""

    @abstractmethod
    def accrue(self) -> Call:
        """Charge funding until now."""

    @abstractmethod
    def deleverage(self, bankrupt_long: bool, accounts: Sequence[str]) -> Call:
        """Close profitable positions against bankrupt ones."""

    @abstractmethod
    def socialise(self) -> Call:
        """Let what is left of the shortfall fall on the pool."""

    @abstractmethod
    def settle_pool(self) -> Call:
        """Pass on to the backstop what the pool owes beyond its capital."""


@dataclass
class Sample:
    """What a protocol looks like at a moment, in arrays over its positions."""

    positions: list[str] = field(default_factory=list)
    owners: list[str] = field(default_factory=list)
    equity_usd: Floats = field(default_factory=lambda: np.empty(0))
    required_usd: Floats = field(default_factory=lambda: np.empty(0))
    health: Floats = field(default_factory=lambda: np.empty(0))
    measures: list[Measure] = field(default_factory=list)

    @classmethod
    def of_all(cls, parts: Sequence["Sample"]) -> "Sample":
        """Several as one, in their order."""
        whole = cls()
        for part in parts:
            whole.positions += part.positions
            whole.owners += part.owners
            whole.measures += part.measures
        if parts:
            whole.equity_usd = np.concatenate([np.asarray(part.equity_usd) for part in parts])
            whole.required_usd = np.concatenate([np.asarray(part.required_usd) for part in parts])
            whole.health = np.concatenate([np.asarray(part.health) for part in parts])
        return whole


class Protocol(ABC):
    """One family of contracts in a world.

    `Settings` is its table in a scenario. A plug-in of a user's is written the same way as ours.
    """

    Settings: ClassVar[Any]
    trades: ClassVar[int] = 0  # deployed by this, then by id: 1 is a venue for tokens of others, 2 one over venues

    def __init__(self, id: str, settings: Any) -> None:
        self.id = id
        self.settings = settings

    @abstractmethod
    def deploy(self, genesis: Genesis) -> None:
        """Put the contracts on the chain. Raises SetupError where they refuse their parameters."""

    def placed(self, genesis: Genesis, table: str, name: str, setting: str) -> Contract:
        """A contract that another table has deployed, which a setting names. Raises ConfigError where it has not."""
        for placing in genesis.placed:
            if placing.scope == table and placing.contract.name == name:
                return placing.contract
        raise ConfigError(
            f"{setting} = {table!r}, but no such table deployed a {name}",
            where=self.id,
            mend="name the table that deploys it",
        )

    def attach(self, genesis: Genesis) -> None:
        """Use contracts that are on the chain already, as `genesis.find` gives them. Raises ConfigError."""
        del genesis
        raise ConfigError("this protocol cannot be attached, only deployed", where=self.id, mend="give it an `attach`")

    def seed(self, genesis: Genesis) -> None:
        """Use what the first agents brought, as in a pool's first liquidity. Runs after borrowers have drawn."""
        del genesis

    def ready(self, genesis: Genesis) -> None:
        """The end of the set-up: agents have what they start with and feeds are fresh."""
        del genesis

    @abstractmethod
    def capabilities(self) -> Sequence[Capability]:
        """What it offers to agents, after `deploy`."""

    @abstractmethod
    def events(self) -> Mapping[Address, Abi]:
        """The contracts whose events it wants, each with the ABI to decode them."""

    @abstractmethod
    def on_event(self, event: DecodedEvent, now: int) -> Iterable[Notice]:
        """Mirror an event and say what it means."""

    def follows(self) -> Iterable[Address]:
        """Contracts of other plug-ins whose events it is told of as well, by `on_event`."""
        return ()

    def advance(self, now: int, price: Callable[[str], float]) -> Iterable[Notice | Measure]:
        """What price and time alone have changed by `now` [unix s], after each step of the markets.

        `price(asset)` is the reference price [usd]. It is asked at every step, so it must be cheap.
        """
        del now, price
        return ()

    def governance(self) -> Sequence[tuple[float, Call]]:
        """What its owner does by declaration: when [s since the start], in order, and the call."""
        return ()

    def books(self, price: Callable[[str], float]) -> Iterable[Measure]:
        """By how much its books differ from what they are about, at reference prices [usd]: one for each identity, all
        named `books_gap_usd`, the subject saying which. Asked only where somebody probes."""
        del price
        return ()

    def sample(self, now: int, price: Callable[[str], float]) -> Sample:
        """Positions and measures at `now` [unix s], valued at the reference prices of `price(asset)` [usd]."""
        del now, price
        return Sample()
