"""A perp market as agents see it: mirrored from the events of PerpMarket, PerpPool and Backstop."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from simulator.chain.abi import DecodedEvent
from simulator.chain.base import CallReverted
from simulator.chain.types import Address
from simulator.protocols.base import Call, Notice, Order, Perp
from simulator.protocols.feeds import FEED_REFUSES
from simulator.protocols.genesis import Contract, Genesis
from simulator.protocols.perps_book import Frame, MarginWatch, PerpAccount, PerpBook, equity, scores, worth_of
from simulator.protocols.perps_funding import FundingRule, FundingState, premium_for
from simulator.units import RAY, WAD, from_wad, to_wad

_DAY = 86_400
_NO_LIMIT = 2**256 - 1
_MOST_DELEVERAGED = 32  # in one call
_PRO_RATA = 1

_TRADE_FAILS = {
    **FEED_REFUSES,
    "PriceLimit": "the price moved while it waited",
    "InsufficientMargin": "the price moved while it waited, or a liquidation came first",
    "OpenInterestExceeded": "others filled the market first",
    "SkewExceeded": "others filled this side first",
    "InsufficientLiquidity": "the pool shrank while it waited",
    "MarketPaused": "the market is shut",
    "OrderPending": "an order waits already",
}
_MONEY_FAILS = {
    **FEED_REFUSES,
    "InsufficientMargin": "the price moved while it waited",
    "InsufficientCash": "a liquidation came first",
    "WithdrawalsPaused": "the fund is short",
    "MarketPaused": "the market is shut",
    "InsufficientBalance": "the token was spent meanwhile",
    "TransferFromFailed": "the token was spent meanwhile",
}
_ORDER_FAILS = _TRADE_FAILS | {
    "NoOrder": "a rival was first",
    "OrderTooEarly": "no later price has come yet",
    "OrderExpired": "it came too late",
    "OrderBinding": "it is not over yet",
}
_LIQUIDATION_FAILS = {
    **FEED_REFUSES,
    "AccountHealthy": "a rival was first, or the price recovered",
    "NoPosition": "a rival was first",
    "MarketPaused": "the market is shut",
}
_BACKSTOP_FAILS = {
    **FEED_REFUSES,
    "DeleverageNotRequired": "a rival was first, or the shortfall was repaid",
    "NoShortfall": "a rival was first, or the shortfall was repaid",
    "NotProfitable": "the price moved while it waited",
    "WrongSide": "it closed or turned its position meanwhile",
    "OutOfOrder": "the price moved while it waited",
    "AlreadyDeleveraged": "a rival was first",
    "DeleverageFirst": "more went bankrupt while it waited",
    "PoolSolvent": "a rival was first, or the price recovered",
}
_POOL_FAILS = _MONEY_FAILS | {
    "DepositMoreThanMax": "the fund is short, or shares are worth nothing",
    "RedeemMoreThanMax": "others left first, or its time in the queue is over",
    "RequestTooLarge": "they are queued already",
}


class PerpVenue(Perp):
    """See `Perp`."""

    def __init__(
        self,
        protocol: str,
        asset: str,
        margin_asset: str,
        market: Contract,
        pool: Contract,
        backstop: Contract,
        genesis: Genesis,
        began: int,
    ) -> None:
        self.id = f"{protocol}/{asset}"
        self.asset, self.margin_asset = asset, margin_asset
        self.market, self.pool, self.backstop = market, pool, backstop
        self.token = genesis.token(margin_asset).address
        self.spender, self.pool_spender = market.address, pool.address
        self.oracle = genesis.feeds[asset].oracle
        self.book = PerpBook()
        self.orders: dict[str, Order] = {}
        self._protocol, self._chain = protocol, genesis.chain
        self._funding = FundingState(updated_at=began, interval_start=began)
        self.skew = self.long = self.short = 0  # [size wad]
        self.fund = self.shortfall = 0
        self.lowest_fund: int | None = None  # [margin wad] since the start of the storm
        self._bankrupt_round = {True: 0, False: 0}
        self._last_round: dict[tuple[bool, str], int] = {}  # in which an account was deleveraged, pro rata
        self._total_entry_value = self._total_entry_funding = 0
        self._pool_cash: int | None = None  # as last read, None once something has happened
        self._pool_was_solvent = True
        self._is_contract: dict[str, bool] = {}
        self.inverse = bool(genesis.ask(market, "inverse"))
        self._unit = int(genesis.ask(market, "marginUnit"))
        self._share_unit = 10 ** int(genesis.ask(pool, "decimals"))
        self._read_rules()
        self._watches: list[MarginWatch] = []
        self._unsafe = self.watch()

    # -------------------------------------------------------------------- rules

    def _read(self, function: str, *args: Any) -> Any:
        return self.market.read(self._chain, function, *args)

    def _read_rules(self) -> None:
        """Take over every parameter of the market."""
        initial, maintenance, fee, share, _ = self._read("marginConfig")
        self._maintenance = maintenance
        self.initial_ratio, self.maintenance_ratio = from_wad(initial), from_wad(maintenance)
        self.liquidation_fee, self.liquidator_share = from_wad(fee), from_wad(share)
        self.trade_fee = from_wad(self._read("feeConfig")[0])
        self.skew_scale, *_ = self._read("limitConfig")
        self.delay, _, tip = self._read("orderConfig")
        self.tip = from_wad(tip)
        self.funding_rule = FundingRule(*self._read("fundingConfig"))
        self.period = self.funding_rule.period
        self.has_queue = int(self.pool.read(self._chain, "delay")) > 0
        self.queue_window = int(self.pool.read(self._chain, "window"))
        self.follows_premium = not self.funding_rule.mode
        self.paused = bool(self._read("paused"))
        self.floor, self.trigger = (int(self.backstop.read(self._chain, name)) for name in ("floor", "trigger"))

    @property
    def contracts(self) -> tuple[Contract, Contract, Contract]:
        """Market, pool and backstop."""
        return self.market, self.pool, self.backstop

    # ------------------------------------------------------------------- values

    def account(self, owner: Address) -> str:
        """See `Perp.account`."""
        return f"{self.id}/{owner}"

    def frame(self, now: int, price: float | None = None) -> Frame | None:
        """See `Perp.frame`."""
        index = to_wad(self.oracle.price if price is None else price)
        return self.frame_at(now, index) if index else None

    def frame_at(self, now: int, index: int) -> Frame:
        """The frame at an index price [wad]."""
        worth = worth_of(index, inverse=self.inverse)
        paid = self._funding.index_at(now, self.funding_rule, self._premium(), abs(worth))
        return Frame(worth, paid, self.skew, self.skew_scale)

    def _premium(self) -> int:
        """[wad]"""
        part = abs(self.skew) * WAD // self.skew_scale
        return -part if self.skew < 0 else part

    def equity(self, account: str, now: int) -> int | None:
        """See `Perp.equity`."""
        found, frame = self.book.get(account), self.frame(now)
        if found is None:
            return 0
        return None if frame is None else int(equity(found, frame))

    def units(self, usd: float, price: float) -> int:
        """See `Perp.units`."""
        return to_wad(usd if self.inverse else usd / price)

    def mark(self) -> float:
        """See `Perp.mark`."""
        premium = self.premium()
        return self.oracle.price / (1 - premium) if self.inverse else self.oracle.price * (1 + premium)

    def premium(self) -> float:
        """See `Perp.premium`."""
        return self.skew / self.skew_scale

    def funding_rate(self, now: int) -> float:
        """See `Perp.funding_rate`."""
        premium = self._premium()
        return from_wad(self._funding.at(now, self.funding_rule, premium, 0).rate(self.funding_rule, premium))

    def premium_for(self, rate: float) -> float:
        """See `Perp.premium_for`."""
        return from_wad(premium_for(self.funding_rule, to_wad(rate)))

    def open_interest(self) -> tuple[int, int]:
        """See `Perp.open_interest`."""
        return self.long, self.short

    def unsafe(self) -> list[str]:
        """See `Perp.unsafe`."""
        return self._unsafe.below

    def is_unsafe(self, account: str) -> bool:
        """See `Perp.is_unsafe`."""
        return account in self._unsafe

    def watch(self) -> MarginWatch:
        """See `Perp.watch`."""
        return MarginWatch(self.book, self._maintenance)

    def pool_capital(self, now: int) -> int | None:
        """See `Perp.pool_capital`."""
        frame = self.frame(now)
        return None if frame is None else self.capital_at(frame)

    def capital_at(self, frame: Frame) -> int:
        """[margin wad] of the pool with every position closed and all funding paid, as the contract counts it."""
        if self._pool_cash is None:
            self._pool_cash = int(self._read("poolCash"))
        owed = -(-self.skew * int(frame.worth_at(self.skew)) // RAY) - self._total_entry_value
        funding_owed = -(-(self._total_entry_funding - self.skew * frame.funding) // RAY)
        return self._pool_cash - owed - funding_owed

    def is_contract(self, account: PerpAccount) -> bool:
        """Whether a contract, such as a vault's strategy, holds an account."""
        known = self._is_contract.get(account.owner)
        if known is None:
            known = self._is_contract[account.owner] = bool(self._chain.code(account.owner))
        return known

    # ---------------------------------------------------------------- previews

    def equity_of(self, owner: Address) -> int | None:
        """See `Perp.equity_of`."""
        found: int | None = self._try(self.market, "equityOf", owner)
        return found

    def funding_index(self) -> int | None:
        """See `Perp.funding_index`."""
        found: int | None = self._try(self.market, "previewFunding")
        return found

    def losses(self) -> tuple[int, int]:
        """See `Perp.losses`."""
        return int(self.backstop.read(self._chain, "fund")), int(self.backstop.read(self._chain, "shortfall"))

    def owed(self) -> int:
        """What margins, the pool's cash and the fund are together, less the shortfall: its tokens [margin wad]."""
        fund, shortfall = self.losses()
        return int(self._read("totalMargin") + self._read("poolCash") + fund - shortfall)

    def _try(self, contract: Contract, function: str, *args: Any) -> Any:
        try:
            return contract.read(self._chain, function, *args)
        except CallReverted:
            return None

    def preview_trade(self, account: str, size: int) -> tuple[int, int] | None:
        """See `Perp.preview_trade`."""
        limit = _NO_LIMIT if size > 0 else 0
        found: tuple[int, int] | None = self._try(self.market, "previewTradeMargin", owner_of(account), size, limit)
        return found

    def preview_liquidation(self, account: str) -> tuple[int, int] | None:
        """See `Perp.preview_liquidation`."""
        found: tuple[int, int] | None = self._try(self.market, "previewLiquidation", owner_of(account))
        return found

    def withdrawable(self, account: str) -> int:
        """See `Perp.withdrawable`."""
        return int(self._try(self.market, "withdrawable", owner_of(account)) or 0)

    def bankruptcy(self, long: bool) -> tuple[int, int, int]:
        """See `Perp.bankruptcy`."""
        size, amount, since = self.backstop.read(self._chain, "bankruptcy", long)
        return size, amount, since

    def deleverage_list(self, bankrupt_long: bool, now: int) -> list[str]:
        """See `Perp.deleverage_list`."""
        if not self.shortfall or not self.backstop.read(self._chain, "deleverageRequired"):
            return []
        wanted, amount, _ = self.bankruptcy(bankrupt_long)
        frame = self.frame(now)
        if not amount or frame is None:
            return []
        table = self.book.table(a for a in self.book if a.size and (a.size < 0) == bankrupt_long)
        ranks = scores(table, frame).tolist() if table.ids else []
        pro_rata = int(self.backstop.read(self._chain, "rule")) == _PRO_RATA
        chosen: list[str] = []
        for row in np.argsort([-rank for rank in ranks], kind="stable").tolist():
            if not ranks[row] or wanted <= 0 or len(chosen) == _MOST_DELEVERAGED:
                break
            account = table.ids[row]
            if pro_rata and self._last_round.get((bankrupt_long, account)) == self._bankrupt_round[bankrupt_long]:
                continue
            chosen.append(account)
            wanted -= 0 if pro_rata else abs(table.size[row])
        return chosen

    # ------------------------------------------------------------------- calls

    def _call(
        self, contract: Contract, function: str, *args: Any, gas: int, subject: str, accepts: Mapping[str, str]
    ) -> Call:
        action = "pool-deposit" if (contract is self.pool and function == "deposit") else _ACTIONS[function]
        return Call(contract.address, contract.encode(function, *args), gas, action, subject, accepts)

    def deposit(self, account: str, amount: int) -> Call:
        """See `Perp.deposit`."""
        owner = owner_of(account)
        return self._call(self.market, "deposit", owner, amount, gas=250_000, subject=account, accepts=_MONEY_FAILS)

    def withdraw(self, account: str, amount: int) -> Call:
        """See `Perp.withdraw`."""
        to = owner_of(account)
        return self._call(self.market, "withdraw", amount, to, gas=400_000, subject=account, accepts=_MONEY_FAILS)

    def trade(self, account: str, size: int, limit: float) -> Call:
        """See `Perp.trade`."""
        worst = to_wad(limit)
        return self._call(self.market, "trade", size, worst, gas=500_000, subject=account, accepts=_TRADE_FAILS)

    def execute(self, account: str) -> Call:
        """See `Perp.execute`."""
        owner = owner_of(account)
        return self._call(self.market, "executeOrder", owner, gas=600_000, subject=account, accepts=_ORDER_FAILS)

    def cancel(self, account: str) -> Call:
        """See `Perp.cancel`."""
        owner = owner_of(account)
        return self._call(self.market, "cancelOrder", owner, gas=100_000, subject=account, accepts=_ORDER_FAILS)

    def liquidate(self, account: str) -> Call:
        """See `Perp.liquidate`."""
        owner = owner_of(account)
        return self._call(self.market, "liquidate", owner, gas=700_000, subject=account, accepts=_LIQUIDATION_FAILS)

    def accrue(self) -> Call:
        """See `Perp.accrue`."""
        return self._call(self.market, "accrueFunding", gas=200_000, subject=self.id, accepts=FEED_REFUSES)

    def deleverage(self, bankrupt_long: bool, accounts: Sequence[str]) -> Call:
        """See `Perp.deleverage`."""
        owners = [owner_of(account) for account in accounts]
        gas = 400_000 + 300_000 * len(owners)
        arguments = (bankrupt_long, owners)
        return self._call(self.backstop, "deleverage", *arguments, gas=gas, subject=self.id, accepts=_BACKSTOP_FAILS)

    def socialise(self) -> Call:
        """See `Perp.socialise`."""
        return self._call(self.backstop, "socialise", gas=400_000, subject=self.id, accepts=_BACKSTOP_FAILS)

    def settle_pool(self) -> Call:
        """See `Perp.settle_pool`."""
        return self._call(self.market, "settlePool", gas=400_000, subject=self.id, accepts=_BACKSTOP_FAILS)

    def set_pause(self, trading: bool, withdrawals: bool, liquidations: bool) -> Call:
        """Shut or open parts of the market; for its owner."""
        switches = (trading, withdrawals, liquidations)
        return self._call(self.market, "setPause", *switches, gas=150_000, subject=self.id, accepts={})

    def set_orders(self, rule: tuple[int, int, int]) -> Call:
        """Another delay [s], lifetime [s] and tip [margin wad]; for its owner."""
        return self._call(self.market, "setOrders", rule, gas=150_000, subject=self.id, accepts={})

    # -------------------------------------------------------------------- pool

    def pool_deposit(self, owner: Address, assets: int) -> Call:
        """See `Perp.pool_deposit`."""
        arguments = (assets // self._unit, owner)
        return self._call(self.pool, "deposit", *arguments, gas=500_000, subject=self.id, accepts=_POOL_FAILS)

    def pool_request(self, shares: int) -> Call:
        """See `Perp.pool_request`."""
        return self._call(self.pool, "requestRedeem", shares, gas=200_000, subject=self.id, accepts=_POOL_FAILS)

    def pool_redeem(self, owner: Address, shares: int) -> Call:
        """See `Perp.pool_redeem`."""
        arguments = (shares, owner, owner)
        return self._call(self.pool, "redeem", *arguments, gas=600_000, subject=self.id, accepts=_POOL_FAILS)

    def pool_shares(self, owner: Address) -> tuple[int, int, int]:
        """See `Perp.pool_shares`."""
        queued, ready = self.pool.read(self._chain, "requestOf", owner)
        return int(self.pool.read(self._chain, "balanceOf", owner)), queued, ready

    def pool_redeemable(self, owner: Address) -> int:
        """See `Perp.pool_redeemable`."""
        return int(self._try(self.pool, "maxRedeem", owner) or 0)

    def pool_share_price(self) -> float:
        """See `Perp.pool_share_price`."""
        assets = self._try(self.pool, "convertToAssets", self._share_unit)
        return from_wad(int(assets or 0) * self._unit)

    # ------------------------------------------------------------------- events

    def advance(self, now: int) -> Iterable[Notice]:
        """See `Protocol.advance`."""
        frame = self.frame(now)
        if self.lowest_fund is None:
            self.lowest_fund = self.fund
        if frame is None:
            return ()
        fallen = self._unsafe.advance(frame)[0]
        notices = [Notice("unsafe", self._protocol, account, {"capability": self.id}) for account in fallen]
        solvent = not self.skew or self.capital_at(frame) >= 0
        if self._pool_was_solvent and not solvent:
            notices.append(self._about("pool_bankrupt"))
        self._pool_was_solvent = solvent
        return notices

    def _about(self, kind: str, subject: str = "", **args: Any) -> Notice:
        return Notice(kind, self._protocol, subject or self.id, {"capability": self.id, **args})

    def on_event(self, event: DecodedEvent, now: int) -> Iterable[Notice]:
        """Mirror one event, and say what it means."""
        self._pool_cash = None
        handler = getattr(self, f"_on_{event.name}", None)
        return handler(event.args, now) or () if handler else ()

    def _of(self, owner: Address) -> PerpAccount:
        return self.book.account(self.account(owner), owner)

    # The handlers are named as the contracts name their events.

    def _on_PositionChanged(self, args: Mapping[str, Any], now: int) -> Iterable[Notice]:  # noqa: N802
        account = self._of(args["account"])
        size, entry_value, entry_funding = args["size"], args["entryValue"], args["entryFunding"]
        self._total_entry_value += entry_value - account.entry_value
        self._total_entry_funding += size * entry_funding - account.size * account.entry_funding
        self.book.update(account, size, args["margin"], entry_value, entry_funding)
        return (self._about("margin", account.id),)

    def _on_Deposited(self, args: Mapping[str, Any], now: int) -> None:  # noqa: N802
        self._of(args["account"]).deposited += args["amount"]

    def _on_Withdrawn(self, args: Mapping[str, Any], now: int) -> None:  # noqa: N802
        self._of(args["account"]).deposited -= args["amount"]

    def _on_FundingPaid(self, args: Mapping[str, Any], now: int) -> None:  # noqa: N802
        self._of(args["account"]).funding_paid += args["amount"]

    def _on_FundingAccrued(self, args: Mapping[str, Any], now: int) -> Iterable[Notice]:  # noqa: N802
        # All but the index goes by time and premium alone.
        state = self._funding.at(now, self.funding_rule, self._premium(), 0)
        self._funding = FundingState(
            args["fundingIndex"], now, state.interval_start, state.premium_time, state.day_rate
        )
        return (self._about("funding", rate=args["rate"]),)

    def _on_SkewChanged(self, args: Mapping[str, Any], now: int) -> None:  # noqa: N802
        self.skew, self.long, self.short = args["skew"], args["longSize"], args["shortSize"]

    def _on_Traded(self, args: Mapping[str, Any], now: int) -> Iterable[Notice]:  # noqa: N802
        account = self.account(args["account"])
        return (self._about("trade", account, size=args["sizeDelta"], price=args["price"]),)

    def _on_OrderSubmitted(self, args: Mapping[str, Any], now: int) -> Iterable[Notice]:  # noqa: N802
        account = self.account(args["account"])
        self.orders[account] = Order(account, args["sizeDelta"], now, args["executableAt"], args["expiresAt"])
        return (self._about("order", account),)

    def _on_OrderExecuted(self, args: Mapping[str, Any], now: int) -> Iterable[Notice]:  # noqa: N802
        account = self.account(args["account"])
        self.orders.pop(account, None)
        return (self._about("order", account),)

    _on_OrderCancelled = _on_OrderExecuted  # noqa: N815

    def _on_Liquidated(self, args: Mapping[str, Any], now: int) -> Iterable[Notice]:  # noqa: N802
        closed, price = args["sizeClosed"], args["price"]
        taken = {
            "liquidator": args["liquidator"],
            "size": closed,
            "value": self._value(closed, price),
            "fee": args["toLiquidator"],
            "deficit": args["deficit"],
        }
        return (self._about("perp_liquidation", self.account(args["account"]), **taken),)

    def _value(self, size: int, price: int) -> int:
        """[margin wad] The worth of a size at a price [wad]."""
        return abs(size) * WAD // price if self.inverse else abs(size) * price // WAD

    def _on_Deleveraged(self, args: Mapping[str, Any], now: int) -> Iterable[Notice]:  # noqa: N802
        value = self._value(args["sizeClosed"], args["price"])
        account, bankrupt_long = self.account(args["account"]), args["sizeClosed"] < 0
        self._last_round[bankrupt_long, account] = self._bankrupt_round[bankrupt_long]
        return (self._about("adl", account, size=args["sizeClosed"], value=value, haircut=args["haircut"]),)

    def _on_AccountDeleveraged(self, args: Mapping[str, Any], now: int) -> Iterable[Notice]:  # noqa: N802
        self.shortfall -= args["haircut"]
        return (self._about("shortfall", amount=self.shortfall),)

    def _on_FundCredited(self, args: Mapping[str, Any], now: int) -> None:  # noqa: N802
        self.fund = args["fund"]
        self._note_fund()

    def _note_fund(self) -> None:
        if self.lowest_fund is not None:
            self.lowest_fund = min(self.lowest_fund, self.fund)

    _on_FundPaid = _on_FundCredited  # noqa: N815

    def _on_LossAbsorbed(self, args: Mapping[str, Any], now: int) -> Iterable[Notice]:  # noqa: N802
        self.fund -= args["fromFund"]
        self._note_fund()
        if not args["recorded"]:
            return ()
        self.shortfall += args["recorded"]
        self._bankrupt_round[args["bankrupt"] > 0] += 1
        return (self._about("shortfall", amount=self.shortfall),)

    def _on_ShortfallRepaid(self, args: Mapping[str, Any], now: int) -> Iterable[Notice]:  # noqa: N802
        self.shortfall = args["left"]
        return (self._about("shortfall", amount=self.shortfall),)

    def _on_LossSocialised(self, args: Mapping[str, Any], now: int) -> Iterable[Notice]:  # noqa: N802
        self.shortfall = args["left"]
        return self._about("socialised", amount=args["amount"]), self._about("shortfall", amount=self.shortfall)

    def _on_PoolBankrupt(self, args: Mapping[str, Any], now: int) -> Iterable[Notice]:  # noqa: N802
        return (self._about("pool_bankrupt", deficit=args["deficit"]),)

    def _on_PoolChanged(self, args: Mapping[str, Any], now: int) -> Iterable[Notice]:  # noqa: N802
        return (self._about("perp_pool", amount=args["amount"]),)

    def _on_ParametersSet(self, args: Mapping[str, Any], now: int) -> Iterable[Notice]:  # noqa: N802
        self._read_rules()
        if args["what"].rstrip(b"\0") == b"funding":
            self._funding = self._funding.restarted(now, self.funding_rule)
        return (self._about("rules"),)

    def _on_PauseSet(self, args: Mapping[str, Any], now: int) -> Iterable[Notice]:  # noqa: N802
        self.paused = args["trading"]
        return (self._about("rules"),)

    def catch_up(self, now: int) -> None:
        """Take over from the chain what the events before of an attached market do not tell."""
        self.fund, self.shortfall = (int(self.backstop.read(self._chain, name)) for name in ("fund", "shortfall"))
        paid, rate = self._try(self.market, "previewFunding"), self._try(self.market, "fundingRate")
        if paid is not None:
            state = self._funding.at(now, self.funding_rule, self._premium(), 0)
            self._funding = state._replace(paid=int(paid), day_rate=0 if self.follows_premium else int(rate) * _DAY)


_ACTIONS = {
    "deposit": "perp-deposit",
    "withdraw": "perp-withdraw",
    "trade": "perp-trade",
    "executeOrder": "perp-execute",
    "cancelOrder": "perp-cancel",
    "liquidate": "liquidate",
    "accrueFunding": "accrue-funding",
    "deleverage": "deleverage",
    "socialise": "socialise",
    "settlePool": "settle-pool",
    "setPause": "set-pause",
    "setOrders": "set-orders",
    "requestRedeem": "pool-request",
    "redeem": "pool-redeem",
}


def owner_of(account: str) -> Address:
    """The owner in an account's name."""
    return Address(account.rpartition("/")[2])
