"""A clearinghouse as agents see it: one margin account over cash, collaterals and every instrument it knows."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from simulator.chain.types import Address
from simulator.protocols.base import Call, Capability, Oracle
from simulator.protocols.genesis import Genesis

if TYPE_CHECKING:
    from simulator.protocols.option_math import Greeks


class Leg(NamedTuple):
    """What a position of an account is on."""

    instrument: str  # "option", "perp", "power" or "swap"
    id: int = 0  # of the series, 0 where there is only one


class Taking(NamedTuple):
    """What taking a book would do now [margin wad]."""

    equity: int  # of the book
    paid: int  # by whoever takes it
    received: int  # by whoever takes it, from the funds


class TradePreview(NamedTuple):
    """What a trade would do now [margin wad]."""

    cash: int  # to the account, negative where it pays
    equity: int  # after it
    required: int  # after it


@dataclass
class MarginAccount:
    """One account, mirrored from events. Carry of what it holds is in its cash only once it was charged."""

    id: str
    number: int  # by which the contract knows it
    owner: Address
    isolated: bool  # holds one instrument only
    model: str  # "standard" or "portfolio"
    cash: int = 0  # [margin wad]
    collateral: dict[str, int] = field(default_factory=dict)  # [wad] by market symbol
    legs: dict[Leg, int] = field(default_factory=dict)  # [size wad] that are not zero
    auction_since: int = 0  # [unix s], 0: no auction

    @property
    def can_fail(self) -> bool:
        """Whether it may come to need margin: it owes money, or holds what can be worth less than nothing."""
        return self.cash < 0 or any(size < 0 or leg.instrument == "perp" for leg, size in self.legs.items())


class Margin(Capability, ABC):
    """One clearinghouse. Money is the margin asset's [wad], sizes are the instruments' [wad], prices are dollars.

    An account below maintenance margin is auctioned whole. Losses fall on its equity, then on the house's fund,
    then on the members', and what is left is recorded.
    """

    asset: str  # market symbol of what its instruments are on
    margin_asset: str
    token: Address  # of the margin
    spender: Address  # the contract that pulls margin and collaterals
    oracle: Oracle  # of the asset
    collaterals: tuple[str, ...]  # market symbols of what else may be deposited
    instruments: Mapping[str, Address]  # by name, of those it knows
    options: str  # id of the option market below "option", empty where there is none
    perp: str  # id of the market below "perp", likewise
    power: Address | None  # the token below "power"
    accounts: dict[str, MarginAccount]
    shares: dict[Address, int]  # of the members' fund
    house_fund: int
    members_fund: int
    shortfall: int  # recorded and not paid; while there is one nobody takes out more than they brought
    auction_seconds: int  # until a book costs nothing, or the reward is highest
    quit_seconds: int  # between announcing to quit and quitting
    paused: bool  # trades are refused

    # --------------------------------------------------------------------- state

    @abstractmethod
    def account_of(self, owner: Address) -> MarginAccount | None:
        """The latest account of an owner."""

    @abstractmethod
    def margin_of(self, account: str, initial: bool, model: str = "") -> tuple[int, int] | None:
        """Equity and requirement now, by the account's risk model or another; None without a price."""

    @abstractmethod
    def unsafe(self) -> list[str]:
        """Accounts below maintenance margin, as last looked at, whose auction has not begun."""

    @abstractmethod
    def auctions(self) -> list[str]:
        """Accounts in auction."""

    @abstractmethod
    def matured(self, now: int) -> list[tuple[str, Leg]]:
        """Legs that `settle` would close now."""

    @abstractmethod
    def offers(self, now: int) -> list[tuple[Leg, int]]:
        """Variance swaps that nobody has taken yet, each with the size [wad] that taking it is."""

    @abstractmethod
    def greeks(self, account: str) -> "Greeks | None":
        """Of all that an account holds [usd], its collateral included; None without a price."""

    @abstractmethod
    def notional(self, account: str) -> float:
        """What the legs of an account are on, long and short added up [usd]."""

    # ------------------------------------------------------------------ previews

    @abstractmethod
    def preview_trade(self, account: str, leg: Leg, size: int) -> TradePreview | None:
        """What `trade` would do, None where it would revert for another reason than margin."""

    @abstractmethod
    def preview_take(self, account: str) -> Taking | None:
        """What `take` would do, None where it would revert."""

    # ------------------------------- the chain at this moment, on a branch too

    @abstractmethod
    def funds(self) -> tuple[int, int, int]:
        """The house's fund, the members' and the shortfall recorded [margin wad]."""

    @abstractmethod
    def newest_account(self) -> str:
        """The account that was opened last; calls take it, though no event told of it."""

    @abstractmethod
    def cash_of(self, account: str) -> int:
        """Cash of an account [margin wad]."""

    @abstractmethod
    def shocks(self) -> list[tuple[float, float]]:
        """Pairs of spot and 30-day volatility, relative, that portfolio margin looks at."""

    # --------------------------------------------------------------------- calls

    @abstractmethod
    def open(self, model: str, isolated: bool = False) -> Call:
        """Open an account of the sender's."""

    @abstractmethod
    def deposit(self, account: str, amount: int) -> Call:
        """Add cash."""

    @abstractmethod
    def withdraw(self, account: str, amount: int) -> Call:
        """Take cash out of one's own account."""

    @abstractmethod
    def deposit_collateral(self, account: str, asset: str, amount: int) -> Call:
        """Add collateral."""

    @abstractmethod
    def withdraw_collateral(self, account: str, asset: str, amount: int) -> Call:
        """Take collateral out of one's own account."""

    @abstractmethod
    def set_model(self, account: str, model: str) -> Call:
        """Have one's own account margined by another risk model."""

    @abstractmethod
    def trade(self, account: str, leg: Leg, size: int, limit: float) -> Call:
        """Trade on one's own account at no worse a price than `limit` [usd]."""

    @abstractmethod
    def settle(self, account: str, leg: Leg) -> Call:
        """Settle somebody's leg that has ended."""

    @abstractmethod
    def start_auction(self, account: str) -> Call:
        """Begin the auction of an unsafe account."""

    @abstractmethod
    def end_auction(self, account: str) -> Call:
        """End the auction of an account that is safe again."""

    @abstractmethod
    def take(self, account: str, to: str, most: int) -> Call:
        """Take a book into one's own account `to` for at most `most`."""

    @abstractmethod
    def donate(self, amount: int) -> Call:
        """Give to the house's fund."""

    @abstractmethod
    def join(self, amount: int) -> Call:
        """Join the members' fund."""

    @abstractmethod
    def announce_quit(self) -> Call:
        """Say that one leaves the members' fund; the wait begins."""

    @abstractmethod
    def quit(self, shares: int) -> Call:
        """Leave the members' fund after the wait, while no auction runs."""

    # -------------------------------------------------------------------- keeping

    @abstractmethod
    def chores(self, now: int) -> list[Call]:
        """What any keeper may do now: bring the margin at venues to its target, count samples of variance."""

    @abstractmethod
    def report_confidence(self, confidence: float) -> Call | None:
        """Say how far the oracle is to be relied on, 1 for wholly, as one appointed; None where nobody asks."""

    @abstractmethod
    def appoint(self, genesis: Genesis, account: Address) -> None:
        """Let an account report confidence, before the storm."""
