"""What an agent is, and the desk it works at.

An agent is a SimPy process. It sees only what somebody in its place could see: chain state through views, protocol
notices, market prices, the pending pool. It never polls: it sleeps on a price level, a notice or a drawn time, then
returns a `Call` to its desk, which signs it with a nonce and a fee and sends it to the mempool.
"""

from abc import ABC, abstractmethod
from collections.abc import Generator, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any, ClassVar, Literal, NamedTuple, TypeVar

import simpy
from numpy.random import Generator as Random
from pydantic import Field

from simulator.chain.accounts import Account
from simulator.chain.types import Receipt, Transaction
from simulator.gas_price import GasRule
from simulator.market import Market
from simulator.protocols.base import Call, Capability, Notice, Protocol
from simulator.protocols.genesis import Genesis
from simulator.selling import AT_ONCE, SellingRule
from simulator.settings import COUNT, SECONDS, Settings

if TYPE_CHECKING:
    from simulator.trial import Trial
    from simulator.world import World

__all__ = ["Agent", "AgentSettings", "CapabilityT", "Desk", "Fate", "Life", "distinct", "newest"]

Life = Generator[simpy.Event, Any, Any]
CapabilityT = TypeVar("CapabilityT", bound=Capability)


class AgentSettings(Settings):
    """What every group of agents has."""

    count: int = Field(1, ge=0, le=1_000_000, description="how many of them", json_schema_extra=COUNT)
    gas: GasRule = Field(default_factory=GasRule, description="what they offer for their gas")
    latency_seconds: float = Field(
        1.0, ge=0, description="time from a decision to the pending pool", json_schema_extra=SECONDS
    )


class Fate(NamedTuple):
    """What became of a transaction that was sent."""

    status: Literal["included", "reverted", "dropped", "refused", "replaced", "expired", "pending"]
    reason: str  # the revert's error, or why it is not in a block
    receipt: Receipt | None

    @property
    def ok(self) -> bool:
        """Whether it did what it was sent for."""
        return self.status == "included"


class Desk:
    """One account's view of the world and its way to act in it."""

    def __init__(self, world: "World", account: Account, agent: str, settings: AgentSettings, random: Random) -> None:
        self.account = account
        self.address = account.address
        self.agent = agent  # the group's id in the scenario
        self.settings = settings
        self.random = random
        self.cash = 0.0  # [usd] at the exchange
        self._world = world

    # ------------------------------------------------------------- observation

    @property
    def now(self) -> int:
        """The time [unix s]."""
        return self._world.now

    @property
    def elapsed(self) -> float:
        """The time since the start of the run [s], fractions of a second included."""
        return float(self._world.clock.now)

    @property
    def block_seconds(self) -> int:
        """The time between blocks, which is that between two steps of the markets [s]."""
        return self._world.block_seconds

    def stream(self, name: str) -> Random:
        """A random stream of a name, the same for whoever asks; `random` is the account's own."""
        return self._world.streams.generator(name)

    @property
    def market(self) -> Market:
        """The reference markets: `price(asset)`."""
        return self._world.market

    def capabilities(self, kind: type[CapabilityT]) -> list[CapabilityT]:
        """Everything of a kind that the world's protocols offer."""
        return self._world.capabilities(kind)

    def capability(self, id: str) -> Any:
        """The capability of an id, as a notice names it."""
        return self._world.by_id[id]

    def balance(self, asset: str) -> int:
        """The account's tokens [wad]."""
        return self._world.token_balance(asset, self.address)

    def gas_price_usd(self, gas: int) -> float:
        """What `gas` costs now under the account's gas rule [usd]."""
        return gas * self._world.gas_price.offer(self.settings.gas).max_fee * 1e-18 * self._world.ether_usd

    def unsafe(self, lending: str) -> Mapping[str, Any]:
        """Positions of a lending capability that can be liquidated at the price its protocol uses."""
        return self._world.unsafe(lending)

    def nearly_unsafe(self, lending: str, count: int) -> list[str]:
        """The positions that fall first as the price does."""
        return self._world.nearly_unsafe(lending, count)

    @property
    def ether_usd(self) -> float:
        """The price of what gas is paid in [usd]."""
        return self._world.ether_usd

    def is_contested(self, call: Call) -> bool:
        """Whether the pool shows somebody doing the same at no lower a price, or this account at any."""
        return self._world.outbox.is_contested(self, call)

    def would_work(self, call: Call) -> bool:
        """Whether a call, made on the latest block by itself, does not revert: what a bot simulates before it sends."""
        return self._world.would_work(self.address, call)

    def trial(self) -> AbstractContextManager["Trial"]:
        """A `with` block in which anything may be tried on the chain, of which nothing stays."""
        return self._world.trial()

    def note(self, protocol: str, rows: Iterable[tuple[str, str, float]]) -> None:
        """Record measures: subject, name, value."""
        self._world.observer.measures(self._world.number, protocol, rows)

    @property
    def protocols(self) -> Sequence[Protocol]:
        """Every plug-in of the world."""
        return self._world.protocols

    # ------------------------------------------------------------------ waiting

    def sleep(self, seconds: float) -> simpy.Event:
        """An event after some time."""
        return self._world.clock.timeout(seconds)

    def below(self, asset: str, level: float) -> simpy.Event:
        """An event at the first price at or below `level` [usd]."""
        return self._world.price_event(asset, level, falling=True)

    def above(self, asset: str, level: float) -> simpy.Event:
        """An event at the first price at or above `level` [usd]."""
        return self._world.price_event(asset, level, falling=False)

    def outside(self, asset: str, low: float, high: float) -> list[simpy.Event]:
        """Events at the first price outside [low, high] [usd]; whichever comes first, forget the other."""
        return [self.below(asset, low), self.above(asset, high)]

    def first_of(self, events: Sequence[simpy.Event]) -> simpy.Event:
        """An event at the first of several. Price events that did not come first are forgotten: ask anew."""
        return self._world.first_of(events)

    def inbox(self, *kinds: str) -> simpy.Store:
        """A queue of protocol notices of these kinds from now on; `pending` tells of what reaches the pool."""
        return self._world.subscribe(kinds)

    def process(self, life: Life) -> simpy.Process:
        """Run something beside the agent's own life."""
        return self._world.process(self.agent, life)

    # ------------------------------------------------------------------- acting

    def send(self, call: Call) -> simpy.Event:
        """Sign and send; the event's value is its `Fate`."""
        return self._world.send(self, call)

    def send_behind(self, before: Transaction, call: Call, tip: int) -> simpy.Event:
        """Offer builders a bundle: `call` right behind a waiting transaction, at a tip [wei per gas].

        It is in the next block whole and paid, or not at all and free. The event's value is its `Fate`.
        """
        return self._world.send_bundle(self, before, call, tip)

    def after(self, transaction: Transaction) -> AbstractContextManager[None]:
        """A `with` block in which views see the chain as it would be after a waiting transaction."""
        return self._world.after([transaction])

    def post(self, call: Call) -> None:
        """Sign and send without waiting for what becomes of it."""
        self._world.outbox.send(self, call)

    def sell(self, asset: str, amount: int, rule: SellingRule = AT_ONCE) -> Generator[simpy.Event, Any, float]:
        """Deposit tokens [wad] at the exchange and sell them; what it brought [usd], 0 if the deposit failed.

        It ends with the last slice of the rule.
        """
        return (yield from self._world.exchange.sell(self, asset, amount, rule))

    def buy(self, asset: str, amount: int, rule: SellingRule = AT_ONCE) -> Generator[simpy.Event, Any, int]:
        """Buy tokens [wad] for cash at the exchange and withdraw them; what arrived, as far as cash and stock reach.

        At once, at the venue of the rule.
        """
        return (yield from self._world.exchange.buy(self, asset, amount, rule))

    def quote_sale(self, asset: str, amount: int, rule: SellingRule = AT_ONCE) -> float:
        """What selling tokens [wad] by the rule would bring [usd] if nobody else traded meanwhile."""
        return self._world.exchange.quote_sale(asset, amount, rule)


class Agent(ABC):
    """One behaviour. A user's own is written the same way and named by import path.

    `Settings` is its table in the scenario, `requires` the capabilities without which it cannot live, and `supplies`
    marks those who bring what is owed into being and are therefore set up first.
    """

    Settings: ClassVar[Any] = AgentSettings
    requires: ClassVar[tuple[type[Capability], ...]] = ()
    supplies: ClassVar[bool] = False

    def __init__(self, desk: Desk, settings: Any) -> None:
        self.desk = desk
        self.settings = settings

    def prepare(self, genesis: Genesis) -> None:
        """Bring what the agent starts with, before the storm."""
        del genesis

    @abstractmethod
    def life(self) -> Life:
        """The SimPy process."""


def newest(inbox: simpy.Store) -> list[Notice]:
    """Take everything that waits in an inbox."""
    waiting: Sequence[Notice] = list(inbox.items)
    inbox.items.clear()
    return list(waiting)


def distinct(notices: Iterable[Notice]) -> list[str]:
    """The subjects of notices, each once, in order."""
    return list(dict.fromkeys(notice.subject for notice in notices))
