"""Small working examples to start from: `wavetank new scenario|audit|plugin|agent NAME`."""

import re
from pathlib import Path
from string import Template

from simulator.errors import ConfigError

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]*\Z")

_SCENARIO = Template('''\
#:schema ./scenario.schema.json
schema = 1
extends = "calm"    # a shipped scenario or a file; what stands below changes it
title = "$title"
story = """
What happens, why it could, and where the numbers come from."""

[world]
hours = 6
seed = 1

# `wavetank list parameters $name.toml` prints every key with its unit, bounds and meaning.
''')

_PLUGIN = Template('''\
"""A protocol plug-in. In a scenario:

    [$id]
    protocol = "./$file:$class_name"
    asset = "GOLD"
"""

from collections.abc import Iterable, Mapping, Sequence

from pydantic import Field

from simulator.chain.abi import Abi, DecodedEvent
from simulator.chain.artifacts import load_artifact
from simulator.chain.types import Address
from simulator.protocols.base import Capability, Notice, Protocol
from simulator.protocols.genesis import Contract, Genesis
from simulator.settings import Settings as Table


class $class_name(Protocol):
    """A token under a market symbol: put your own contracts in its place."""

    token: Contract

    class Settings(Table):
        """Its table in a scenario."""

        asset: str = Field("GOLD", description="market symbol of the token")

    def deploy(self, genesis: Genesis) -> None:
        """Put the contracts on the chain.

        With [target] artifacts = "out" in the scenario (or artifacts of Hardhat, build of Brownie),
        `genesis.target.deploy("Vault", *args)` takes them from there, with the libraries that they need.
        """
        asset = self.settings.asset
        self.token = genesis.deploy(load_artifact("CollateralToken"), asset, asset, 18)
        genesis.tokens[asset] = self.token

    def capabilities(self) -> Sequence[Capability]:
        """What agents may use: Lending, Auction, Pool or Oracle objects."""
        return ()

    def events(self) -> Mapping[Address, Abi]:
        """The contracts to listen to."""
        return {self.token.address: self.token.abi}

    def on_event(self, event: DecodedEvent, now: int) -> Iterable[Notice]:
        """Mirror an event, and say in neutral words what it means to agents and metrics."""
        return ()
''')

_AGENT = Template('''\
"""An agent. In a scenario:

    [$id]
    agent = "./$file:$class_name"
    count = 3
"""

from pydantic import Field

from simulator.agents.base import Agent, AgentSettings, Life
from simulator.protocols.genesis import Genesis
from simulator.settings import SHARE, TOKENS
from simulator.units import to_wad


class $class_name(Agent):
    """Sells what it has when the price has fallen far enough: put your own behaviour in its place."""

    class Settings(AgentSettings):
        """Its table in a scenario."""

        asset: str = Field("ETH", description="market symbol of what it holds")
        amount: float = Field(10.0, ge=0, description="what it starts with", json_schema_extra=TOKENS)
        drop: float = Field(0.05, ge=0, lt=1, description="fall at which it sells", json_schema_extra=SHARE)

    def prepare(self, genesis: Genesis) -> None:
        """Bring what it starts with, before the storm."""
        genesis.endow(self.settings.asset, self.desk.address, to_wad(self.settings.amount))

    def life(self) -> Life:
        """Sleep until the price has fallen, then sell everything."""
        asset = self.settings.asset
        first = self.desk.market.price(asset)
        yield self.desk.below(asset, first * (1 - self.settings.drop))
        yield from self.desk.sell(asset, self.desk.balance(asset))
''')

_PYTHON = {"plugin": _PLUGIN, "agent": _AGENT}


def write_starter(kind: str, name: str, folder: Path) -> list[Path]:
    """Write the example of `kind` called `name` into `folder` and give its files, the main one first.

    Raises `ConfigError` for a name that makes no file and for a file that is there already.
    """
    if not _NAME.match(name):
        raise ConfigError(
            f'"{name}" makes no file name', where=f"new {kind}", mend="use letters, digits, - and _, a letter first"
        )
    if kind == "scenario":
        path = _write(folder / f"{name}.toml", _SCENARIO.substitute(name=name, title=_words(name).capitalize()))
        return [path, *_schema_beside(folder)]
    if kind == "audit":
        from simulator.audit.starter import audit_text

        return [_write(folder / f"{name}.toml", audit_text(name))]
    module = name.replace("-", "_").lower()
    class_name = "".join(word.capitalize() for word in re.split("[-_]", name))
    text = _PYTHON[kind].substitute(id=module, file=f"{module}.py", class_name=class_name)
    return [_write(folder / f"{module}.py", text)]


def _write(path: Path, text: str) -> Path:
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        raise ConfigError("is there already", where=str(path), mend="take another name or remove it") from None
    return path


def _schema_beside(folder: Path) -> list[Path]:
    """The schema that editors complete with, unless the folder has one."""
    from simulator.scenario.schema import FILE_NAME, schema_text

    path = folder / FILE_NAME
    return [] if path.exists() else [_write(path, schema_text())]


def _words(name: str) -> str:
    return " ".join(re.split("[-_]", name))
