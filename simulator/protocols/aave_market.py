"""A market of Aave V3, deployed out of the contracts that its npm package has compiled."""

from collections.abc import Mapping
from dataclasses import dataclass

from simulator.chain.abi import Abi
from simulator.chain.artifact_folders import ArtifactFolder
from simulator.chain.artifacts import load_artifact
from simulator.chain.types import ZERO_ADDRESS, Address
from simulator.paths import npm_package
from simulator.protocols.aave_settings import AaveCollateralSettings, AaveSettings
from simulator.protocols.genesis import Contract, Genesis
from simulator.protocols.theirs import Theirs
from simulator.units import RAY, to_fixed

PACKAGE, VERSION = "@aave/core-v3", "1.19.3"
BASIS_POINTS = 10_000
ORACLE_UNIT = 10**8  # of its prices, in dollars

_DECIMALS = 18
_LARGE = 5_000_000  # gas of a call that creates contracts
_GUARDS = ("GuardedFeed", "DelayedFeed", "TwapFeed", "SequencerGuard", "CollateralToken")
_STABLE_OFF = (0, 0, 0, 0, 0)  # nobody borrows at a stable rate


@dataclass(frozen=True)
class Reserve:
    """An asset of the market."""

    asset: Address
    receipt: Contract  # AToken
    debt: Contract  # VariableDebtToken


class AaveMarket:
    """The contracts: a provider of addresses, the pool and its configurator behind proxies, an oracle, reserves."""

    def __init__(self, genesis: Genesis, settings: AaveSettings, sources: Mapping[str, Address]) -> None:
        self._genesis = genesis
        self._theirs = Theirs(genesis, ArtifactFolder(npm_package(PACKAGE, VERSION) / "artifacts"))
        self._errors = tuple(load_artifact(name).abi for name in _GUARDS)  # of what the pool calls
        admin = genesis.deployer
        self.treasury = genesis.account(f"{genesis.scope}/treasury").address
        self._provider = self._theirs.deploy("PoolAddressesProvider", "Wavetank", admin)
        genesis.call(self._provider, "setACLAdmin", admin)
        access = self._theirs.deploy("ACLManager", self._provider.address)
        genesis.call(self._provider, "setACLManager", access.address)
        genesis.call(access, "addPoolAdmin", admin)
        self.pool = self._behind_proxy("Pool", "setPoolImpl", "getPool", self._provider.address)
        self._configurator = self._behind_proxy("PoolConfigurator", "setPoolConfiguratorImpl", "getPoolConfigurator")
        self.oracle = self._oracle(sources)
        self.reserves = self._reserves(settings, list(sources))
        self._configure(settings)

    def _behind_proxy(self, name: str, setter: str, getter: str, *args: Address) -> Contract:
        genesis = self._genesis
        implementation = self._theirs.deploy(name, *args)
        data = self._provider.encode(setter, implementation.address)
        genesis.send(genesis.deployer, self._provider.address, data, f"{name} proxy", self._provider.abi, _LARGE)
        genesis.flush()
        return self._theirs.at(name, Address(self._provider.read(genesis.chain, getter)), self._errors)

    def _oracle(self, sources: Mapping[str, Address]) -> Contract:
        genesis = self._genesis
        assets = [genesis.token(asset).address for asset in sources]
        oracle = self._theirs.deploy(
            "AaveOracle",
            self._provider.address,
            assets,
            list(sources.values()),
            ZERO_ADDRESS,  # no fallback
            ZERO_ADDRESS,  # prices are in dollars
            ORACLE_UNIT,
            libraries=self._errors,
        )
        genesis.call(self._provider, "setPriceOracle", oracle.address)
        return oracle

    def _reserves(self, settings: AaveSettings, assets: list[str]) -> dict[str, Reserve]:
        genesis, theirs, pool = self._genesis, self._theirs, self.pool.address
        tokens = [theirs.deploy(name, pool).address for name in ("AToken", "StableDebtToken", "VariableDebtToken")]
        shares = (settings.optimal_usage, settings.base_rate, settings.slope, settings.steep_slope)
        rates = [to_fixed(share, RAY) for share in shares]
        strategy = theirs.deploy(
            "DefaultReserveInterestRateStrategy", self._provider.address, *rates, *_STABLE_OFF
        ).address
        for asset in assets:
            names = (
                f"Aave {asset}",
                f"a{asset}",
                f"Aave debt {asset}",
                f"d{asset}",
                f"Aave fixed {asset}",
                f"s{asset}",
            )
            token = genesis.token(asset).address
            entry = (*tokens, _DECIMALS, strategy, token, self.treasury, ZERO_ADDRESS, *names, b"")
            data = self._configurator.encode("initReserves", [entry])
            genesis.send(
                genesis.deployer, self._configurator.address, data, "initReserves", self._configurator.abi, _LARGE
            )
        genesis.flush()
        return {asset: self._reserve(genesis.token(asset).address) for asset in assets}

    def _reserve(self, token: Address) -> Reserve:
        data = self.pool.read(self._genesis.chain, "getReserveData", token)
        receipt, _, debt = (Address(each) for each in data[8:11])
        return Reserve(token, self._theirs.at("AToken", receipt), self._theirs.at("VariableDebtToken", debt))

    def _configure(self, settings: AaveSettings) -> None:
        call, configurator = self._genesis.call, self._configurator
        for asset, collateral in settings.collateral.items():
            token = self.reserves[asset].asset
            call(configurator, "configureReserveAsCollateral", token, *_terms(collateral))
            call(configurator, "setLiquidationProtocolFee", token, _points(collateral.protocol_fee))
        lent = self.reserves[settings.dollar].asset
        call(configurator, "setReserveBorrowing", lent, True)
        call(configurator, "setReserveFlashLoaning", lent, True)
        call(configurator, "updateFlashloanPremiumTotal", _points(settings.flash_premium))
        call(configurator, "setReserveFactor", lent, _points(settings.reserve_factor))
        self._genesis.flush()

    @property
    def abis(self) -> Mapping[Address, Abi]:
        """Of the contracts whose events tell what positions do."""
        receipts = {reserve.receipt.address: reserve.receipt.abi for reserve in self.reserves.values()}
        return {self.pool.address: self.pool.abi, **receipts}


def _points(share: float) -> int:
    return round(share * BASIS_POINTS)


def _terms(settings: AaveCollateralSettings) -> tuple[int, int, int]:
    bonus = BASIS_POINTS + _points(settings.liquidation_bonus)
    return _points(settings.ltv), _points(settings.liquidation_threshold), bonus
