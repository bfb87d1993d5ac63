"""One asset's price feed, from what is written on chain to what a consumer reads.

    push    PushFeed [- GuardedFeed]          a reporter writes the price
    twap    FeedSwitch - TwapFeed             the mean of a pool; the switch is on the PushFeed until there is one
    rate    RateFeed - PushFeed of the rate   another asset's feed times an exchange rate that a reporter writes

and in front of each, where wanted, a SequencerGuard, behind it for push and rate a DelayedFeed.
"""

from typing import TYPE_CHECKING, Literal

from simulator.chain.base import CallReverted, Chain
from simulator.chain.types import Log
from simulator.protocols.base import Call, Oracle
from simulator.protocols.genesis import Contract
from simulator.units import from_fixed, from_wad, to_fixed

if TYPE_CHECKING:
    from simulator.market import Market

Source = Literal["push", "twap", "rate"]

PRICE_DECIMALS = 8  # of answers, as on Chainlink's dollar feeds
RATE_DECIMALS = 18

_ANY_AGE = 2**40  # [s]

FEED_REFUSES = {
    "StalePrice": "the feed is stale",
    "PriceJump": "the feed is guarded",
    "PriceOutOfBounds": "the feed is guarded",
    "InvalidAnswer": "the feed has no price",
    "WindowNotCovered": "the feed has no mean yet",
    "SequencerDown": "the sequencer is down, or was a moment ago",
}
_POKE_FAILS = FEED_REFUSES | {"NotYet": "somebody poked first", "EmptyPool": "the pool has no liquidity"}


class FeedOracle(Oracle):
    """One asset's feed with what stands before it."""

    source: Source

    def __init__(
        self,
        chain: Chain,
        asset: str,
        push: Contract,
        guard: Contract | None = None,
        delayed: Contract | None = None,
        *,
        switch: Contract | None = None,
        rate: Contract | None = None,
        uptime: Contract | None = None,
        sequencer: Contract | None = None,
    ) -> None:
        self.id = f"oracle/{asset}"
        self.asset = asset
        self.source = "twap" if switch else "rate" if rate else "push"
        self.push, self.guard, self.delayed = push, guard, delayed
        self.switch, self.rate = switch, rate
        self.uptime, self.sequencer = uptime, sequencer
        self.twap: Contract | None = None  # there once its pool is
        self.underlying = ""  # the asset whose feed this one's price follows
        self.price = 0.0
        self.price_time = 0
        self._chain = chain
        self._one = 10 ** (RATE_DECIMALS if rate else PRICE_DECIMALS)
        self._report = push.abi.functions["report"].selector
        self._refuses = sequencer is not None or (delayed is None and (guard or switch or rate) is not None)
        # A guard judges an answer once and for all, but for its age.
        self._guard_alone = guard is not None and self.consumer is guard
        self._usable, self._usable_until = 0.0, -1  # [usd]; up to when [unix s] that is what consumers get
        self._next_poke = self._pause = 0

    @property
    def consumer(self) -> Contract:
        """The contract that a protocol reads."""
        return self.sequencer or self.delayed or self.front

    @property
    def front(self) -> Contract:
        """The contract that delay and sequencer guard stand before."""
        return self.switch or self.rate or self.guard or self.push

    @property
    def contracts(self) -> list[Contract]:
        """All that speak of prices in events."""
        parts = (self.push, self.guard, self.switch, self.twap, self.rate, self.delayed)
        return [contract for contract in parts if contract is not None]

    # ----------------------------------------------------------------- the price

    def usable_price(self, now: int | None = None) -> float | None:
        """See `Oracle.usable_price`. Only what can refuse is asked, and a guard alone once for each answer."""
        if not self._refuses:
            return self.price
        if now is not None and now <= self._usable_until:
            return self._usable
        try:
            wad, updated_at = self.consumer.read(self._chain, "price")
        except CallReverted:
            return None
        self._usable = from_wad(wad)
        if self._guard_alone:
            self._usable_until = updated_at + (self.consumer.read(self._chain, "maxAge") or _ANY_AGE)
        return self._usable

    def answer(self) -> float | None:
        """See `Oracle.answer`."""
        try:
            return from_wad(self.consumer.read(self._chain, "price")[0])
        except CallReverted:
            return None

    def ask_again(self) -> None:
        """Something may have changed what consumers get."""
        self._usable_until = -1

    def follow(self) -> bool:
        """Read anew a price that is made of several answers; whether consumers see it at once."""
        if self.delayed is not None:
            return False
        try:
            wad, self.price_time = self.front.read(self._chain, "lastPrice")
        except CallReverted:
            return False
        self.price = from_wad(wad)
        return True

    def on_answer(self, log: Log) -> bool:
        """A report reached the chain, as `AnswerUpdated`; whether consumers see it at once."""
        if self.source != "push":
            return self.follow()
        if self.delayed is not None:
            return False
        # `current` and `updatedAt` where they stand: decoding by name costs more than all else done for a report here.
        self.price = from_fixed(int.from_bytes(log.topics[1], "big", signed=True), self._one)
        self.price_time = int.from_bytes(log.data, "big")
        return True

    def on_adopted(self, price: int, observed_at: int) -> None:
        """A delayed price took effect."""
        self.price, self.price_time = from_wad(price), observed_at

    # ------------------------------------------------------------------- reports

    def observed(self, market: "Market") -> float | None:
        """See `Oracle.observed`."""
        if self.source == "twap":
            return None
        return market.exchange_rate(self.asset) if self.source == "rate" else market.price(self.asset)

    def report(self, price: float) -> Call:
        """See `Oracle.report`; of a rate the exchange rate."""
        answer = max(1, to_fixed(price, self._one))
        # Of one word, so no codec is needed: there may be a report in every block.
        return Call(self.push.address, self._report + answer.to_bytes(32, "big"), 150_000, "report")

    def report_uptime(self, down: bool, since: int) -> Call | None:
        """Say that the sequencer went down, or came back, at `since` [unix s]; None where no guard asks for it."""
        if self.uptime is None:
            return None
        data = self.uptime.encode("report", down, since)
        return Call(self.uptime.address, data, 150_000, "report-uptime", self.id)

    # --------------------------------------------------------------------- pokes

    def poke(self) -> Call | None:
        """See `Oracle.poke`."""
        poked = self.twap or self.delayed
        if poked is None:
            return None
        return Call(poked.address, poked.encode("poke"), 300_000, "poke", self.id, _POKE_FAILS)

    def next_poke(self) -> int | None:
        """See `Oracle.next_poke`."""
        return self._next_poke if self.twap or self.delayed else None

    def poke_seconds(self) -> float:
        """See `Oracle.poke_seconds`."""
        return self._pause

    def on_poked(self, at: int) -> None:
        """A price began its delay, or the pool was observed."""
        self._next_poke = at + self._pause

    def set_pokes(self, pause: int, next_poke: int) -> None:
        """The least time between two pokes [s], and when the next may come [unix s]."""
        self._pause, self._next_poke = pause, next_poke
