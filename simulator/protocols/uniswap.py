"""Uniswap V3 by its own bytecode as the pool on chain, with the liquidity of one provider.

The contracts are those of the npm packages @uniswap/v3-core and v3-periphery; nothing of them is in this repository.
"""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, ClassVar, NamedTuple

from pydantic import Field

from simulator.chain.abi import Abi, DecodedEvent
from simulator.chain.artifact_folders import ArtifactFolder
from simulator.chain.base import CallReverted
from simulator.chain.types import ZERO_ADDRESS, Address
from simulator.paths import npm_package
from simulator.protocols.base import Call, Capability, Measure, Notice, Pool, Protocol, Sample
from simulator.protocols.genesis import Contract, Genesis
from simulator.protocols.theirs import Theirs
from simulator.settings import RATIO, SHARE, USD, Settings
from simulator.units import from_wad, to_wad

CORE, CORE_VERSION = "@uniswap/v3-core", "1.0.1"
PERIPHERY, PERIPHERY_VERSION = "@uniswap/v3-periphery", "1.4.4"

_FEE_UNIT = 10**6
_KNOWN_FEES = (500, 3000, 10_000)  # [1e-6] that a factory has from the start
_SPACING = 50  # [1e-6 of fee] for each tick between positions' bounds, as in these
_MAX_TICK = 887_272
_TICK = math.log(1.0001)
_Q96 = 2**96
_NEVER = 2**256 - 1  # [unix s]
_POOL_GAS = 6_000_000
_JUST_INSIDE = 10**12  # the part of a limit by which it stays within the position
_RACED = {
    "Error: Too little received": "the pool moved while it waited",
    "Error: STF": "the token was spent meanwhile",
    "Error: SPL": "the pool came to the end of its liquidity",
    "InsufficientBalance": "the token was spent meanwhile",
}


class UniswapSettings(Settings):
    """A pool of two assets with its first liquidity."""

    base: str = Field("ETH", description="market symbol of the asset that is priced")
    quote: str = Field("DOLLAR", description="market symbol of the asset it is priced in")
    fee: float = Field(0.003, ge=0, lt=0.1, description="of what is sold to it, in millionths", json_schema_extra=SHARE)
    liquidity_usd: float = Field(
        1_000_000.0,
        ge=0,
        description="worth of each side at the start; the quote comes out of what was drawn and sold",
        json_schema_extra=USD,
    )
    range: float = Field(
        0.0,
        ge=0,
        le=1e6,
        description="the position's bounds: the first price times and over 1 + this; 0: every price",
        json_schema_extra=RATIO,
    )


class Bounds(NamedTuple):
    """A position's bounds as ticks, and where swaps end short of them."""

    lower: int
    upper: int
    lowest: int  # square root of the price [X96]; 0: nowhere
    highest: int


def bounds_of(price: float, width: float, spacing: int) -> Bounds:
    """Around a price [token1 per token0]: from price / (1 + width) to price * (1 + width), every price for 0."""
    if not width:
        edge = _MAX_TICK // spacing * spacing
        return Bounds(-edge, edge, 0, 0)
    half = math.log1p(width)
    lower = math.floor((math.log(price) - half) / _TICK / spacing) * spacing
    upper = math.ceil((math.log(price) + half) / _TICK / spacing) * spacing
    ends = [round(math.exp(tick * _TICK / 2) * _Q96) for tick in (lower, upper)]
    return Bounds(lower, upper, ends[0] + ends[0] // _JUST_INSIDE, ends[1] - ends[1] // _JUST_INSIDE)


class UniswapPool(Pool):
    """The pool as agents see it: trades within the position are those of a constant product of virtual reserves."""

    def __init__(self, protocol: "UniswapProtocol", genesis: Genesis) -> None:
        settings = protocol.settings
        self.id = f"{protocol.id}/{settings.base}-{settings.quote}"
        self.assets = (settings.base, settings.quote)
        tokens = [genesis.token(asset) for asset in self.assets]
        self.tokens = (tokens[0].address, tokens[1].address)
        self.millionths = round(settings.fee * _FEE_UNIT)
        self.fee = self.millionths / _FEE_UNIT
        self.liquidity = 0  # [square root of token0 * token1]
        self.root = 0  # square root of the price, token1 per token0 [X96]
        self.base_first = int(self.tokens[0], 16) < int(self.tokens[1], 16)
        self.bounds = Bounds(0, 0, 0, 0)
        self._chain = genesis.chain
        self._place(genesis, tuple(token.abi for token in tokens))

    def _place(self, genesis: Genesis, libraries: tuple[Abi, ...]) -> None:
        core = Theirs(genesis, ArtifactFolder(npm_package(CORE, CORE_VERSION) / "artifacts"))
        periphery = Theirs(genesis, ArtifactFolder(npm_package(PERIPHERY, PERIPHERY_VERSION) / "artifacts"))
        factory = core.deploy("UniswapV3Factory")
        self.spacing = max(1, self.millionths // _SPACING)
        if self.millionths not in _KNOWN_FEES:
            genesis.call(factory, "enableFeeAmount", self.millionths, self.spacing)
        data = factory.encode("createPool", *self.tokens, self.millionths)
        genesis.send(genesis.deployer, factory.address, data, "createPool", factory.abi, _POOL_GAS)
        genesis.flush()
        where = Address(factory.read(genesis.chain, "getPool", *self.tokens, self.millionths))
        self.contract = core.at("UniswapV3Pool", where, libraries)
        ether = ZERO_ADDRESS  # wrapped ether, which nobody uses here
        self.router = periphery.deploy("SwapRouter", factory.address, ether, libraries=libraries)
        self._quoter = periphery.deploy("Quoter", factory.address, ether)
        self.manager = periphery.deploy(
            "NonfungiblePositionManager", factory.address, ether, ZERO_ADDRESS, libraries=libraries
        )
        self.spender = self.router.address

    def in_order(self, base: Any, quote: Any) -> tuple[Any, Any]:
        """What belongs to base and quote in the order of the pool's tokens."""
        return (base, quote) if self.base_first else (quote, base)

    def limit(self, sell_base: bool) -> int:
        """Where a swap ends, 0 for nowhere."""
        return self.bounds.lowest if sell_base == self.base_first else self.bounds.highest

    @property
    def reserves(self) -> tuple[int, int]:  # type: ignore[override]
        """The virtual ones [wad]: what a pool over every price would hold that trades alike here."""
        if not self.liquidity or not self.root:
            return 0, 0
        first, second = self.liquidity * _Q96 // self.root, self.liquidity * self.root // _Q96
        return (first, second) if self.base_first else (second, first)

    def held(self) -> tuple[float, float]:
        """What base and quote are in it [tokens], its fees aside."""
        if not self.liquidity or not self.root:
            return 0.0, 0.0
        root, amount = self.root / _Q96, from_wad(self.liquidity)
        lower, upper = (math.exp(tick * _TICK / 2) for tick in (self.bounds.lower, self.bounds.upper))
        inside = min(max(root, lower), upper)
        first, second = amount * (1 / inside - 1 / upper), amount * (inside - lower)
        return (first, second) if self.base_first else (second, first)

    def most(self, sell_base: bool) -> int:
        """See `Pool.most`: up to the position's bound."""
        end = self.limit(sell_base)
        if not end or not self.root:
            return super().most(sell_base)
        if sell_base == self.base_first:
            taken = self.liquidity * _Q96 * max(0, self.root - end) // (self.root * end)
        else:
            taken = self.liquidity * max(0, end - self.root) // _Q96
        return int(taken * _FEE_UNIT // (_FEE_UNIT - self.millionths))

    def swap(self, sell_base: bool, amount: int, min_out: int, to: Address) -> Call:
        """See `Pool.swap`, through the router."""
        sold, bought = self.tokens if sell_base else (self.tokens[1], self.tokens[0])
        terms = (sold, bought, self.millionths, to, _NEVER, amount, min_out, self.limit(sell_base))
        return Call(self.spender, self.router.encode("exactInputSingle", terms), 350_000, "swap", self.id, _RACED)

    def quote(self, sell_base: bool, amount: int) -> int:
        """See `Pool.quote`; 0 at the end of its liquidity."""
        sold, bought = self.tokens if sell_base else (self.tokens[1], self.tokens[0])
        terms = (sold, bought, self.millionths, amount, self.limit(sell_base))
        try:
            return int(self._quoter.read(self._chain, "quoteExactInputSingle", *terms))
        except CallReverted:
            return 0


class UniswapProtocol(Protocol):
    """One pool of Uniswap V3."""

    Settings: ClassVar[Any] = UniswapSettings
    trades: ClassVar[int] = 1
    settings: UniswapSettings

    def deploy(self, genesis: Genesis) -> None:
        """See `Protocol.deploy`; contracts that trade on a pool of ours find one that looks like it."""
        self.pool = pool = UniswapPool(self, genesis)
        base, quote = (genesis.price(asset) for asset in pool.assets)
        first, second = pool.in_order(base, quote)
        pool.bounds = bounds_of(first / second, self.settings.range, pool.spacing)
        root = math.isqrt((to_wad(first) << 192) // to_wad(second))
        genesis.call(pool.contract, "initialize", root)
        genesis.flush()
        pool.root = root
        tokens, limits = pool.in_order(*pool.tokens), (pool.bounds.lowest, pool.bounds.highest)
        venue = genesis.deploy("RouterVenue", pool.router.address, tokens, pool.millionths, limits)
        genesis.pools[pool.assets] = venue

    def seed(self, genesis: Genesis) -> None:
        """Mint the position at the reference prices."""
        worth, pool = self.settings.liquidity_usd, self.pool
        if not worth:
            return
        provider = genesis.account(f"{self.id}/provider").address
        amounts = [to_wad(worth / genesis.price(asset)) for asset in pool.assets]
        for asset, amount in zip(pool.assets, amounts, strict=True):
            genesis.bring(self.id, asset, provider, amount, f"liquidity_usd = {worth:g}")
            genesis.approve(asset, provider, pool.manager.address)
        tokens, (first, second) = pool.in_order(*pool.tokens), pool.in_order(*amounts)
        ticks = (pool.bounds.lower, pool.bounds.upper)
        terms = (*tokens, pool.millionths, *ticks, first, second, 0, 0, provider, _NEVER)
        genesis.call(pool.manager, "mint", terms, sender=provider)
        genesis.flush()

    def capabilities(self) -> Sequence[Capability]:
        """See `Protocol.capabilities`."""
        return [self.pool]

    def events(self) -> Mapping[Address, Abi]:
        """See `Protocol.events`."""
        contract: Contract = self.pool.contract
        return {contract.address: contract.abi}

    def on_event(self, event: DecodedEvent, now: int) -> Iterable[Notice]:
        """A change of price or liquidity is a `pool` notice."""
        pool, args = self.pool, event.args
        if event.name == "Swap":
            pool.root = args["sqrtPriceX96"]
            pool.liquidity = args["liquidity"] or pool.liquidity
        elif event.name in ("Mint", "Burn"):
            pool.liquidity = int(pool.contract.read(pool._chain, "liquidity"))
        else:
            return ()
        return (Notice("pool", self.id, pool.id, {"capability": pool.id}),)

    def sample(self, now: int, price: Callable[[str], float]) -> Sample:
        """Price and depth of the pool."""
        pool = self.pool
        usd = price(pool.assets[1])
        base, quote = pool.held()
        worth = (base * pool.price + quote) * usd
        measures = [Measure(pool.id, "pool_price_usd", pool.price * usd), Measure(pool.id, "pool_liquidity_usd", worth)]
        return Sample(measures=measures if pool.liquidity else [])
