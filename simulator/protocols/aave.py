"""Aave V3 by its own bytecode: a market of its own, in our storms.

The contracts are those of the npm package @aave/core-v3; nothing of them is in this repository.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, ClassVar

from simulator.chain.abi import Abi, DecodedEvent
from simulator.chain.types import Address
from simulator.errors import ConfigError
from simulator.protocols.aave_lending import AaveLending, DebtIndex, RelativeOracle
from simulator.protocols.aave_market import AaveMarket
from simulator.protocols.aave_settings import AaveSettings
from simulator.protocols.base import Capability, Measure, Notice, Protocol, Sample
from simulator.protocols.feeds import PRICE_DECIMALS
from simulator.protocols.genesis import Genesis
from simulator.units import RAY, from_wad, to_wad

_OWNER = {  # of the account that an event of the pool is about
    "Supply": "onBehalfOf",
    "Withdraw": "user",
    "Borrow": "onBehalfOf",
    "Repay": "user",
    "LiquidationCall": "user",
}
_WAITING = 12  # place of what accrued to the treasury in the data of a reserve


class AaveProtocol(Protocol):
    """A market of Aave V3 with its suppliers."""

    Settings: ClassVar[Any] = AaveSettings
    settings: AaveSettings

    def deploy(self, genesis: Genesis) -> None:
        """See `Protocol.deploy`."""
        settings = self.settings
        for asset in settings.collateral:
            if asset not in genesis.feeds:
                where = f"{self.id}.collateral.{asset}"
                raise ConfigError(f"no oracle for {asset}", where=where, mend=f"add [oracle.{asset}]")
        if settings.dollar in settings.collateral:
            raise ConfigError(f"dollar = {settings.dollar!r} is a collateral too", where=self.id, mend="name another")
        if settings.dollar not in genesis.tokens:
            genesis.tokens[settings.dollar] = genesis.deploy("CollateralToken", settings.dollar, settings.dollar, 18)
        sources = {asset: self._source(genesis, asset) for asset in (*settings.collateral, settings.dollar)}
        self._chain = genesis.chain
        self.market = AaveMarket(genesis, settings, sources)
        self._index = DebtIndex()
        self.lendings = {asset: self._lending(genesis, asset) for asset in settings.collateral}
        self._lent = self.market.reserves[settings.dollar]
        self._supply(genesis)

    def _source(self, genesis: Genesis, asset: str) -> Address:
        """What the oracle asks: the asset's feed, or one that says a dollar for ever."""
        if asset in genesis.feeds:
            source = genesis.feeds[asset].consumer
        else:
            reporter = genesis.deployer
            feed = genesis.deploy("PushFeed", reporter, reporter, PRICE_DECIMALS, f"{asset} / USD")
            genesis.call(feed, "report", 10**PRICE_DECIMALS)
            source = feed.address
        return genesis.deploy("AnswerFeed", source, self.settings.refuse_stale).address

    def _lending(self, genesis: Genesis, asset: str) -> AaveLending:
        dollar = self.settings.dollar
        oracle = genesis.feeds[asset].oracle
        if dollar in genesis.feeds:
            oracle = RelativeOracle(oracle, genesis.feeds[dollar].oracle)
        settings = self.settings.collateral[asset]
        id = f"{self.id}/{asset}"
        return AaveLending(id, (asset, dollar), settings, self.market, genesis.chain, self._index, oracle)

    def _supply(self, genesis: Genesis) -> None:
        dollar, pool = self.settings.dollar, self.market.pool
        amount = to_wad(self.settings.liquidity_usd / genesis.price(dollar))
        if not amount:
            return
        supplier = genesis.account(f"{self.id}/supplier").address
        genesis.bring(self.id, dollar, supplier, amount, f"liquidity_usd = {self.settings.liquidity_usd:g}")
        genesis.approve(dollar, supplier, pool.address)
        genesis.call(pool, "supply", genesis.token(dollar).address, amount, supplier, 0, sender=supplier)
        genesis.flush()

    def capabilities(self) -> Sequence[Capability]:
        """One Lending a collateral."""
        return list(self.lendings.values())

    def events(self) -> Mapping[Address, Abi]:
        """See `Protocol.events`."""
        return self.market.abis

    def on_event(self, event: DecodedEvent, now: int) -> Iterable[Notice]:
        """Mirror what concerns accounts, as the pool has it after the block."""
        args = event.args
        if event.name == "ReserveDataUpdated" and args["reserve"] == self._lent.asset:
            self._index.update(args, now)
        elif event.name == "BalanceTransfer":
            for owner in (args["from"], args["to"]):
                yield from self._follow(owner)
        elif event.name in _OWNER:
            yield from self._follow(args[_OWNER[event.name]])
        if event.name == "LiquidationCall":
            yield from self._liquidated(event)

    def _follow(self, owner: Address) -> Iterator[Notice]:
        """Read an account anew. Its debt counts in the first market that it has collateral in."""
        if owner == self.market.treasury:
            return
        scaled = int(self._lent.debt.read(self._chain, "scaledBalanceOf", owner))
        pledged = [(lending, lending.pledged_by(owner)) for lending in self.lendings.values()]
        former = [lending for lending, _ in pledged if lending.book.get(lending.position_id(owner)) is not None]
        debtor = next((lending for lending, amount in pledged if amount), next(iter(former), None))
        for lending, amount in pledged:
            yield from lending.keep(owner, amount, scaled if lending is debtor else 0, self.id)

    def _liquidated(self, event: DecodedEvent) -> Iterator[Notice]:
        lending = next((each for each in self.lendings.values() if each.token == event.args["collateralAsset"]), None)
        if lending is not None and event.args["debtAsset"] == self._lent.asset:
            yield lending.liquidated(event, self.id)

    def parameters(self) -> Mapping[str, Any]:
        """What it was configured with."""
        return self.settings.model_dump(mode="json")

    def sample(self, now: int, price: Callable[[str], float]) -> Sample:
        """See `Protocol.sample`."""
        parts = [lending.sample(now, price) for lending in self.lendings.values()]
        whole = Sample.of_all(parts)
        whole.measures = [*self._totals(price), *whole.measures]
        return whole

    def _totals(self, price: Callable[[str], float]) -> list[Measure]:
        """What the treasury has, which is all there is to cover losses with, and how much is lent."""
        treasury = sum(self._of_treasury(asset) * price(asset) for asset in self.market.reserves)
        lent = from_wad(int(self._lent.debt.read(self._chain, "totalSupply")))
        supplied = from_wad(int(self._lent.receipt.read(self._chain, "totalSupply")))
        return [
            Measure("", "bad_debt_usd", 0.0),  # the pool has no word for it: it stays a debt without collateral
            Measure("", "reserve_usd", treasury),
            Measure("", "utilisation", lent / supplied if supplied else 0.0),
        ]

    def _of_treasury(self, asset: str) -> float:
        """What it holds of an asset [tokens], with the interest that waits to be minted to it."""
        pool, reserve = self.market.pool, self.market.reserves[asset]
        held = int(reserve.receipt.read(self._chain, "balanceOf", self.market.treasury))
        waiting = pool.read(self._chain, "getReserveData", reserve.asset)[_WAITING]
        return from_wad(held + waiting * pool.read(self._chain, "getReserveNormalizedIncome", reserve.asset) // RAY)
