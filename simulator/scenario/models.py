"""What a scenario is made of: frozen, bounded, each key with its unit and meaning.

Sizes of zero are legal everywhere: no hours, no agents, no demand.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import AwareDatetime, Field, ValidationInfo, field_validator

from simulator.gas_price import GasRule
from simulator.market.correlation import CorrelationSettings
from simulator.market.demand import DemandSettings
from simulator.market.funding import FundingSettings
from simulator.market.impact import ImpactSettings
from simulator.market.surface import VolatilitySettings
from simulator.oracle_faults import OracleFault, SourceSettings, check_sources, in_order
from simulator.registry import AGENTS, PROTOCOLS, UserCode
from simulator.scenario.target import TargetSettings
from simulator.settings import ANNUAL, COUNT, GWEI, HOURS, MINUTES, SECONDS, SHARE, USD, Settings
from simulator.stress.settings import StressSettings


class World(Settings):
    """When the storm blows, how long, and with which random numbers."""

    start: AwareDatetime = Field(
        datetime(2024, 1, 1, tzinfo=UTC), description="time of the first block", json_schema_extra={"unit": "utc"}
    )
    hours: float = Field(24.0, ge=0, le=87_600, description="length of the run", json_schema_extra=HOURS)
    seed: int = Field(1, ge=0, lt=2**63, description="root of every random stream; --seed replaces it")
    sample_minutes: float = Field(
        10.0,
        ge=0,
        description="time between records of positions and measures; 0 records at every block",
        json_schema_extra=MINUTES,
    )


class ForkSettings(Settings):
    """Another node's state, on top of which the storm blows."""

    url: str = Field(description="http:// address of the node", pattern=r"^https?://")
    block: int | None = Field(None, ge=0, description="the block whose state it is; absent: the latest")
    deployment: str = Field(
        "", description="file that a devnet wrote of the contracts there, relative to the scenario; they are attached"
    )
    contracts: dict[str, str] = Field(
        default_factory=dict,
        description="addresses of contracts to attach, by keys as in cdp/CdpEngine or oracle/ETH/PushFeed",
    )


class Chain(Settings):
    """The blocks: how often, how large, at what price, and who else wants them."""

    block_seconds: int = Field(12, ge=1, le=86_400, description="time between blocks", json_schema_extra=SECONDS)
    gas_limit: int = Field(
        30_000_000, ge=5_000, le=2**53, description="gas that fits a block", json_schema_extra={"unit": "gas"}
    )
    fee_mode: Literal["eip1559", "legacy"] = Field(
        "eip1559", description="fee market: with a base fee, or the first-price auction before August 2021"
    )
    base_fee_gwei: float = Field(
        1.0, ge=0, le=1e9, description="base fee of the first block, in eip1559 only", json_schema_extra=GWEI
    )
    missed_slots: float = Field(
        0.0, ge=0, lt=1, description="probability that a slot stays without a block", json_schema_extra=SHARE
    )
    outages: tuple[tuple[float, float], ...] = Field(
        (),
        description="spans [from, to] without blocks, as when a rollup's sequencer is down; the pool waits",
        json_schema_extra=HOURS,
    )
    id: int = Field(31337, ge=1, lt=2**63, description="chain id that contracts and signatures see")
    coinbase: str = Field(
        "0x00000000000000000000000000000000c01bba5e",
        pattern=r"^0x[0-9a-fA-F]{40}$",
        description="address that earns the tips",
        json_schema_extra={"unit": "address"},
    )
    demand: DemandSettings | None = Field(None, description="the rest of Ethereum; absent: the blocks are ours alone")
    fork: ForkSettings | None = Field(None, description="start from another node's state; absent: from nothing")

    _outages_in_order = field_validator("outages")(in_order)


class OracleSettings(Settings):
    """One price feed: when its reporter writes, and what its consumer accepts."""

    heartbeat_seconds: int = Field(
        3600, ge=0, description="longest time between reports; 0: no heartbeat", json_schema_extra=SECONDS
    )
    deviation: float = Field(
        0.005,
        ge=0,
        le=1e6,
        description="relative change of the price that makes the reporter write; 0: the heartbeat alone",
        json_schema_extra=SHARE,
    )
    latency_seconds: float = Field(
        0.0, ge=0, description="time from seeing a price to sending it", json_schema_extra=SECONDS
    )
    watches_on: bool = Field(
        True,
        description="whether it watches prices while a report is on its way; else it looks again once that is sent",
    )
    delay_seconds: int = Field(
        0,
        ge=0,
        description="time a price waits in DelayedFeed before the protocol uses it; 0: no delay",
        json_schema_extra=SECONDS,
    )
    max_age_seconds: int = Field(
        0,
        ge=0,
        description="age at which an answer (a mean, a rate) counts as stale; 0: never",
        json_schema_extra=SECONDS,
    )
    min_price: float = Field(0.0, ge=0, description="GuardedFeed refuses less; 0: no bound", json_schema_extra=USD)
    max_price: float = Field(0.0, ge=0, description="GuardedFeed refuses more; 0: no bound", json_schema_extra=USD)
    max_jump: float = Field(
        0.0,
        ge=0,
        description="relative change between two rounds that GuardedFeed refuses to exceed; 0: no bound",
        json_schema_extra=SHARE,
    )
    source: Literal["push", "twap", "rate"] = Field(
        "push",
        description="where the price is from: what a reporter writes, the mean of a pool over a window, or another "
        "asset's feed times an exchange rate that the reporter writes",
    )
    pool: str = Field("", description="twap: id of the pool's table, as in pool")
    window_seconds: int = Field(
        1800, ge=60, le=604_800, description="twap: time that the mean is over", json_schema_extra=SECONDS
    )
    observations: int = Field(
        7,
        ge=2,
        le=256,
        description="twap: observations kept, so that it is renewed each window / (observations - 1)",
        json_schema_extra=COUNT,
    )
    underlying: str = Field("", description="rate: the asset whose feed is multiplied, as in ETH")
    max_growth: float = Field(
        0.1,
        ge=0,
        le=1,
        description="rate: most that counts of its growth, linear from the start",
        json_schema_extra=ANNUAL,
    )
    sequencer_grace_seconds: int = Field(
        0,
        ge=0,
        le=604_800,
        description="time after a rollup's sequencer came back in which there is no price; 0: no such guard",
        json_schema_extra=SECONDS,
    )
    gas: GasRule = Field(default_factory=GasRule, description="what the reporter pays for its gas")
    outages: tuple[tuple[float, float], ...] = Field(
        (),
        description="spans [from, to] in which the reporter is silent: stalls in short form",
        json_schema_extra=HOURS,
    )
    sources: SourceSettings = Field(
        default_factory=SourceSettings, description="what the reporter looks at: it reports their median"
    )
    faults: tuple[OracleFault, ...] = Field(
        (), description="how it fails and when: a list of tables with id, kind, from, to and the kind's own keys"
    )

    _outages_in_order = field_validator("outages")(in_order)

    @field_validator("faults")
    @classmethod
    def _sources_exist(cls, faults: tuple[OracleFault, ...], info: ValidationInfo) -> tuple[OracleFault, ...]:
        if sources := info.data.get("sources"):
            check_sources(faults, sources.count)
        source = info.data.get("source", "push")
        if faults and source != "push":
            raise ValueError(f'are of prices that a reporter writes, not of source = "{source}"; outages silence any')
        return faults


@dataclass(frozen=True)
class Asset:
    """A reference market: the price process, and what selling does to it."""

    process: str  # the registered name
    settings: Any  # of the process: its `Settings`
    impact: ImpactSettings | None = None  # None: any size trades at the going price
    funding: FundingSettings | None = None  # None: it has no perpetual
    implied_volatility: VolatilitySettings | None = None  # None: it has no options


# The tables that a market of any process may have, by the name of the field that holds them.
ASSET_TABLES: Mapping[str, type[Settings]] = MappingProxyType(
    {"impact": ImpactSettings, "funding": FundingSettings, "implied_volatility": VolatilitySettings}
)


@dataclass(frozen=True)
class Component:
    """A protocol or an agent of the scenario.

    `settings` is None for a user's own code that was not imported yet: see `import_user_code`.
    """

    id: str
    kind: Literal["protocol", "agent"]
    name: str  # the registered name or the import path
    settings: Any  # of its class: its `Settings`
    raw: Mapping[str, Any]  # the table as the files and flags have it, without the name
    code: UserCode | None = None  # where the class is when it is a user's own

    @property
    def implementation(self) -> Any:
        """The class, imported now if it was not."""
        if self.code is not None:
            return self.code.load()
        return (PROTOCOLS if self.kind == "protocol" else AGENTS).get(self.name)


@dataclass(frozen=True)
class Scenario:
    """A storm, ready to run."""

    name: str
    title: str
    story: str
    world: World
    chain: Chain
    market: Mapping[str, Asset]
    correlation: CorrelationSettings | None  # None: every asset by itself
    oracle: Mapping[str, OracleSettings]
    protocols: Mapping[str, Component]
    agents: Mapping[str, Component]
    source: Path  # the file it was loaded from; paths in it are relative to its folder
    files: tuple[Path, ...]  # the source and what it extends, nearest first
    changes: Mapping[str, Any]  # dotted keys that were set from outside the files
    resolved: Mapping[str, Any]  # all of it as plain JSON data, defaults filled in: the manifest's `scenario`
    stress: StressSettings | None = None  # None: flags of `wavetank stress` say it all
    target: TargetSettings | None = None  # None: no contracts but ours, and what plug-ins bring

    @property
    def times(self) -> NDArray[np.float64]:
        """When its blocks are [s since the start], the start itself first."""
        steps = -(-round(self.world.hours * 3600) // self.chain.block_seconds)
        return np.arange(steps + 1, dtype=float) * self.chain.block_seconds

    @property
    def user_code(self) -> tuple[UserCode, ...]:
        """The places of a user's own code that the scenario names, each once."""
        found = {component.code: None for component in (*self.protocols.values(), *self.agents.values())}
        return tuple(code for code in found if code is not None)
