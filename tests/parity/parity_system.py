"""Everything that ships, deployed and used on a chain: the ground that random transactions fall on.

Three collaterals, one for each way of liquidation and of telling a price: ETH (fixed spread, a feed with guards), BTC
(8 decimals, ascending auction, delayed feed), LINK (descending auction, a feed to switch to its pool's mean). Two
pools, a flash liquidator for each of the two collaterals that can be bought with borrowed Dollar, a perpetual future on
ETH in Dollar, a lending pool and a vault of each strategy, a market of options with a clearinghouse over it, wallets
that call for anybody, and some programs.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any

from evm_programs import Programs, caller_back, init_code, through_wallet, wallet
from parity_option_system import deploy_options, fill_options
from parity_perp_system import deploy_perps, fill_perps
from parity_vault_system import deploy_vaults, fill_vaults

from simulator.chain.abi import Abi
from simulator.chain.accounts import Account, account
from simulator.chain.artifacts import Artifact, load_artifact
from simulator.chain.base import CallReverted, Chain
from simulator.chain.compare import Decoder
from simulator.chain.revm import RevmChain
from simulator.chain.types import ZERO_ADDRESS, Address, BlockEnv, Outcome
from simulator.protocols.cdp import Cdp, CdpSettings, symbol
from simulator.protocols.genesis import Contract, Genesis
from simulator.protocols.oracle import OracleProtocol
from simulator.protocols.pool import PoolProtocol, PoolSettings
from simulator.scenario.models import OracleSettings
from simulator.units import WAD

START = 1_700_000_000
GAS_LIMIT = 16_000_000
COINBASE = Address("0x" + "c0" * 20)
PRICES = {"ETH": 2000.0, "BTC": 40_000.0, "LINK": 10.0, "DOLLAR": 1.0}
DECIMALS = {"ETH": 18, "BTC": 8, "LINK": 18}
USERS = 14
KINDS = (
    "PushFeed", "GuardedFeed", "DelayedFeed", "FeedSwitch", "TwapFeed", "RateFeed", "UptimeFeed", "SequencerGuard",
    "CollateralToken", "Dollar", "CdpEngine", "EnglishAuction",
    "DutchAuction", "FlashLiquidator", "ConstantProductPool", "PerpMarket",
    "PerpPool", "Backstop", "LendingPool", "HedgedVault", "DeltaNeutral", "CrossHedge", "CdpCarry", "Overlay",
    "OptionMath", "VolSurface", "ExpiryPrice", "OptionMarket", "OverlayPlan", "DownAndOutPut", "PowerPerp",
    "VarianceSwap",
    "Clearinghouse", "StandardRisk", "PortfolioRisk",
    "OptionInstrument", "PerpInstrument", "PowerInstrument", "SwapInstrument",
)  # fmt: skip

_ORACLES = {
    "ETH": OracleSettings(
        max_age_seconds=900, min_price=100, max_price=100_000, max_jump=0.35, sequencer_grace_seconds=60
    ),
    "BTC": OracleSettings(delay_seconds=60),
    "LINK": OracleSettings(source="twap", pool="pool-LINK", window_seconds=120),
}
_TERMS = {"stability_fee": 0.08, "debt_floor": 100.0, "debt_ceiling": 50_000_000.0}
_COLLATERAL: dict[str, Any] = {
    "ETH": {"liquidation": "fixed", "protocol_fee": 0.2, "close_factor": 0.4, **_TERMS},
    "BTC": {
        "liquidation": "english",
        "english": {"lot_size": 0.6, "bid_minutes": 2, "auction_minutes": 10},
        **_TERMS,
    },
    "LINK": {
        "liquidation": "dutch",
        "dutch": {
            "lot_size": 2000, "step_seconds": 12, "step": 0.97, "max_drop": 0.5, "reset_minutes": 8,
            "keeper_tip": 5, "keeper_share": 0.01, "debt_cap": 200_000,
        },
        **_TERMS,
    },
}  # fmt: skip


def new_revm(gas_mode: str = "exact") -> RevmChain:
    """The embedded chain, under the constants that every chain here has."""
    return RevmChain(gas_mode, gas_limit=GAS_LIMIT, coinbase=COINBASE)


@dataclass(frozen=True)
class Instance:
    """A deployed contract: `main` is part of the system, others somebody created to do as he likes with."""

    kind: str
    address: Address
    abi: Abi
    main: bool = True


@dataclass
class System:
    """The deployed contracts and who lives among them. Equal on every chain that it is built on."""

    chain: Chain
    seed: int
    number: int = 0
    time: int = START
    instances: list[Instance] = field(default_factory=list)
    keys: dict[Address, bytes] = field(default_factory=dict)
    genesis_blocks: list[tuple[BlockEnv, Sequence[Outcome]]] = field(default_factory=list)
    programs: list[Address] = field(default_factory=list)
    _views: dict[tuple[Address, str, tuple[Any, ...]], Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.decoder = Decoder(names={COINBASE: "coinbase", ZERO_ADDRESS: "zero"})
        self.errors = Abi([]).merged(*(load_artifact(kind).abi for kind in KINDS))
        self.genesis = Genesis(
            self.chain,
            seed=self.seed,
            start=START,
            begin=START - 3600,
            gas_limit=GAS_LIMIT,
            prices=PRICES,
            observe=lambda env, outcomes: self.genesis_blocks.append((env, outcomes)),
        )
        self.chain.fund(COINBASE, 1)  # an account that is there, whether or not a block has paid it yet
        self._deploy()
        self._endow()
        self._open_positions()
        self.genesis.advance_to(START)
        self.number = self.genesis.number

    # ------------------------------------------------------------------ set-up

    def _person(self, name: str) -> Address:
        made: Account = self.genesis.account(name)
        self.keys[made.address] = made.key
        self.decoder.add(made.address, name)
        return made.address

    def _deploy(self) -> None:
        genesis = self.genesis
        for asset, places in DECIMALS.items():
            genesis.tokens[asset] = genesis.deploy("CollateralToken", asset, asset, places)
        self.oracle = OracleProtocol(_ORACLES, PRICES)
        self.oracle.deploy(genesis)
        self.cdp = Cdp("cdp", CdpSettings(collateral=_COLLATERAL))
        self.cdp.deploy(genesis)
        self.pools = [PoolProtocol(f"pool-{a}", PoolSettings(base=a, liquidity_usd=400_000)) for a in ("ETH", "LINK")]
        for pool in self.pools:
            genesis.scope = pool.id
            pool.deploy(genesis)
        self.prices = PRICES
        self.push: dict[str, Address] = {
            asset: feed.oracle.push.address  # type: ignore[attr-defined]
            for asset, feed in genesis.feeds.items()
        }
        self.perps = deploy_perps(genesis, self.cdp.dollar.address, self.push["ETH"])
        self.ids = {asset: symbol(asset) for asset in DECIMALS}
        self.pool_contracts = [protocol.pool.contract for protocol in self.pools]
        self.options = deploy_options(self)
        self.vaults = deploy_vaults(self)
        self.deployer, self.exchange = self._person("deployer"), self._person("exchange")
        self.reporters = {asset: self._person(f"reporter/{asset}") for asset in DECIMALS}
        self.watchman = self._person("uptime/ETH")  # of the one feed that knows of a sequencer
        self.users = [self._person(f"user{number}") for number in range(USERS)]
        self.flash_owner = self.users[0]
        for asset in ("ETH", "LINK"):
            self.cdp.collaterals[asset].deploy_flash(genesis, self.flash_owner)
        genesis.flush()
        self._deploy_rate()
        self._deploy_probes()
        for contract in genesis.deployed:
            self._keep(contract)
        self._name_by_place()

    def _deploy_rate(self) -> None:
        """A feed by an exchange rate, which the reporter of ETH writes; nobody lends on it."""
        genesis, reporter = self.genesis, self.reporters["ETH"]
        rate = genesis.deploy("PushFeed", genesis.deployer, reporter, 8, "a rate")
        genesis.call(rate, "report", round(PRICES["ETH"] * 10**8), sender=reporter)
        genesis.flush()
        genesis.deploy("RateFeed", genesis.feeds["BTC"].consumer, rate.address, WAD // 10, 900)

    def _deploy_probes(self) -> None:
        """Wallets, a borrower who comes back into the lender, and random programs."""
        genesis = self.genesis
        bare = [genesis.deploy(Artifact("Wallet", Abi([]), init_code(wallet()), "")) for _ in range(2)]
        self.wallets = [contract.address for contract in bare]
        again = self.cdp.dollar.encode("flashLoan", self.wallets[0], self.cdp.dollar.address, 0, b"")
        self.reenterer = genesis.deploy(Artifact("Reenterer", Abi([]), init_code(caller_back(again)), "")).address
        programs = Programs(Random(self.seed), self.lookable)
        for number in range(8):
            code = init_code(programs.runtime())
            self.programs.append(genesis.deploy(Artifact(f"Program{number}", Abi([]), code, "")).address)

    def _keep(self, contract: Contract) -> None:
        if contract.name in KINDS:
            self.instances.append(Instance(contract.name, contract.address, load_artifact(contract.name).abi))
        self.decoder.add(contract.address, contract.name, contract.abi)

    def _name_by_place(self) -> None:
        for asset, token in self.genesis.tokens.items():
            self.decoder.add(token.address, f"{token.name}:{asset}")
        self.houses = {a: c.house.contract for a, c in self.cdp.collaterals.items() if c.house}
        self.spenders = [self.cdp.engine.address, *(h.address for h in self.houses.values())]
        self.spenders += [pool.address for pool in self.pool_contracts]
        self.spenders += [contract.address for contract in (*self.perps[:2], *self.vaults[:2], *self.vaults[3::2])]
        self.spenders += self.options.spenders

    def _endow(self) -> None:
        genesis = self.genesis
        holders = [*self.users, *self.wallets]
        for holder in holders:
            for asset, price in PRICES.items():
                if asset != "DOLLAR":
                    genesis.endow(asset, holder, round(2_000_000 / price * 10 ** DECIMALS[asset]))
        for user in self.users:
            for asset in PRICES:
                for spender in self.spenders:
                    genesis.approve(asset, user, spender)
        for holder in self.wallets:
            for asset, token in genesis.tokens.items():
                for spender in (*self.spenders, *([token.address] if asset == "DOLLAR" else [])):
                    data = through_wallet(token.address, token.encode("approve", spender, 2**256 - 1))
                    genesis.send(self.deployer, holder, data, "approve")
        genesis.flush()

    def _open_positions(self) -> None:
        """Everybody draws in every collateral; the first user's Dollar fill the pools."""
        genesis, engine, rng = self.genesis, self.cdp.engine, Random(self.seed)
        for number, user in enumerate(self.users):
            for asset, id in self.ids.items():
                worth = 1_500_000 if number == 0 else rng.uniform(5_000, 60_000)
                collateral = round(worth / PRICES[asset] * WAD)
                debt = round(worth / rng.uniform(1.52, 2.5) * WAD)
                genesis.call(engine, "adjust", id, user, collateral, debt, sender=user)
        dollar = self.cdp.dollar
        genesis.call(dollar, "transfer", self.exchange, 1_500_000 * WAD, sender=self.users[0])
        for holder in self.wallets:
            genesis.call(dollar, "transfer", holder, 50_000 * WAD, sender=self.exchange)
        genesis.flush()
        fill_perps(self)
        fill_options(self)
        for pool in self.pools:
            genesis.scope = pool.id
            pool.seed(genesis)
            self.users.append(self._person(f"{pool.id}/provider"))
        fill_vaults(self)
        self.oracle.seed(genesis)
        for contract in genesis.deployed:
            if contract.name == "TwapFeed":
                self._keep(contract)
        self.users.append(self.exchange)

    # ------------------------------------------------------------------- views

    def link_source(self) -> Address:
        """What LINK's switch should be on: the mean of its pool once there is one, else the reporter's feed."""
        twap = self.of_kind("TwapFeed", main=True)[0]
        found: Address = self.genesis.feeds["LINK"].oracle.push.address  # type: ignore[attr-defined]
        return found if self.ask(twap, "price") is None else twap.address

    def new_block(self) -> None:
        """Forget what views answered."""
        self._views.clear()

    def read(self, address: Address, abi: Abi, function: str, *args: Any) -> Any:
        """The answer of a view at the end of the latest block, None where it reverts."""
        key = (address, function, args)
        if key not in self._views:
            try:
                entry = abi.functions[function]
                self._views[key] = entry.decode(self.chain.call(address, entry.encode(*args)))
            except (CallReverted, ValueError):
                self._views[key] = None
        return self._views[key]

    def ask(self, contract: Contract | Instance, function: str, *args: Any) -> Any:
        """`read` of a contract."""
        return self.read(contract.address, contract.abi, function, *args)

    def of_kind(self, *kinds: str, main: bool | None = None) -> list[Instance]:
        """Every contract of these kinds."""
        return [i for i in self.instances if i.kind in kinds and (main is None or i.main == main)]

    def lookable(self) -> list[Address]:
        """Accounts that code may look at and send to; never the coinbase, which is paid at the end of a block."""
        precompiles = [Address(f"0x{number:040x}") for number in range(1, 10)]
        strangers = [account(self.seed, f"stranger{number}").address for number in range(4)]
        contracts = [contract.address for contract in self.genesis.deployed]
        return [*self.users[:6], *self.programs[:12], *contracts[:8], *precompiles, *strangers, ZERO_ADDRESS]
