"""Our hedged vault with its strategy: carry on collateral, spot with a short perpetual, or options over spot."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, ClassVar

from simulator.chain.abi import Abi, DecodedEvent
from simulator.chain.artifacts import load_artifact
from simulator.chain.base import CallReverted
from simulator.chain.types import Address
from simulator.errors import ConfigError, SetupError
from simulator.protocols.base import Capability, Measure, Notice, Protocol, Sample
from simulator.protocols.cdp import symbol
from simulator.protocols.genesis import Contract, Genesis
from simulator.protocols.vault_book import SHARE_OF_ASSET, CarryHoldings, Holdings, PerpHoldings, Prices, VaultBook
from simulator.protocols.vault_capability import REASONS, HedgedVault
from simulator.protocols.vault_lending import LendingVenue
from simulator.protocols.vault_overlay import SURFACE_EVENTS, OverlayHoldings, terms_of
from simulator.protocols.vault_record import DueWatch, VaultRecord, concerns
from simulator.protocols.vault_settings import VaultSettings
from simulator.units import RAY, from_wad, to_wad

_ANY_DELTA = 1.0  # a band that is never left: money is put to work at a cost
_CALLEES = (
    "IStrategy",
    "CdpEngine",
    "ConstantProductPool",
    "Dollar",
    "LendingPool",
    "PerpMarket",
    "OptionMarket",
    "VolSurface",
    "ExpiryPrice",
    "OverlayPlan",
    "PushFeed",
    "GuardedFeed",
    "DelayedFeed",
    "TwapFeed",
    "RateFeed",
    "SequencerGuard",
    "CollateralToken",
)


class VaultProtocol(Protocol):
    """One HedgedVault. It needs the tables of its pool, and of its engine or markets, before its own."""

    Settings: ClassVar[Any] = VaultSettings
    trades: ClassVar[int] = 1
    settings: VaultSettings
    holdings: Holdings

    # ------------------------------------------------------------------ set-up

    def deploy(self, genesis: Genesis) -> None:
        """See `Protocol.deploy`."""
        s = self.settings
        self._genesis = genesis
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
            self._triggers(_ANY_DELTA),
            self._execution(genesis, cooldown=0),
            libraries=callees,
        )
        self.lending: Contract | None = None
        made = {"carry": self._carry, "overlay": self._overlay}.get(s.strategy, self._hedged)
        strategy = made(genesis, vault)
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
        target = from_wad(strategy.read(genesis.chain, "targetDelta"))
        self.holdings.now = genesis.now
        self.book = VaultBook(vault, strategy, self.holdings, target)
        self._due = DueWatch(self.book, self.settings.triggers, self.settings.execution, self.vault.tip)
        self._due.rebalanced = genesis.now
        self._record = VaultRecord(self.vault.id, self.book, self._due, genesis.start)
        self._oracles = [genesis.feeds[asset].oracle for asset in (self.settings.base, self.vault.hedged)]
        self._began = self.alarmed = False

    def _carry(self, genesis: Genesis, vault: Contract) -> Contract:
        s, lending = self.settings, self.settings.carry.lending
        engine = self.placed(genesis, s.engine, "CdpEngine", "engine")
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
        market = self.placed(genesis, s.market, "PerpMarket", "market")
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

    def _overlay(self, genesis: Genesis, vault: Contract) -> Contract:
        s = self.settings
        market = self.placed(genesis, s.options, "OptionMarket", "options")
        surface = self.placed(genesis, s.options, "VolSurface", "options")
        self.holdings = OverlayHoldings(genesis.token(s.base), genesis.token(s.quote), market, surface)
        self._markets, self.hedge_asset = [market.address, surface.address], s.base
        plans = genesis.deploy("OverlayPlan", market.address)
        return genesis.deploy(
            "Overlay",
            vault.address,
            genesis.token(s.quote).address,
            plans.address,
            self._genesis_pool.address,
            to_wad(s.depth_loss),
            *terms_of(s.overlay),
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
        genesis.bring(self.id, asset, depositor, amount, "deposit_usd")
        genesis.approve(asset, depositor, vault.spender)
        genesis.submit(vault.deposit(depositor, amount), depositor, vault.contract.abi)
        if self.settings.strategy != "overlay":  # no option is quoted yet
            self._put_to_work(genesis)

    def ready(self, genesis: Genesis) -> None:
        """Put to work what the first depositors brought; what that cost may leave delta outside a narrow band.

        From now on bands hold, and one rebalance waits for the next.
        """
        self._put_to_work(genesis)
        genesis.call(self.vault.contract, "setTriggers", self._triggers(self.settings.triggers.band))
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
        genesis.bring(self.id, s.quote, lender, supplied, "carry.lending.liquidity_usd")
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

    def _triggers(self, widest: float) -> tuple[int, ...]:
        t = self.settings.triggers
        band, move = wads((widest, t.price_move))
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
            if event.name in SURFACE_EVENTS:
                self.book.current = False
            elif concerns(event.args, vault.strategy.address):
                self.book.current = False
                self._record.on_market_event(event.name, event.args, self._oracles[1].price)
                if event.name == "PositionSettled" and self.alarmed:  # what is due had to wait for this
                    yield self._is_due()
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
        self.holdings.now = now
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
            yield self._is_due()
        self.alarmed = alarmed

    def _is_due(self) -> Notice:
        return Notice("vault_due", self.id, self.vault.id, {"capability": self.vault.id})

    def books(self, price: Callable[[str], float]) -> Iterable[Measure]:
        """Idle assets and a lending pool's cash against the tokens held."""
        vault, chain = self.vault, self._genesis.chain
        recorded = [(vault.asset, vault.contract, "idle")]
        if self.lending is not None:
            recorded.append((self.settings.quote, self.lending, "cash"))
        for asset, contract, name in recorded:
            held = self._genesis.token(asset).read(chain, "balanceOf", contract.address)
            gap = max(0, int(contract.read(chain, name)) - int(held))
            yield Measure(f"{vault.id}/{name}", "books_gap_usd", from_wad(gap) * price(asset))

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
            values["share_price"] = vault.read("sharePrice") / RAY * SHARE_OF_ASSET
            if self.lending is not None:
                values["lending_utilisation"] = from_wad(self.lending.read(vault._chain, "utilisation"))
                values["lending_rate"] = from_wad(self.lending.read(vault._chain, "supplyRate"))
        except CallReverted:
            pass  # no price: no data is no row
        return Sample(measures=[Measure(vault.id, name, value) for name, value in values.items()])


def wads(values: Iterable[float]) -> tuple[int, ...]:
    """Several floats as wads."""
    return tuple(to_wad(value) for value in values)
