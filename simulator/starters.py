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

_AUDIT = Template("""\
# A gate for CI: `wavetank audit $name.toml` exits 0 where every rule holds, 1 where one is broken, 3 where runs do not
# tell. Rules read metrics (`wavetank list metrics`) or parameters, and are judged for each scenario apart.

[audit]
scenarios = [
    "flash-crash",
    { name = "oracle-stall", id = "stale-hour", set = { "world.hours" = 5, "oracle.ETH.outages" = [[2.0, 3.0]] } },
    { name = "neutral-calm", set = { "world.hours" = 12, "traders.count" = 40 } },
    { name = "flash-crash-hedge", set = { "world.hours" = 5, "traders.count" = 40 } },
]
seeds = 300         # runs of each scenario; a 95 % bound of a p99 takes 299
max_seeds = 2000    # and more, up to these, while a rule is not decided
# baseline = "audit-baseline.json"    # `wavetank audit $name.toml --update-baseline` writes it

# ------------------------------------------------------------------- lenders

[[rule]]
id = "BAD-DEBT"
require = "p99(bad_debt_ratio) <= 0.1%"
why = "Ninety-nine days in a hundred leave at most a thousandth of the debt without cover."
scenarios = ["flash-crash", "stale-hour"]

[[rule]]
id = "RESERVE"
require = "es95(bad_debt_net_usd) <= 0 usd"
why = "The mean loss of the worst twentieth of days is at most what the protocol has put by."
scenarios = ["flash-crash", "stale-hour"]

[[rule]]
id = "SOLVENCY"
require = "rate(insolvent > 0) <= 1%"
why = "On one day in a hundred at most the bad debt exceeds the reserve."
scenarios = ["flash-crash"]

[[rule]]
id = "PROFIT"
require = "p10(profitable_liquidation_share) >= 90%"
why = "Liquidators come only while they earn: after slippage and gas, for nine tenths of the value."
scenarios = ["flash-crash", "stale-hour"]

[[rule]]
id = "TOXICITY"
require = "max(liquidation_toxicity_max) <= 0.97"
why = "A liquidation must leave its position safer: threshold times (1 + all collateral taken over debt repaid, less 1)."
scenarios = ["flash-crash", "stale-hour"]

[[rule]]
id = "STALE-HOUR"
require = "rate(insolvent > 0) <= 1%"
why = "A reporter that is silent for an hour of a fall is survived."
scenarios = ["stale-hour"]

[[rule]]
id = "CASCADE"
require = "p95(cascade_amplification) <= 1.5"
why = "What is sold by force may deepen a fall by half at most."
scenarios = ["flash-crash", "stale-hour"]

# ------------------------------------------------------------- hedged vaults

[[rule]]
id = "HEDGE-CALM"
require = "p10(hedge_effectiveness) >= 90%"
why = "In calm weather the hedge takes nine tenths of the variance away."
scenarios = ["neutral-calm"]

[[rule]]
id = "HEDGE-STORM"
require = "p10(hedge_effectiveness) >= 70%"
why = "In a storm it takes seven tenths away, while trades are dear and the oracle is late."
scenarios = ["flash-crash-hedge"]

[[rule]]
id = "HEDGE-DELTA"
require = "p90(delta_abs_p99) <= 5%"
why = "Delta is further than 5 % of net assets from what is wanted in one block of a hundred at most."
scenarios = ["neutral-calm", "flash-crash-hedge"]
""")

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
        """Put the contracts on the chain; `read_artifact(path)` takes those of Foundry, Hardhat and Brownie."""
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
        return [_write(folder / f"{name}.toml", _AUDIT.substitute(name=name))]
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
