"""Every key that `--set` reaches, with its value, unit, bounds and meaning."""

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from pydantic import BaseModel

from simulator.market.correlation import CorrelationSettings
from simulator.registry import AGENTS, PROCESSES, PROTOCOLS
from simulator.scenario.models import ASSET_TABLES, Chain, Component, OracleSettings, Scenario, World
from simulator.scenario.problems import dotted
from simulator.scenario.target import TargetSettings
from simulator.stress.settings import StressSettings

DEFAULTS: Mapping[str, Any] = {}  # stands for a table that was not written: its defaults are shown
ABSENT: Mapping[str, Any] = {}  # stands for a table that may be absent and is: nothing in it has a value
_BOUNDS = (("exclusiveMinimum", ">"), ("minimum", ">="), ("exclusiveMaximum", "<"), ("maximum", "<="))


@dataclass(frozen=True)
class Parameter:
    """One key of a scenario."""

    key: str
    value: Any  # plain JSON data; None where nothing is set
    unit: str
    bounds: str  # "> 0, <= 1", or the choices
    meaning: str

    def as_dict(self) -> dict[str, Any]:
        """The object that `--json` prints."""
        return asdict(self)


def scenario_parameters(scenario: Scenario) -> list[Parameter]:
    """The keys of one scenario with their values."""
    data = scenario.resolved
    found = [
        Parameter("title", scenario.title, "", "", "the name people read"),
        Parameter("story", scenario.story, "", "", "what happens and why"),
        *_of_model(World, data["world"], ("world",)),
        *_of_model(Chain, data["chain"], ("chain",)),
    ]
    for asset, item in scenario.market.items():
        table = data["market"][asset]
        found.append(_kind(("market", asset, "process"), item.process, PROCESSES.names()))
        found += _of_model(type(item.settings), table, ("market", asset))
        for key, model in ASSET_TABLES.items():
            found += _of_model(model, table.get(key, ABSENT), ("market", asset, key))
    if scenario.correlation is not None:
        found += _of_model(CorrelationSettings, data["correlation"], ("correlation",))
    for asset, table in data["oracle"].items():
        found += _of_model(OracleSettings, table, ("oracle", asset))
    if scenario.stress is not None:
        found += _of_model(StressSettings, data["stress"], ("stress",))
    if scenario.target is not None:
        found += _of_model(TargetSettings, data["target"], ("target",))
    for component in (*scenario.protocols.values(), *scenario.agents.values()):
        found += _of_component(component, data[component.id])
    return found


def known_parameters() -> list[Parameter]:
    """The keys that any scenario may have, with their defaults; <...> stands for a name of the scenario's own."""
    found = [*_of_model(World, DEFAULTS, ("world",)), *_of_model(Chain, DEFAULTS, ("chain",))]
    found.append(_kind(("market", "<ASSET>", "process"), None, PROCESSES.names()))
    for name in PROCESSES.names():
        found += _of_model(PROCESSES.settings(name), DEFAULTS, ("market", f"<{name} ASSET>"))
    for key, model in ASSET_TABLES.items():
        found += _of_model(model, DEFAULTS, ("market", "<ASSET>", key))
    found += _of_model(CorrelationSettings, DEFAULTS, ("correlation",))
    found += _of_model(OracleSettings, DEFAULTS, ("oracle", "<ASSET>"))
    found += _of_model(StressSettings, DEFAULTS, ("stress",))
    found += _of_model(TargetSettings, DEFAULTS, ("target",))
    for registry in (PROTOCOLS, AGENTS):
        for name in registry.names():
            found += _of_model(registry.settings(name), DEFAULTS, (f"<{name} {registry.kind}>",))
    return found


def _kind(path: tuple[str, ...], value: str | None, names: list[str]) -> Parameter:
    return Parameter(_key(path), value, "", " | ".join(names), "what the table describes; its other keys depend on it")


def _of_component(component: Component, table: Mapping[str, Any]) -> Iterator[Parameter]:
    registry = PROTOCOLS if component.kind == "protocol" else AGENTS
    yield _kind((component.id, component.kind), component.name, registry.names())
    if component.settings is not None:
        yield from _of_model(type(component.settings), table, (component.id,))
        return
    for key, value in component.raw.items():
        yield Parameter(_key((component.id, key)), value, "", "", f"of {component.name}, which a run imports")


def _of_model(model: type[BaseModel], data: Mapping[str, Any], path: tuple[str, ...]) -> Iterator[Parameter]:
    schema = model.model_json_schema()
    yield from _of_table(schema, schema.get("$defs", {}), data, path)


def _of_table(
    schema: Mapping[str, Any], definitions: Mapping[str, Any], data: Mapping[str, Any], path: tuple[str, ...]
) -> Iterator[Parameter]:
    for name, entry in schema.get("properties", {}).items():
        here = (*path, name)
        if kinds := _kinds(entry, definitions):
            yield from _of_list(kinds, definitions, data, here, entry)
            continue
        branches = _branches(entry, definitions)
        table = next((branch for branch in branches if branch.get("type") == "object"), None)
        if table is None:
            value = None if data is ABSENT else data.get(name, entry.get("default"))
            yield Parameter(_key(here), value, entry.get("unit", ""), _bounds(branches), entry.get("description", ""))
            continue
        inner = _table_in(data, name, entry)
        if "properties" in table:
            yield from _of_table(table, definitions, inner, here)
        else:
            yield from _of_mapping(table, definitions, inner, here, entry)


def _kinds(entry: Mapping[str, Any], definitions: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    """The tables that a list may hold by their kind; empty for anything but a list of tables of several kinds."""
    tag = entry.get("items", {}).get("discriminator")
    if not tag:
        return {}
    return {kind: definitions[place.rpartition("/")[2]] for kind, place in tag["mapping"].items()}


def _of_list(
    kinds: Mapping[str, Mapping[str, Any]],
    definitions: Mapping[str, Any],
    data: Mapping[str, Any],
    path: tuple[str, ...],
    entry: Mapping[str, Any],
) -> Iterator[Parameter]:
    """The keys of each table of a list, which `--set` reaches by its id; for all scenarios, those of every kind."""
    tag, items = entry["items"]["discriminator"]["propertyName"], data.get(path[-1], [])
    for item in items:
        yield from _of_table(kinds[item[tag]], definitions, item, (*path, item["id"]))
    if not items:
        yield Parameter(_key(path), items, "", f"{tag}: {' | '.join(kinds)}", entry.get("description", ""))
    if data is DEFAULTS:
        for kind, table in kinds.items():
            yield from _of_table(table, definitions, DEFAULTS, (*path, f"<{kind} ID>"))


def _table_in(data: Mapping[str, Any], name: str, entry: Mapping[str, Any]) -> Mapping[str, Any]:
    if data is DEFAULTS or data is ABSENT:
        return data
    optional = {"type": "null"} in entry.get("anyOf", ())
    found: Mapping[str, Any] = data.get(name) or (ABSENT if optional else DEFAULTS)
    return found


def _of_mapping(
    table: Mapping[str, Any],
    definitions: Mapping[str, Any],
    data: Mapping[str, Any],
    path: tuple[str, ...],
    entry: Mapping[str, Any],
) -> Iterator[Parameter]:
    """The keys of a table whose own keys are names, such as `collateral`; without any, of a placeholder."""
    inner = table.get("additionalProperties")
    branches = _branches(inner, definitions) if isinstance(inner, Mapping) else []
    model = next((branch for branch in branches if "properties" in branch), None)
    names = next((branch for branch in branches if isinstance(branch.get("additionalProperties"), Mapping)), None)
    for name, value in (data or {"<NAME>": None}).items():
        if model is not None:
            yield from _of_table(model, definitions, value or data, (*path, name))
        elif names is not None:
            yield from _of_mapping(names, definitions, value or {}, (*path, name), entry)
        else:
            unit, meaning = entry.get("unit", ""), entry.get("description", "")
            yield Parameter(_key((*path, name)), value, unit, _bounds(branches), meaning)


def _branches(entry: Mapping[str, Any], definitions: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The shapes a value may have, references followed, `null` left out."""
    shapes = entry.get("anyOf") or entry.get("oneOf") or entry.get("allOf") or [entry]
    followed = [definitions[shape["$ref"].rpartition("/")[2]] if "$ref" in shape else shape for shape in shapes]
    return [shape for shape in followed if shape.get("type") != "null"]


def _bounds(branches: list[Mapping[str, Any]]) -> str:
    for branch in branches:
        if "enum" in branch:
            return " | ".join(str(choice) for choice in branch["enum"])
        if "const" in branch:
            return str(branch["const"])
        limits = [f"{sign} {_limit(branch[name])}" for name, sign in _BOUNDS if name in branch]
        if limits:
            return ", ".join(limits)
    return ""


def _limit(value: float) -> str:
    return str(int(value)) if float(value).is_integer() else f"{value:g}"


def _key(path: tuple[str, ...]) -> str:
    """A dotted key; a placeholder stays without quotes."""
    return ".".join(part if part.startswith("<") else dotted((part,)) for part in path)
