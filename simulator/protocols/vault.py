"""Our hedged vault with its strategy: carry on collateral, or spot with a short perpetual."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, ClassVar

from simulator.chain.abi import Abi, DecodedEvent
from simulator.chain.artifacts import load_artifact
from simulator.chain.base import CallReverted
from simulator.chain.types import Address
from simulator.errors import ConfigError, SetupError
from simulator.protocols.base import Call, Capability, Measure, Notice, Protocol, Sample, Vault
from simulator.protocols.cdp import symbol
from simulator.protocols.feeds import FEED_REFUSES
from simulator.protocols.genesis import Contract, Genesis
from simulator.protocols.perps import bring
from simulator.protocols.vault_book import CarryHoldings, Holdings, PerpHoldings, Prices, VaultBook
from simulator.protocols.vault_lending import LendingVenue
from simulator.protocols.vault_record import DueWatch, VaultRecord, concerns
from simulator.protocols.vault_settings import VaultSettings
from simulator.units import RAY, from_wad, to_wad

REASONS = (None, "margin", "withdrawals", "delta", "excess", "price", "time", "idle")  # as in IHedgedVault.Reason

_SHARE_OF_ASSET = 10**6  # shares for the smallest unit of the asset, at the start
_SETTLED_AT_ONCE = 20

_MOVED = {
    "DepositRefused": "others filled it first, or its value cannot be relied on",
    "WithdrawalRefused": "others left first, or its value cannot be relied on",
    "Slippage": "the market moved while it waited",
    "Illiquid": "the market moved while it waited",
    "NothingMoved": "somebody was first",
    "NotLive": "a market is closed or a price stale",
    "InsufficientBalance": "it was spent meanwhile",
    "TransferFromFailed": "it was spent meanwhile",
    **FEED_REFUSES,
}
_REBALANCE_FAILS = {
    "RebalanceNotDue": "a rival was first, or it is no longer due",
    "Cooldown": "a rival was first",
    "Slippage": "it would have cost too much",
    "DeltaOutsideBand": "the market took too little",
    "NotLive": "a market is closed or a price stale",
    "InsufficientMargin": "the market asks for more margin",
    "InsufficientLiquidity": "the market's pool is too small",
    "OpenInterestExceeded": "the market is full",
    "SkewExceeded": "the market is full on this side",
    "OrderPending": "an order waits",
    "DebtCeilingExceeded": "others drew first",
    "Undercollateralised": "the price moved while it waited",
    **FEED_REFUSES,
}
_OBSERVE_FAILS = {"TooEarly": "somebody was first, or a feed has nothing newer"} | FEED_REFUSES
_ROUTES = tuple(to_wad(share / 4).to_bytes(32, "big") for share in range(5))  # quarters of the trade in spot
_CALLEES = (
    "IStrategy",
    "CdpEngine",
    "ConstantProductPool",
    "Dollar",
    "LendingPool",
    "PerpMarket",
    "PushFeed",
    "GuardedFeed",
    "DelayedFeed",
    "TwapFeed",
    "RateFeed",
    "SequencerGuard",
    "CollateralToken",
)


class HedgedVault(Vault):
    """The vault as agents see it."""

    def __init__(self, protocol: "VaultProtocol", contract: Contract, strategy: Contract, genesis: Genesis) -> None:
        settings = protocol.settings
        carry = settings.strategy == "carry"
        self.asset = settings.base if carry else settings.quote
        self.hedged = settings.base if carry else protocol.hedge_asset
        self.id = f"{protocol.id}/{self.asset}"
        self.contract, self.strategy = contract, strategy
        self.token = self.spender = contract.address
        self.tip = settings.execution.tip_usd / genesis.price(self.asset)
        self.observed_every = settings.cross.interval_minutes * 60 if settings.strategy == "cross" else 0.0
        self._protocol = protocol
        self._chain = genesis.chain

    def _call(self, function: str, *args: Any, gas: int, accepts: Mapping[str, str] = _MOVED) -> Call:
        data = self.contract.encode(function, *args)
        return Call(self.contract.address, data, gas, f"vault-{function}", self.id, accepts)

    def read(self, function: str, *args: Any) -> Any:
        """The answer of a view. Raises CallReverted."""
        return self.contract.read(self._chain, function, *args)

    def deposit(self, owner: Address, assets: int) -> Call:
        """See `Vault.deposit`."""
        return self._call("deposit", assets, owner, gas=600_000)

    def withdraw(self, owner: Address, assets: int) -> Call:
        """See `Vault.withdraw`."""
        return self._call("withdraw", assets, owner, owner, gas=1_500_000)

    def request(self, owner: Address, shares: int) -> Call:
        """See `Vault.request`."""
        return self._call("requestRedeem", shares, owner, owner, gas=600_000)

    def settle(self) -> Call:
        """See `Vault.settle`."""
        return self._call("settle", _SETTLED_AT_ONCE, gas=2_500_000)

    def claim(self, owner: Address) -> Call:
        """See `Vault.claim`."""
        return self._call("claim", owner, gas=150_000)

    def rebalance(self, data: bytes = b"") -> Call:
        """See `Vault.rebalance`."""
        return self._call("rebalance", data, gas=2_500_000, accepts=_REBALANCE_FAILS)

    def due(self) -> str | None:
        """See `Vault.due`."""
        due, reason = self.read("rebalanceDue")
        return REASONS[reason] if due else None

    def exposure(self) -> tuple[float, float, float]:
        """See `Vault.exposure`."""
        delta, gamma, vega = self.read("exposure")
        return from_wad(delta), from_wad(gamma), from_wad(vega)

    def nav(self) -> float:
        """See `Vault.nav`."""
        return from_wad(self.read("totalAssets"))

    def drift(self) -> float:
        """See `Vault.drift`."""
        return from_wad(self.read("relativeDelta"))

    def share_price(self) -> float:
        """See `Vault.share_price`. Mirrored, at the prices that the contracts use."""
        return self._protocol.share_price()

    def queue(self) -> float:
        """See `Vault.queue`. Mirrored."""
        shares = self._protocol.book.shares
        return shares.queued / shares.supply if shares.supply else 0.0

    def shares_of(self, owner: Address) -> int:
        """See `Vault.shares_of`."""
        return int(self.read("balanceOf", owner))

    def liquid(self, owner: Address) -> int:
        """See `Vault.liquid`."""
        return int(self.read("maxWithdraw", owner))

    def claimable(self, owner: Address) -> int:
        """See `Vault.claimable`."""
        return int(self.read("claimable", owner))

    def waiting(self) -> int:
        """See `Vault.waiting`."""
        return int(self.read("queuedShares"))

    def can_settle(self) -> bool:
        """See `Vault.can_settle`."""
        try:
            return bool(self.read("settle", _SETTLED_AT_ONCE))
        except CallReverted:
            return False

    def may_be_due(self) -> bool:
        """See `Vault.may_be_due`. Whether those who wait can be served only the chain knows."""
        return self._protocol.alarmed or self._protocol.book.shares.queued > 0

    def route(self) -> bytes:
        """See `Vault.route`: the share of a correction of delta that is made in spot."""
        settings = self._protocol.settings
        if settings.execution.style != "routed" or settings.strategy == "carry":
            return b""
        if abs(self.drift()) <= settings.triggers.band:
            return b""
        costs = {data: cost for data in _ROUTES if (cost := self._cost(data)) is not None}
        return min(costs, key=lambda data: costs[data], default=b"")

    def _cost(self, data: bytes) -> int | None:
        """Value that a rebalance would lose now [asset wad], None where it would revert."""
        try:
            outcome = self.read("previewRebalance", data)
        except CallReverted:
            return None
        return int(outcome[3]) - int(outcome[4])

    def observe(self) -> Call | None:
        """See `Vault.observe`."""
        if not self.observed_every:
            return None
        data = self.strategy.encode("observe")
        return Call(self.strategy.address, data, 250_000, "vault-observe", self.id, _OBSERVE_FAILS)


class VaultProtocol(Protocol):
    """One HedgedVault. It needs the tables of its pool, and of its engine or market, before its own."""

    Settings: ClassVar[Any] = VaultSettings
    trades: ClassVar[bool] = True
    settings: VaultSettings
    holdings: Holdings

    # ------------------------------------------------------------------ set-up

    def deploy(self, genesis: Genesis) -> None:
        """See `Protocol.deploy`."""
        s = self.settings
        self._genesis_pool = self._pool(genesis)
        asset = genesis.token(s.base if s.strategy == "carry" else s.quote)
        callees = [load_artifact(name).abi for name in _CALLEES]
        vault = genesis.deploy(
            "HedgedVault",
            asset.address,
            f"Hedged {s.base}",
            f"h{s.base}",
            self._limits(),
            self._fees(genesis),
            self._triggers(),
            self._execution(genesis, cooldown=0),
            libraries=callees,
        )
        self.lending: Contract | None = None
        strategy = self._carry(genesis, vault) if s.strategy == "carry" else self._hedged(genesis, vault)
        genesis.call(vault, "setStrategy", strategy.address)
        genesis.flush()
        self.vault = HedgedVault(self, vault, strategy, genesis)
        self._offers: list[Capability] = [self.vault]
        if self.lending is not None:
            terms = s.carry.lending
            self._offers.append(LendingVenue(f"{self.id}/loans", s.quote, s.base, terms, self.lending, genesis))
        self._mirror(genesis)

    def _mirror(self, genesis: Genesis) -> None:
        """Follow what the vault holds from now on."""
        vault, strategy = self.vault.contract, self.vault.strategy
        target = 0.0
        if self.settings.strategy == "carry":
            target = from_wad(strategy.read(genesis.chain, "targetDelta"))
        self.book = VaultBook(vault, strategy, self.holdings, target)
        self._due = DueWatch(self.book, self.settings.triggers, self.settings.execution, self.vault.tip)
        self._due.rebalanced = genesis.now
        self._record = VaultRecord(self.vault.id, self.book, self._due, genesis.start)
        self._oracles = [genesis.feeds[asset].oracle for asset in (self.settings.base, self.vault.hedged)]
        self._began = self.alarmed = False

    def _carry(self, genesis: Genesis, vault: Contract) -> Contract:
        s, lending = self.settings, self.settings.carry.lending
        engine = self._placed(genesis, s.engine, "CdpEngine", "engine")
        token, feed = genesis.token(s.base).address, self._feed(genesis)
        terms = (
            lending.loan_to_value,
            lending.liquidation_threshold,
            lending.liquidation_bonus,
            lending.close_factor,
            lending.reserve_factor,
            lending.debt_floor,
        )
        curve = (lending.base_rate, lending.low_slope, lending.high_slope, lending.kink)
        dollar = genesis.token(s.quote).address
        self.lending = genesis.deploy("LendingPool", dollar, token, feed, wads(terms), wads(curve))
        quote = genesis.token(s.quote)
        self.holdings = CarryHoldings(genesis.token(s.base), quote, engine, self.lending, symbol(s.base))
        self._markets, self.hedge_asset = [engine.address, self.lending.address], s.base
        return genesis.deploy(
            "CdpCarry",
            vault.address,
            engine.address,
            symbol(s.base),
            dollar,
            self.lending.address,
            self._genesis_pool.address,
            to_wad(s.depth_loss),
            to_wad(s.carry.ratio),
            to_wad(s.carry.loop_share),
        )

    def _hedged(self, genesis: Genesis, vault: Contract) -> Contract:
        s, shape, cross = self.settings, self.settings.neutral, self.settings.cross
        market = self._placed(genesis, s.market, "PerpMarket", "market")
        self.holdings = PerpHoldings(genesis.token(s.base), genesis.token(s.quote), market)
        self._markets, self.hedge_asset = [market.address], self._index_of(genesis, market)
        bounds = (*wads((cross.min_ratio, cross.max_ratio)), round(cross.interval_minutes * 60))
        estimate = (*bounds, cross.window, cross.fewest, cross.estimate)
        return genesis.deploy(
            "CrossHedge" if s.strategy == "cross" else "DeltaNeutral",
            vault.address,
            genesis.token(s.quote).address,
            genesis.token(s.base).address,
            self._feed(genesis),
            market.address,
            self._genesis_pool.address,
            to_wad(s.depth_loss),
            wads((shape.margin, shape.reserve, shape.spot_band)),
            *([estimate, to_wad(cross.ratio)] if s.strategy == "cross" else []),
        )

    def seed(self, genesis: Genesis) -> None:
        """Lend and borrow what others do, deposit, and put it to work."""
        if self.lending is not None:
            self._seed_lending(genesis, self.lending)
        vault, asset = self.vault, self.vault.asset
        amount = to_wad(self.settings.deposit_usd / genesis.price(asset))
        if not amount:
            return
        depositor = genesis.account(f"{self.id}/depositor").address
        bring(genesis, self.id, asset, depositor, amount, "deposit_usd")
        genesis.approve(asset, depositor, vault.spender)
        genesis.submit(vault.deposit(depositor, amount), depositor, vault.contract.abi)
        self._put_to_work(genesis)

    def ready(self, genesis: Genesis) -> None:
        """Put to work what the first depositors brought; from now on one rebalance waits for the next."""
        self._put_to_work(genesis)
        cooldown = round(self.settings.execution.cooldown_minutes * 60)
        genesis.call(self.vault.contract, "setExecution", self._execution(genesis, cooldown))
        genesis.flush()

    def _put_to_work(self, genesis: Genesis) -> None:
        genesis.flush()
        vault = self.vault.contract
        if vault.read(genesis.chain, "rebalanceDue")[0]:
            genesis.submit(self.vault.rebalance(), genesis.deployer, vault.abi)
            try:
                genesis.flush()
            except SetupError as fault:
                mend = f"deepen the pool of {self.settings.base} and the market, raise max_slippage, or deposit less"
                raise SetupError(fault.what, fault.where, mend) from fault

    def _seed_lending(self, genesis: Genesis, lending: Contract) -> None:
        s, terms = self.settings, self.settings.carry.lending
        if not terms.liquidity_usd:
            return
        lender, borrower = (genesis.account(f"{self.id}/{name}").address for name in ("lender", "borrower"))
        supplied = to_wad(terms.liquidity_usd / genesis.price(s.quote))
        bring(genesis, self.id, s.quote, lender, supplied, "carry.lending.liquidity_usd")
        genesis.approve(s.quote, lender, lending.address)
        genesis.call(lending, "deposit", supplied, lender, sender=lender)
        borrowed = round(supplied * terms.utilisation)
        if borrowed < to_wad(terms.debt_floor):
            return
        # Half the loan to value that is allowed: these are no loans to watch.
        worth = 2 * from_wad(borrowed) * genesis.price(s.quote) / terms.loan_to_value
        collateral = to_wad(worth / genesis.price(s.base))
        genesis.endow(s.base, borrower, collateral)
        genesis.approve(s.base, borrower, lending.address)
        genesis.call(lending, "adjust", borrower, collateral, borrowed, sender=borrower)
        genesis.call(genesis.token(s.quote), "transfer", genesis.exchange, borrowed, sender=borrower)
        genesis.flush()

    def _pool(self, genesis: Genesis) -> Contract:
        pair = (self.settings.base, self.settings.quote)
        if pair not in genesis.pools:
            raise ConfigError(
                f"no pool of {' and '.join(pair)}", where=self.id, mend=f"put the pool's table before [{self.id}]"
            )
        return genesis.pools[pair]

    def _feed(self, genesis: Genesis) -> Address:
        asset = self.settings.base
        if asset not in genesis.feeds:
            raise ConfigError(f"no oracle for {asset}", where=self.id, mend=f"add [oracle.{asset}]")
        return genesis.feeds[asset].consumer

    def _placed(self, genesis: Genesis, table: str, name: str, setting: str) -> Contract:
        """A contract that another table deployed."""
        for placing in genesis.placed:
            if placing.scope == table and placing.contract.name == name:
                return placing.contract
        raise ConfigError(
            f"{setting} = {table!r}, but no such table deployed a {name} before",
            where=self.id,
            mend=f"name a table that does and put it before [{self.id}]",
        )

    def _index_of(self, genesis: Genesis, market: Contract) -> str:
        """Market symbol of what a perpetual market is on."""
        feed = market.read(genesis.chain, "indexFeed")
        found = next((asset for asset, each in genesis.feeds.items() if each.consumer == feed), None)
        if found is None:
            raise ConfigError(f"nobody knows the index of {self.settings.market}", where=self.id)
        return found

    # --------------------------------------------------------------- parameters

    def _limits(self) -> tuple[int, ...]:
        s = self.settings
        delay = round(s.withdrawal_minutes * 60)
        return (*wads((s.deposit_cap, s.fees.entry, s.fees.exit)), delay, *wads((s.max_growth, s.max_drop)))

    def _fees(self, genesis: Genesis) -> tuple[int, int, Address]:
        management, performance = wads((self.settings.fees.management, self.settings.fees.performance))
        return management, performance, genesis.account(f"{self.id}/fees").address

    def _triggers(self) -> tuple[int, ...]:
        t = self.settings.triggers
        band, move = wads((t.band, t.price_move))
        return (band, move, round(t.interval_hours * 3600), *wads((t.margin_floor, t.margin_ceiling, t.idle_band)))

    def _execution(self, genesis: Genesis, cooldown: int) -> tuple[int, ...]:
        e = self.settings.execution
        asset = self.settings.base if self.settings.strategy == "carry" else self.settings.quote
        tip = e.tip_usd / genesis.price(asset)
        to = ("target", "edge").index(e.rebalance_to)
        most = e.max_trade if e.style == "sliced" else 0.0
        return (to, cooldown, *wads((e.max_slippage, most, e.buffer, tip)))

    # ---------------------------------------------------------------- the storm

    def capabilities(self) -> Sequence[Capability]:
        """See `Protocol.capabilities`."""
        return self._offers

    def events(self) -> Mapping[Address, Abi]:
        """See `Protocol.events`."""
        contracts = [self.vault.contract, self.vault.strategy, *([self.lending] if self.lending else [])]
        return {contract.address: contract.abi for contract in contracts}

    def follows(self) -> Iterable[Address]:
        """See `Protocol.follows`: the markets that move what it holds."""
        return self._markets

    def on_event(self, event: DecodedEvent, now: int) -> Iterable[Notice]:
        """What moves the vault is a `vault` notice, and a `rebalance` one."""
        vault = self.vault
        if event.address in self._markets:
            if concerns(event.args, vault.strategy.address):
                self.book.current = False
                self._record.on_market_event(event.name, event.args, self._oracles[1].price)
            return
        self.book.current = False
        if event.name == "Observed":
            vault.observed_at = now
        if event.address != vault.contract.address:
            return
        self._record.on_vault_event(event.name, event.args, now)
        about: dict[str, Any] = {"capability": vault.id}
        match event.name:
            case "RebalanceDone":
                reason, before, after, worth, left, _, _ = event.args["outcome"]
                about |= {"reason": REASONS[reason], "keeper": event.args["keeper"], "mid": self._oracles[1].price}
                about |= {"lost": from_wad(worth - left), "moved": from_wad(after - before)}
                yield Notice("rebalance", self.id, vault.id, about)
            case "Deposit" | "Withdraw" | "RedeemRequested" | "RedeemSettled":
                yield Notice("vault", self.id, vault.id, about)

    def share_price(self) -> float:
        """What a share is worth at the prices of the feeds [asset]."""
        base, hedge = self._oracles
        supply = self.book.shares.supply
        return self.book.at(Prices(base.price, hedge.price), 0).nav / supply if supply else 1.0

    def advance(self, now: int, price: Callable[[str], float]) -> Iterable[Notice | Measure]:
        """See `Protocol.advance`: the rows of a block, and whether a rebalance may have come due."""
        book, record, vault = self.book, self._record, self.vault
        prices = Prices(price(self.settings.base), price(vault.hedged))
        if not book.current or record.hour_has_come(now):
            shares = book.shares.supply
            book.read(vault._chain)
            if not self._began:
                record.begin(prices, now)
                self._began = True
            record.count_hedge(prices, shares)
        yield from record.block(prices, now)
        seen = Prices(self._oracles[0].price, self._oracles[1].price)
        reason = self._due.reason(book.at(seen, now), seen, now)
        alarmed = reason is not None and (reason == "margin" or self._due.has_cooled(now))
        if alarmed and not self.alarmed:
            yield Notice("vault_due", self.id, vault.id, {"capability": vault.id})
        self.alarmed = alarmed

    def sample(self, now: int, price: Callable[[str], float]) -> Sample:
        """Net assets, the vault's own price of a share, margin, what waits, and where profit came from."""
        vault, book = self.vault, self.book
        usd, prices = price(vault.asset), Prices(price(self.settings.base), price(vault.hedged))
        (nav, _, _, margin), shares = book.at(prices, now), book.shares
        values = {
            "nav_usd": nav * usd,
            "queued_usd": (shares.queued * nav / shares.supply if shares.supply else 0.0) * usd,
            "idle_usd": shares.idle * usd,
            **book.holdings.parts(prices),
            **self._record.sample(prices, now),
        }
        if margin < float("inf"):
            values["margin_ratio"] = margin
        try:
            values["share_price"] = vault.read("sharePrice") / RAY * _SHARE_OF_ASSET
            if self.lending is not None:
                values["lending_utilisation"] = from_wad(self.lending.read(vault._chain, "utilisation"))
                values["lending_rate"] = from_wad(self.lending.read(vault._chain, "supplyRate"))
        except CallReverted:
            pass  # no price: no data is no row
        return Sample(measures=[Measure(vault.id, name, value) for name, value in values.items()])


def wads(values: Iterable[float]) -> tuple[int, ...]:
    """Several floats as wads."""
    return tuple(to_wad(value) for value in values)
