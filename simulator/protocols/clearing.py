"""Our clearinghouse over an option market, and where wanted a perpetual one, its square and variance swaps."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, ClassVar

from simulator.chain.abi import Abi, DecodedEvent
from simulator.chain.types import Address
from simulator.errors import ConfigError
from simulator.protocols.base import Capability, Measure, Notice, Protocol, Sample
from simulator.protocols.clearing_house import MODELS, ClearingHouse, Parts
from simulator.protocols.clearing_sample import books_balance, sample_of
from simulator.protocols.clearing_settings import ClearingSettings
from simulator.protocols.clearing_venues import Venues
from simulator.protocols.feeds import FeedOracle
from simulator.protocols.genesis import Contract, Genesis
from simulator.units import from_wad, to_wad

_MINUTE, _HOUR, _DAY = 60, 3_600, 86_400
_CREDIT = 10**33  # [margin wad] that the market lends within one trade
_CONFIDENCE_DECIMALS = 8


class ClearingProtocol(Protocol):
    """One Clearinghouse with its risk models and instruments."""

    Settings: ClassVar[Any] = ClearingSettings
    trades: ClassVar[int] = 2
    settings: ClearingSettings

    # ------------------------------------------------------------------ set-up

    def deploy(self, genesis: Genesis) -> None:
        """See `Protocol.deploy`."""
        s = self.settings
        self._genesis = genesis
        self._token = genesis.token(s.margin_asset)
        a, quit_delay = s.auction, round(s.waterfall.quit_hours * _HOUR)
        rules = (to_wad(a.start_share), round(a.length_minutes * _MINUTE), to_wad(a.max_reward), to_wad(a.fee))
        house = genesis.deploy("Clearinghouse", genesis.deployer, self._token.address, rules, quit_delay)
        models, confidence = self._models(genesis, house)
        for asset, terms in s.collateral.items():
            place = (genesis.token(asset).address, self._feed(genesis, asset).consumer.address)
            genesis.call(house, "addAsset", *place, *map(to_wad, (terms.haircut, terms.beta, terms.limit)))
        instruments, venues = self._instruments(genesis, house)
        for contract in instruments.values():
            genesis.call(house, "setInstrument", contract.address, True)
        genesis.flush()
        parts = Parts(house, models, instruments, confidence)
        self.house = ClearingHouse(self.id, s, parts, venues, genesis)

    def _models(self, genesis: Genesis, house: Contract) -> tuple[dict[str, Contract], Contract | None]:
        p = self.settings.portfolio
        shocks = [(to_wad(spot), to_wad(volatility)) for spot, volatility in p.shocks]
        terms = (p.factor, p.contingency, p.depeg_below, p.depeg_multiple, p.confidence_below, p.confidence_multiple)
        add_ons = tuple(map(to_wad, terms))
        owner = genesis.deployer
        standard = genesis.deploy("StandardRisk", house.address)
        portfolio = genesis.deploy("PortfolioRisk", owner, house.address, shocks, add_ons)
        confidence, guard = None, Address("0x" + "00" * 20)
        if p.confidence_below:
            confidence = genesis.deploy("PushFeed", owner, owner, _CONFIDENCE_DECIMALS, "confidence")
            genesis.call(confidence, "report", 10**_CONFIDENCE_DECIMALS)
            genesis.flush()
            guard = genesis.deploy("GuardedFeed", confidence.address, 0, 0, 0, 0).address
        money = genesis.feeds.get(self.settings.margin_asset)
        peg = money.consumer if money else Address("0x" + "00" * 20)
        genesis.call(portfolio, "setAddOns", add_ons, peg, guard)
        for model in (standard, portfolio):
            genesis.call(house, "setRiskModel", model.address, True)
        genesis.flush()
        return dict(zip(MODELS, (standard, portfolio), strict=True)), confidence

    def _instruments(self, genesis: Genesis, house: Contract) -> tuple[dict[str, Contract], Venues]:
        s, asset = self.settings, self.settings.asset
        feed = self._feed(genesis, asset)
        market = self.placed(genesis, s.options, "OptionMarket", "options")
        surface = self.placed(genesis, s.options, "VolSurface", "options")
        expiries = self.placed(genesis, s.options, "ExpiryPrice", "options")
        perp = self.placed(genesis, s.perps, "PerpMarket", "perps") if s.perps else None
        made = {"option": genesis.deploy("OptionInstrument", house.address, market.address)}
        genesis.call(market, "setGuarantor", made["option"].address, True, _CREDIT)
        if perp is not None:
            made["perp"] = genesis.deploy("PerpInstrument", house.address, perp.address, to_wad(s.perp_target))
        power = self._power(genesis, feed) if s.power else None
        if power is not None and s.power is not None:
            made["power"] = genesis.deploy("PowerInstrument", house.address, power.address, to_wad(s.power.target))
        swaps = self._swaps(genesis, feed) if s.swaps else None
        if swaps is not None:
            made["swap"] = genesis.deploy("SwapInstrument", house.address, swaps.address, surface.address)
        venues = Venues(
            genesis.chain,
            made,
            surface=surface,
            feed=feed.push,
            expiries=expiries,
            perp=perp,
            power=power,
            swaps=swaps,
        )
        return made, venues

    def _power(self, genesis: Genesis, feed: FeedOracle) -> Contract:
        p = self.settings.power
        assert p is not None
        shares = tuple(map(to_wad, (p.ratio, p.bounty, p.close_factor)))
        marks = (to_wad(p.lowest_mark), to_wad(p.highest_mark))
        rules = (*shares, self._money(p.debt_floor_usd), round(p.period_days * _DAY), *marks)
        places = (genesis.deployer, self._token.address, feed.consumer.address)
        return genesis.deploy("PowerPerp", *places, to_wad(p.scale), rules)

    def _swaps(self, genesis: Genesis, feed: FeedOracle) -> Contract:
        w = self.settings.swaps
        assert w is not None
        times = (round(w.interval_hours * _HOUR), round(w.max_age_minutes * _MINUTE))
        return genesis.deploy("VarianceSwap", self._token.address, feed.push.address, *times, to_wad(w.cap))

    def _feed(self, genesis: Genesis, asset: str) -> FeedOracle:
        if asset not in genesis.feeds:
            raise ConfigError(f"no oracle for {asset}", where=self.id, mend=f"add [oracle.{asset}]")
        feed = genesis.feeds[asset].oracle
        assert isinstance(feed, FeedOracle)
        return feed

    def _money(self, usd: float) -> int:
        """[margin wad] for dollars at the start's prices."""
        return to_wad(usd / self._genesis.price(self.settings.margin_asset))

    def seed(self, genesis: Genesis) -> None:
        """Fill both funds, and bring what offers of variance swaps post."""
        w, house = self.settings.waterfall, self.house
        giver = genesis.account(f"{self.id}/fund").address
        ours, members = self._money(w.house_usd), self._money(w.members_usd)
        if ours + members:
            genesis.bring(self.id, house.margin_asset, giver, ours + members, "waterfall.house_usd")
            genesis.approve(house.margin_asset, giver, house.spender)
        if ours:
            genesis.submit(house.donate(ours), giver, house.house.abi)
        if members:
            genesis.submit(house.join(members), giver, house.house.abi)
        if (swaps := house.venues.swaps) is not None:
            maker, terms = genesis.account(f"{self.id}/variance").address, self._offer()
            posted = max(swaps.read(genesis.chain, "collateralOf", *terms)) * self._offers()
            genesis.bring(self.id, house.margin_asset, maker, posted, "swaps.offers")
            genesis.approve(house.margin_asset, maker, swaps.address)
        genesis.flush()

    def _offers(self) -> int:
        return self.settings.swaps.offers if self.settings.swaps else 0

    def _offer(self) -> tuple[int, int]:
        """Strike [wad a year] and notional [margin wad] of the swaps offered."""
        w = self.settings.swaps
        assert w is not None
        return to_wad(w.offer_volatility**2), self._money(w.offer_usd)

    def ready(self, genesis: Genesis) -> None:
        """Offer variance swaps, both sides in turn."""
        w, swaps = self.settings.swaps, self.house.venues.swaps
        if w is None or swaps is None:
            return
        maker, terms = genesis.account(f"{self.id}/variance").address, self._offer()
        start = genesis.start + round(w.offer_start_hours * _HOUR)
        samples = max(1, round(w.offer_hours / w.interval_hours))
        for number in range(w.offers):
            genesis.call(swaps, "offer", number % 2 == 0, start, samples, *terms, sender=maker)
        genesis.flush()

    # ---------------------------------------------------------------- the storm

    def capabilities(self) -> Sequence[Capability]:
        """See `Protocol.capabilities`."""
        return [self.house]

    def events(self) -> Mapping[Address, Abi]:
        """See `Protocol.events`."""
        parts, venues = self.house.parts, self.house.venues
        ours = [parts.house, *parts.instruments.values(), *parts.models.values(), venues.power, venues.swaps]
        return {contract.address: contract.abi for contract in ours if contract is not None}

    def follows(self) -> Iterable[Address]:
        """See `Protocol.follows`: the markets that move what accounts hold."""
        return [contract.address for contract in self.house.venues.contracts()]

    def on_event(self, event: DecodedEvent, now: int) -> Iterable[Notice]:
        """Mirror an event of the clearinghouse, or of what stands below it."""
        if event.address == self.house.spender:
            return self.house.on_event(event, now)
        self.house.venues.on_event(event)
        return ()

    def advance(self, now: int, price: Callable[[str], float]) -> Iterable[Notice]:
        """Who has fallen below maintenance margin."""
        del price  # margins go by the feeds
        return self.house.advance(now)

    def books(self, price: Callable[[str], float]) -> Iterable[Measure]:
        """Cash of accounts and both funds against the money that is here and at the venues."""
        gap = max(0, -books_balance(self.house, self._token, self._genesis.chain))
        yield Measure(self.house.id, "books_gap_usd", from_wad(gap) * price(self.house.margin_asset))

    def sample(self, now: int, price: Callable[[str], float]) -> Sample:
        """See `sample_of`."""
        self.house.venues.now = now
        return sample_of(self.house, price)
