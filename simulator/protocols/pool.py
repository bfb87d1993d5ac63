"""Our constant-product pool as a venue on chain."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, ClassVar

from pydantic import Field

from simulator.chain.abi import Abi, DecodedEvent
from simulator.chain.types import Address
from simulator.errors import ConfigError
from simulator.protocols.base import Call, Capability, Measure, Notice, Pool, Protocol, Sample
from simulator.protocols.genesis import Genesis
from simulator.settings import SHARE, USD, Settings
from simulator.units import from_wad, to_wad

_RACED = {
    "Slippage": "the pool moved while it waited",
    "InsufficientBalance": "the token was spent meanwhile",
    "TransferFromFailed": "the token was spent meanwhile",
}


class PoolSettings(Settings):
    """A pool of two assets with its first liquidity."""

    base: str = Field("ETH", description="market symbol of the asset that is priced")
    quote: str = Field("DOLLAR", description="market symbol of the asset it is priced in")
    fee: float = Field(0.003, ge=0, lt=0.1, description="of what is sold to it", json_schema_extra=SHARE)
    liquidity_usd: float = Field(
        1_000_000.0,
        ge=0,
        description="worth of each side at the start; the quote comes out of what was drawn and sold",
        json_schema_extra=USD,
    )


class ConstantProduct(Pool):
    """The pool as agents see it."""

    def __init__(self, protocol: "PoolProtocol", genesis: Genesis, *, attach: bool) -> None:
        settings = protocol.settings
        self.id = f"{protocol.id}/{settings.base}-{settings.quote}"
        self.assets = (settings.base, settings.quote)
        tokens = [genesis.token(asset) for asset in self.assets]
        self.tokens = (tokens[0].address, tokens[1].address)
        self.fee = settings.fee
        self.reserves = (0, 0)
        libraries = [token.abi for token in tokens]
        self.contract = (
            genesis.find("ConstantProductPool", libraries)
            if attach
            else genesis.deploy("ConstantProductPool", *self.tokens, to_wad(settings.fee), libraries=libraries)
        )
        self.spender = self.contract.address
        self._chain = genesis.chain
        self._base_first = Address(genesis.ask(self.contract, "token0")) == self.tokens[0]

    def swap(self, sell_base: bool, amount: int, min_out: int, to: Address) -> Call:
        """See `Pool.swap`."""
        token = self.tokens[0 if sell_base else 1]
        data = self.contract.encode("swap", token, amount, min_out, to)
        return Call(self.contract.address, data, 250_000, "swap", self.id, _RACED)

    def quote(self, sell_base: bool, amount: int) -> int:
        """See `Pool.quote`."""
        token = self.tokens[0 if sell_base else 1]
        return int(self.contract.read(self._chain, "previewSwap", token, amount))

    def on_sync(self, reserve0: int, reserve1: int) -> None:
        """Mirror the reserves."""
        self.reserves = (reserve0, reserve1) if self._base_first else (reserve1, reserve0)


class PoolProtocol(Protocol):
    """One constant-product pool."""

    Settings: ClassVar[Any] = PoolSettings
    trades: ClassVar[int] = 1
    settings: PoolSettings

    def deploy(self, genesis: Genesis) -> None:
        """See `Protocol.deploy`."""
        self._begin(genesis, attach=False)

    def attach(self, genesis: Genesis) -> None:
        """See `Protocol.attach`. It has its liquidity, fee and tokens."""
        self._begin(genesis, attach=True)
        contract = self.pool.contract
        tokens = {Address(genesis.ask(contract, name)) for name in ("token0", "token1")}
        if tokens != set(self.pool.tokens):
            raise ConfigError(
                f"the pool at {contract.address} is not of {' and '.join(self.pool.assets)}",
                where=self.id,
                mend="set base and quote to what it trades",
            )
        self.pool.fee = from_wad(genesis.ask(contract, "fee"))
        self.pool.on_sync(*genesis.ask(contract, "reserves"))

    def _begin(self, genesis: Genesis, *, attach: bool) -> None:
        self._attached = attach
        self.pool = ConstantProduct(self, genesis, attach=attach)
        genesis.pools[self.pool.assets] = self.pool.contract

    def seed(self, genesis: Genesis) -> None:
        """Add the first liquidity at the reference prices."""
        if self._attached:
            return
        base, quote = self.pool.assets
        worth = self.settings.liquidity_usd
        if not worth:
            return
        amounts = [to_wad(worth / genesis.price(asset)) for asset in (base, quote)]
        available = genesis.float_of(quote) if genesis.is_drawn(quote) else amounts[1]
        if available < amounts[1]:
            raise ConfigError(
                f"liquidity_usd = {worth:g}, but only {from_wad(available):,.0f} {quote} were drawn and sold",
                where=self.id,
                mend="lower it, or raise the borrowers' debt",
            )
        provider = genesis.account(f"{self.id}/provider").address
        for asset, amount in zip((base, quote), amounts, strict=True):
            genesis.endow(asset, provider, amount)
            genesis.approve(asset, provider, self.pool.spender)
        genesis.flush()
        first, second = amounts if self.pool._base_first else reversed(amounts)
        genesis.call(self.pool.contract, "addLiquidity", first, second, provider, sender=provider)
        genesis.flush()

    def capabilities(self) -> Sequence[Capability]:
        """See `Protocol.capabilities`."""
        return [self.pool]

    def events(self) -> Mapping[Address, Abi]:
        """See `Protocol.events`."""
        return {self.pool.contract.address: self.pool.contract.abi}

    def on_event(self, event: DecodedEvent, now: int) -> Iterable[Notice]:
        """A change of the reserves is a `pool` notice."""
        if event.name == "Sync":
            self.pool.on_sync(event.args["reserve0"], event.args["reserve1"])
            return (Notice("pool", self.id, self.pool.id, {"capability": self.pool.id}),)
        return ()

    def sample(self, now: int, price: Callable[[str], float]) -> Sample:
        """Price and depth of the pool."""
        base, quote = self.pool.reserves
        usd = price(self.pool.assets[1])
        measures = [
            Measure(self.pool.id, "pool_price_usd", self.pool.price * usd),
            Measure(self.pool.id, "pool_liquidity_usd", 2 * from_wad(quote) * usd),
        ]
        return Sample(measures=measures if base else [])
