"""Toy plug-ins and files for the scenario and command-line tests."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from simulator.registry import AGENTS, PROTOCOLS


class Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Collateral(Frozen):
    liquidation_ratio: float = Field(1.5, gt=1, description="ratio below which it may be liquidated")
    debt_floor: float = Field(20.0, ge=0, description="least debt", json_schema_extra={"unit": "usd"})


class Bank:
    """Lends a little."""

    class Settings(Frozen):
        collateral: dict[str, Collateral] = Field(default_factory=dict, description="by market symbol")


class Leg(Frozen):
    id: str = Field(description="its name")
    size: float = Field(1.0, ge=0, description="how much", json_schema_extra={"unit": "usd"})


class Crab:
    """Walks sideways."""

    class Settings(Frozen):
        count: int = Field(10, ge=0, le=1000, description="how many there are", json_schema_extra={"unit": "count"})
        leverage: float = Field(2.0, gt=0, description="debt over equity", json_schema_extra={"unit": "x"})
        habit: Literal["calm", "panic"] = Field("calm", description="what it does in a storm")
        legs: tuple[Leg, ...] = Field((), description="what it walks on")
        spans: tuple[tuple[float, float], ...] = Field(
            (), description="when it sleeps", json_schema_extra={"unit": "h"}
        )


def forget_the_real_ones(monkeypatch) -> None:
    """Leave only what a test registers: no built-in, and none that an earlier test has loaded."""
    for registry in (PROTOCOLS, AGENTS):
        monkeypatch.setattr(registry, "_places", {})
        toys_alone = {name: found for name, found in registry._classes.items() if found in (Bank, Crab)}
        monkeypatch.setattr(registry, "_classes", toys_alone)


@contextmanager
def toys() -> Iterator[None]:
    """Register the bank and the crab."""
    with PROTOCOLS.registered("bank", Bank), AGENTS.registered("crab", Crab):
        yield


STORM = """
schema = 1
title = "A storm"
story = "It blows."

[world]
start = 2020-03-12T00:00:00Z
hours = 2

[market.ETH]
process = "constant"
price = 100.0

[oracle.ETH]
heartbeat_seconds = 600

[vault]
protocol = "bank"
[vault.collateral.ETH]
liquidation_ratio = 1.2

[crabs]
agent = "crab"
count = 3
legs = [{ id = "left", size = 1.0 }, { id = "right", size = 2.0 }]
"""


def write(folder: Path, name: str, text: str) -> Path:
    """A file of a test."""
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path
