"""The table `[stress]` of a scenario: what is too long for a command line. Flags replace it key by key."""

from typing import Literal

from pydantic import Field

from simulator.settings import COUNT, Settings

Value = bool | int | float | str
Sampling = Literal["grid", "sobol", "lhs", "saltelli"]


class StressSettings(Settings):
    """What `wavetank stress` varies, how often it runs, and what must hold."""

    vary: dict[str, str | tuple[Value, ...]] = Field(
        default_factory=dict,
        description='what to vary: "LO..HI[:N][:log]", or a list of values, by the dotted key in quotes',
    )
    sampling: Sampling = Field(
        "grid", description="every value with every other, or points drawn over all keys together (Sobol, hypercube)"
    )
    points: int | None = Field(
        None,
        ge=1,
        le=1_000_000,
        description="points drawn by sobol (best a power of two) and lhs",
        json_schema_extra=COUNT,
    )
    seeds: int = Field(
        100, ge=1, le=10_000_000, description="runs of each point, at most, with seeds that follow each other",
        json_schema_extra=COUNT,
    )  # fmt: skip
    require: tuple[str, ...] = Field((), description='what must hold, as in "p99(bad_debt_ratio) <= 0.5%"')
    until: str = Field(
        "", description='when a point has runs enough, as in "p99(bad_debt_ratio) +- 0.1%"; empty: after all its seeds'
    )
    importance: int = Field(
        0,
        ge=0,
        le=100_000,
        description="pilot runs, up to five times as many, after which jumps are drawn so that rare losses are common "
        "and every run is weighted; 0: jumps are drawn as they are",
        json_schema_extra=COUNT,
    )
    search: int = Field(
        0,
        ge=0,
        le=100_000,
        description="most further points that Optuna proposes, for a more efficient one that keeps the rules",
        json_schema_extra=COUNT,
    )
    efficiency: str = Field(
        "", description="what is made as large as the rules allow: a metric, param(KEY) or 1/param(KEY); empty: a guess"
    )
