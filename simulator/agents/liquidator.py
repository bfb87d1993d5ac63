"""Liquidators: they start liquidations, bid in auctions or take from them, and pay with capital or a flash mint.

Before acting each counts what the collateral would fetch, what the debt costs to source, the gas, and who else is after
it. What it seizes it sells, so a liquidation moves the market that decides the next one.
"""

from collections.abc import Sequence
from typing import Any, ClassVar, Literal

from pydantic import Field

from simulator.agents.base import Agent, AgentSettings, Desk, Life, distinct, newest
from simulator.agents.borrower import choose
from simulator.chain.types import Address, Transaction
from simulator.errors import ConfigError
from simulator.protocols.base import Auction, Call, Lending, Lot
from simulator.protocols.genesis import Genesis
from simulator.selling import SellingRule
from simulator.settings import SECONDS, SHARE, USD
from simulator.units import WAD, from_wad, to_wad

_REVIEW_SECONDS = 600.0  # how often what was passed by is looked at again
_DUST_USD = 1.0
_FLASH_PARTS = (2, 4, 8, 16)  # of a liquidation for which a pool may be too shallow
_LONGEST_WAIT = 7200.0  # [s] until a liquidation that does not pay is looked at again
_BACKRUN_CANDIDATES = 5  # positions that a back-runner tries behind each report


class LiquidatorSettings(AgentSettings):
    """Capital, appetite and speed."""

    market: str = Field("", description="id of the lending market, as in cdp/ETH; empty: the only one")
    capital_usd: float = Field(100_000.0, ge=0, description="of the debt token at the start", json_schema_extra=USD)
    cash_usd: float = Field(
        0.0, ge=0, description="dollars at the exchange to source the debt token with", json_schema_extra=USD
    )
    funding: Literal["capital", "flash"] = Field(
        "capital", description="own debt tokens, or a flash mint that is repaid by selling on the pool"
    )
    discount: float = Field(
        0.05, ge=0, lt=1, description="least gain on the collateral's value, before gas", json_schema_extra=SHARE
    )
    discount_spread: float = Field(
        0.03,
        ge=0,
        lt=1,
        description="a liquidator's own discount is drawn up to this much more",
        json_schema_extra=SHARE,
    )
    bidding: Literal["value", "minimum"] = Field(
        "value", description="in ascending auctions: bid the worth at once, or next to nothing while nobody else bids"
    )
    first_bid: float = Field(
        0.0001, ge=0, le=1, description="share of the value that a minimum bidder opens with", json_schema_extra=SHARE
    )
    starts: bool = Field(True, description="whether it starts auctions, or only bids in those of others")
    thinking_seconds: float = Field(
        15.0, ge=0, description="mean time from seeing a chance to deciding (exponential)", json_schema_extra=SECONDS
    )
    backrun: bool = Field(
        False, description="whether it also offers bundles that liquidate right behind a waiting oracle report (fixed)"
    )
    builder_share: float = Field(
        0.5,
        ge=0,
        le=1,
        description="part of a bundle's expected gain that is tipped to the builder",
        json_schema_extra=SHARE,
    )
    sells: bool = Field(True, description="whether it sells what it seized")
    selling: SellingRule = Field(default_factory=SellingRule, description="how it does")
    min_profit_usd: float = Field(1.0, ge=0, description="least expected gain after gas", json_schema_extra=USD)


class Liquidator(Agent):
    """One liquidator of one lending market."""

    Settings: ClassVar[Any] = LiquidatorSettings
    requires: ClassVar[Any] = (Lending,)

    def __init__(self, desk: Desk, settings: LiquidatorSettings) -> None:
        super().__init__(desk, settings)
        self._lending: Lending = choose(desk.capabilities(Lending), settings.market, desk.agent)
        self._auction = self._find_auction()
        self._discount = settings.discount + settings.discount_spread * float(desk.random.random())
        self._contract: Address | None = None
        self._realising = False
        self._settling: set[str] = set()  # lots won, if nobody bids more
        self._committed: dict[str, int] = {}  # lot -> bid that waits in the pool [debt wad]
        if settings.funding == "flash" and self._auction and self._auction.ascending:
            raise ConfigError(
                "funding = 'flash' cannot pay an ascending auction, whose bids are locked for their lifetime",
                where=desk.agent,
                mend="use capital, or liquidation = dutch or fixed",
            )

    def _find_auction(self) -> Auction | None:
        lending = self._lending
        if lending.immediate:
            return None
        houses = [a for a in self.desk.capabilities(Auction) if a.asset == lending.asset]
        return next((a for a in houses if a.debt_asset == lending.debt_asset), None)

    # ------------------------------------------------------------------ set-up

    def prepare(self, genesis: Genesis) -> None:
        """Bring capital, bought from what borrowers sold, or a contract that borrows it."""
        desk, lending, settings = self.desk, self._lending, self.settings
        desk.cash += settings.cash_usd
        if settings.funding == "flash":
            target = self._auction or lending
            self._contract = target.deploy_flash(genesis, desk.address)
            if self._contract is None:
                raise ConfigError(
                    f"funding = 'flash', but {target.id} has no way to it",
                    where=desk.agent,
                    mend=f"it takes a protocol that offers one and a pool of {lending.asset} and {lending.debt_asset}",
                )
            return
        capital = to_wad(settings.capital_usd / genesis.price(lending.debt_asset))
        if genesis.is_drawn(lending.debt_asset) and capital > (stock := genesis.float_of(lending.debt_asset)):
            raise ConfigError(
                f"capital_usd = {settings.capital_usd:g}, but only {from_wad(stock):,.0f} {lending.debt_asset} "
                "are left of what was drawn and sold",
                where=desk.agent,
                mend="lower it, or raise the borrowers' debt",
            )
        genesis.endow(lending.debt_asset, desk.address, capital)
        for spender in (lending.spender, self._auction.spender if self._auction else None):
            if spender:
                genesis.approve(lending.debt_asset, desk.address, spender)

    # -------------------------------------------------------------------- life

    def life(self) -> Life:
        """Watch positions and, where there is one, the auction."""
        if self._lending.immediate or self.settings.starts:
            self.desk.process(self._watch_positions())
        if self._auction:
            self.desk.process(self._watch_lots(self._auction))
        if self.settings.backrun and self._lending.immediate:
            self.desk.process(self._watch_pool())
        yield self.desk.sleep(0)

    def _watch_positions(self) -> Life:
        desk = self.desk
        inbox = desk.inbox("unsafe")
        waits: dict[str, tuple[float, float]] = {}  # of what did not pay: until when, and how long
        while True:
            chance, review = inbox.get(), desk.sleep(_REVIEW_SECONDS)
            yield desk.first_of([chance, review] if waits else [chance])
            seen: list[Any] = [chance.value] if chance.triggered else []
            if not chance.triggered:
                chance.cancel()
            yield desk.sleep(self.settings.thinking_seconds * desk.random.standard_exponential())
            due = [position for position, (until, _) in waits.items() if until <= desk.now]
            for position in dict.fromkeys([*distinct(seen + newest(inbox)), *due]):
                _, waited = waits.pop(position, (0.0, 0.0))
                if position in desk.unsafe(self._lending.id) and not (yield from self._liquidate(position)):
                    # The longer it has not paid the less often it is looked at: hundreds may never pay again.
                    wait = min(max(_REVIEW_SECONDS, 2 * waited), _LONGEST_WAIT)
                    waits[position] = (desk.now + wait, wait)

    def _liquidate(self, position: str) -> Life:
        """One attempt; whether there is nothing left to do."""
        desk, lending = self.desk, self._lending
        call = self._immediate_call(position) if lending.immediate else self._starting_call(position)
        if call is None or desk.is_contested(call):
            return False
        fate = yield desk.send(call)
        if fate.ok and lending.immediate:
            desk.process(self._realise())
        return fate.ok and position not in desk.unsafe(lending.id)

    def _starting_call(self, position: str) -> Call | None:
        quote = self._lending.quote(position, 0)
        return self._lending.liquidate(position, 0) if quote else None

    def _immediate_call(self, position: str) -> Call | None:
        """A liquidation at a profit, as large as the means allow."""
        desk, lending = self.desk, self._lending
        means = 2**255 if self._contract else desk.balance(lending.debt_asset)
        quote = lending.quote(position, means) if means else None
        if quote is None or not quote.repay or quote.repay > means:
            return None
        if self._contract is not None:
            return self._flash_call(position, quote.repay)
        # Up to the means and not to the quote: by the time it runs the debt has grown, or a rival has taken a part.
        call = lending.liquidate(position, means)
        cost = from_wad(quote.repay) * desk.market.price(lending.debt_asset) + desk.gas_price_usd(call.gas // 2)
        gain = self._proceeds(quote.reward) - cost
        return call if gain >= self.settings.min_profit_usd else None

    def _flash_call(self, position: str, repay: int) -> Call | None:
        """The largest part of a liquidation for which the pool pays enough, found by trying."""
        assert self._contract is not None
        least = to_wad(self.settings.min_profit_usd / self.desk.market.price(self._lending.debt_asset))
        # Whole means as much as it takes when it runs, by when the debt has grown.
        sizes = [2**255, *(repay // part for part in _FLASH_PARTS)]
        calls = [self._lending.flash_liquidate(self._contract, position, size, least) for size in sizes]
        return self._largest_that_works(calls)

    def _largest_that_works(self, calls: Sequence[Call]) -> Call | None:
        """Of calls by falling size. Where neither the largest nor the smallest works, none between is tried."""
        works = self.desk.would_work
        if works(calls[0]):
            return calls[0]
        return next(filter(works, calls[1:]), None) if works(calls[-1]) else None

    # ------------------------------------------------------------------- bundles

    def _watch_pool(self) -> Life:
        """Look at every oracle report on its way: whom would it make liquidable?"""
        desk = self.desk
        inbox = desk.inbox("pending")
        feed = self._lending.oracle.report(1.0).to
        while True:
            notice = yield inbox.get()
            if notice.args["action"] == "report" and notice.args["transaction"].to == feed:
                self._backrun(notice.args["transaction"])

    def _backrun(self, report: Transaction) -> None:
        """Offer the best liquidation that the report makes possible; a second one behind it could only compete."""
        desk = self.desk
        candidates = desk.nearly_unsafe(self._lending.id, _BACKRUN_CANDIDATES)
        with desk.after(report):
            chances = [(self._gain(position), position) for position in candidates]
            gain, position = max(chances, default=(0.0, ""))
            call = self._immediate_call(position) if gain > 0 else None
        if call is not None and desk.ether_usd:
            tip = int(gain * self.settings.builder_share / desk.ether_usd * WAD / call.gas)
            desk.process(self._await_bundle(report, call, tip))

    def _gain(self, position: str) -> float:
        """What liquidating a position now would bring before gas [usd], 0 where it cannot be."""
        quote = self._lending.quote(position, 2**255)
        if quote is None:
            return 0.0
        cost = from_wad(quote.repay) * self.desk.market.price(self._lending.debt_asset)
        return max(0.0, self._proceeds(quote.reward) - cost)

    def _await_bundle(self, report: Transaction, call: Call, tip: int) -> Life:
        fate = yield self.desk.send_behind(report, call, tip)
        if fate.ok:
            yield from self._realise()

    def _proceeds(self, collateral: int) -> float:
        """What selling `collateral` [wad] now would bring [usd], its own impact included."""
        return self.desk.quote_sale(self._lending.asset, collateral, self.settings.selling)

    # ------------------------------------------------------------------- auctions

    def _watch_lots(self, auction: Auction) -> Life:
        desk = self.desk
        inbox = desk.inbox("lot_opened", "lot_changed", "lot_closed")
        while True:
            chance, review = inbox.get(), desk.sleep(60.0 if not auction.ascending else _REVIEW_SECONDS)
            yield desk.first_of([chance, review] if auction.lots else [chance])
            seen: list[Any] = [chance.value] if chance.triggered else []
            if not chance.triggered:
                chance.cancel()
            yield desk.sleep(self.settings.thinking_seconds * desk.random.standard_exponential())
            seen = [notice for notice in seen + newest(inbox) if notice.args["capability"] == auction.id]
            yield from self._after_closing(auction, seen)
            for lot_id in dict.fromkeys([*distinct(seen), *auction.lots]):
                lot = auction.lots.get(lot_id)
                if lot is None or lot_id in self._committed:
                    continue
                if auction.ascending:
                    self._consider_bid(auction, lot)
                else:
                    self._consider_take(auction, lot)

    def _after_closing(self, auction: Auction, seen: list[Any]) -> Life:
        """Sell what was won."""
        del auction
        won = any(n.kind == "lot_closed" and n.args["winner"] == self.desk.address for n in seen)
        if won:
            self.desk.process(self._realise())
        yield self.desk.sleep(0)

    def _consider_bid(self, auction: Auction, lot: Lot) -> None:
        desk = self.desk
        if lot.bidder == desk.address:
            if lot.id not in self._settling:
                desk.process(self._settle_when_due(auction, lot))
            return
        over = min(lot.bid_expiry, lot.end) if lot.bid else lot.end
        if desk.now >= over:
            return
        offer = self._bid(auction, lot)
        if offer is not None:
            self._committed[lot.id] = offer[1]
            desk.process(self._place(auction, lot, *offer))

    def _bid(self, auction: Auction, lot: Lot) -> tuple[int, int] | None:
        """The lot asked for and the bid [wad], None where it is not worth it."""
        desk, debt_price = self.desk, self.desk.market.price(auction.debt_asset)
        gas = desk.gas_price_usd(400_000)
        limit = to_wad(max(0.0, self._proceeds(lot.amount) * (1 - self._discount) - gas) / debt_price)
        if lot.bid >= lot.to_raise:
            return self._reverse_bid(auction, lot, gas / debt_price)
        least = min(lot.to_raise, max(1, raised_up(lot.bid, auction.minimum_raise)))
        means = desk.balance(auction.debt_asset) - sum(self._committed.values())
        alone = self.settings.bidding == "minimum" and not lot.bid
        wanted = round(limit * self.settings.first_bid) if alone else min(limit, means)
        pay = min(max(least, wanted), lot.to_raise)
        return (lot.amount, pay) if least <= pay <= min(limit, means) else None

    def _reverse_bid(self, auction: Auction, lot: Lot, gas: float) -> tuple[int, int] | None:
        """Ask for less of the lot at the full bid, down to where the discount is kept."""
        desk = self.desk
        means = desk.balance(auction.debt_asset) - sum(self._committed.values())
        if means < lot.to_raise:
            return None
        unit = desk.market.price(auction.asset) / desk.market.price(auction.debt_asset)
        fair = to_wad((from_wad(lot.to_raise) + gas) / (unit * (1 - self._discount)))
        # Below this the house accepts a smaller lot.
        most = lot.amount * WAD // (WAD + to_wad(auction.minimum_raise))
        return (fair, lot.to_raise) if fair <= most else None

    def _place(self, auction: Auction, lot: Lot, amount: int, pay: int) -> Life:
        try:
            fate = yield self.desk.send(auction.bid(lot, amount, pay))
        finally:
            del self._committed[lot.id]
        if fate.ok:
            self.desk.process(self._settle_when_due(auction, lot))

    def _settle_when_due(self, auction: Auction, lot: Lot) -> Life:
        """Wait until the own bid has stood long enough, unless somebody bids more."""
        desk = self.desk
        if lot.id in self._settling:
            return
        self._settling.add(lot.id)
        while lot.id in auction.lots and lot.bidder == desk.address:
            due = min(lot.bid_expiry, lot.end)
            if desk.now <= due:
                yield desk.sleep(due - desk.now + 1)
                continue
            fate = yield desk.send(auction.settle(lot))
            if not fate.ok:
                yield desk.sleep(60)
        self._settling.discard(lot.id)

    def _consider_take(self, auction: Auction, lot: Lot) -> None:
        desk = self.desk
        price = auction.price(lot)
        if price is None:
            restart = auction.restart(lot)
            if self.settings.starts and not desk.is_contested(restart):
                self._send_for(lot, restart, 0)
            return
        call, pay = self._take_call(auction, lot, price)
        if call is not None and not desk.is_contested(call):
            self._send_for(lot, call, pay)

    def _take_call(self, auction: Auction, lot: Lot, price: float) -> tuple[Call | None, int]:
        """A take at a profit, as large as the means allow, and what it pays [debt wad]."""
        desk = self.desk
        debt_price = desk.market.price(auction.debt_asset)
        means = desk.balance(auction.debt_asset) - sum(self._committed.values())
        most = lot.amount if self._contract else min(lot.amount, to_wad(max(0.0, from_wad(means) / price * 0.999)))
        if from_wad(most) * price * debt_price < _DUST_USD:
            return None, 0
        value = self._proceeds(most) * (1 - self._discount)
        cost = from_wad(most) * price * debt_price
        if value - cost - desk.gas_price_usd(300_000) < self.settings.min_profit_usd:
            return None, 0
        limit = to_wad(price * 1.0001)
        if self._contract is not None:
            least = to_wad(self.settings.min_profit_usd / debt_price)
            sizes = [most, *(most // part for part in _FLASH_PARTS)]
            takes = [auction.flash_take(self._contract, lot, size, limit, least) for size in sizes]
            return self._largest_that_works(takes), 0
        return auction.take(lot, most, limit, desk.address), to_wad(from_wad(most) * price)

    def _send_for(self, lot: Lot, call: Call, pay: int) -> None:
        """Send a call about a lot, with `pay` [debt wad] set aside until its fate is known."""
        self._committed[lot.id] = pay
        self.desk.process(self._await(lot, call, pay))

    def _await(self, lot: Lot, call: Call, pay: int) -> Life:
        try:
            fate = yield self.desk.send(call)
        finally:
            del self._committed[lot.id]
        if fate.ok and (pay or self._contract):
            yield from self._realise()

    # ------------------------------------------------------------------ proceeds

    def _realise(self) -> Life:
        """Sell the collateral held and turn the proceeds into debt tokens for the next one."""
        desk, lending = self.desk, self._lending
        if not self.settings.sells or self._realising:
            return
        self._realising = True
        while held := desk.balance(lending.asset):
            if not (yield from desk.sell(lending.asset, held, self.settings.selling)):
                break
        if self.settings.funding == "capital" and desk.cash > _DUST_USD:
            wanted = to_wad(desk.cash / desk.market.price(lending.debt_asset) * 0.98)
            yield from desk.buy(lending.debt_asset, wanted, self.settings.selling)
        self._realising = False


def raised_up(bid: int, raise_by: float) -> int:
    """The least bid [wad] that is `raise_by` over `bid`, in the chain's own arithmetic."""
    return -(-bid * (WAD + to_wad(raise_by)) // WAD)
