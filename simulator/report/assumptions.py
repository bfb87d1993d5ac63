"""The resolved settings of a scenario as a table a person can read, with the unit and meaning of each."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from simulator.errors import ConfigError
from simulator.registry import AGENTS, PROCESSES, PROTOCOLS, is_import_path
from simulator.report.wording import NBSP, number

Schema = Mapping[str, Any]

_FIRST = ("world", "chain", "market", "oracle")
_LIST_SHOWN = 4
_UNITS = {"usd": "USD", "share": "", "utc": "UTC", "count": "", "x": "times", "address": ""}  # where shown otherwise


@dataclass(frozen=True)
class Assumption:
    """One setting: its key within the section, its value, and where they are known its unit and meaning."""

    key: str
    value: str
    unit: str
    meaning: str


@dataclass(frozen=True)
class Section:
    """A table of the scenario."""

    name: str
    rows: tuple[Assumption, ...]


def assumptions(scenario: Mapping[str, Any]) -> list[Section]:
    """The settings of a scenario, a section for each of its tables: world and markets, protocols, agents."""
    found = [
        Section(name, tuple(_rows(table, schema, schema.get("$defs", {}))))
        for name, table, schema in sorted(_tables(scenario), key=lambda entry: _rank(entry[0], entry[1]))
    ]
    return [section for section in found if section.rows]


def _rank(name: str, table: Mapping[str, Any]) -> tuple[int, str]:
    head = name.partition(".")[0]
    if head in _FIRST:
        return _FIRST.index(head), name
    return len(_FIRST) + ("agent" in table), name  # an agent may name its protocol too


def _tables(scenario: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any], Schema]]:
    """Each table with the schema of its settings; an empty one where that is a user's own code, which is not run."""
    from simulator.market.correlation import CorrelationSettings
    from simulator.scenario.models import Chain, OracleSettings, World

    for name, table in scenario.items():
        if not isinstance(table, Mapping):
            continue
        if name == "world":
            yield name, table, World.model_json_schema()
        elif name == "chain":
            yield name, table, Chain.model_json_schema()
        elif name == "correlation":
            yield name, table, CorrelationSettings.model_json_schema()
        elif name == "oracle":
            yield from ((f"oracle.{asset}", feed, OracleSettings.model_json_schema()) for asset, feed in table.items())
        elif name == "market":
            yield from ((f"market.{asset}", market, _market_schema(market)) for asset, market in table.items())
        elif "agent" in table:
            yield name, table, _registered_schema(AGENTS, table["agent"])
        else:
            yield name, table, _registered_schema(PROTOCOLS, table.get("protocol"))


def _market_schema(market: Mapping[str, Any]) -> Schema:
    from simulator.scenario.models import ASSET_TABLES

    schema = dict(_registered_schema(PROCESSES, market.get("process")))
    tables = {key: model.model_json_schema() for key, model in ASSET_TABLES.items()}
    definitions = {
        name: inner for table in (schema, *tables.values()) for name, inner in table.get("$defs", {}).items()
    }
    return {**schema, "properties": {**schema.get("properties", {}), **tables}, "$defs": definitions}


def _registered_schema(registry: Any, name: Any) -> Schema:
    if not isinstance(name, str) or is_import_path(name):
        return {}
    try:
        schema: Schema = registry.settings(name).model_json_schema()
    except ConfigError:  # a plug-in of the machine that made the run
        return {}
    return schema


def _rows(table: Mapping[str, Any], schema: Schema, definitions: Schema, prefix: str = "") -> Iterator[Assumption]:
    for key, value in table.items():
        entry = _entry(schema, key)
        if isinstance(value, Mapping):
            yield from _rows(value, _object_in(entry, definitions), definitions, f"{prefix}{key}.")
        elif _is_list_of_tables(value):
            for item in value:
                inner = _object_in(entry.get("items", {}), definitions, item)
                named = {name: part for name, part in item.items() if name != "id"}
                yield from _rows(named, inner, definitions, f"{prefix}{key}.{item['id']}.")
        else:
            unit: str = entry.get("unit", "")
            meaning = entry.get("description", "")
            yield Assumption(f"{prefix}{key}", _shown(value, unit), _UNITS.get(unit, unit), meaning)


def _entry(schema: Schema, key: str) -> Schema:
    """What a schema says of one key; of any key where its keys are names."""
    properties = schema.get("properties", {})
    found = properties.get(key) or schema.get("additionalProperties")
    return found if isinstance(found, Mapping) else {}


def _is_list_of_tables(value: Any) -> bool:
    is_list = isinstance(value, list | tuple) and bool(value)
    return is_list and all(isinstance(item, Mapping) and "id" in item for item in value)


def _object_in(entry: Schema, definitions: Schema, table: Mapping[str, Any] | None = None) -> Schema:
    """The table that an entry allows, references followed; of several kinds, the one of `table`."""
    tag = entry.get("discriminator")
    if tag and table is not None:
        place = tag["mapping"].get(table.get(tag["propertyName"]), "")
        kind: Schema = definitions.get(place.rpartition("/")[2], {})
        return kind
    for branch in entry.get("anyOf") or entry.get("oneOf") or entry.get("allOf") or [entry]:
        followed: Schema = definitions[branch["$ref"].rpartition("/")[2]] if "$ref" in branch else branch
        if "properties" in followed or "additionalProperties" in followed:
            return followed
    return {}


def _shown(value: Any, unit: str) -> str:
    if isinstance(value, list | tuple):
        return _list_shown(value)
    if unit == "share" and isinstance(value, int | float) and not isinstance(value, bool):
        return f"{number(100 * value, 6)}{NBSP}%"
    return _item_shown(value)


def _list_shown(values: list[Any] | tuple[Any, ...]) -> str:
    """A list, by its ends when it is long."""
    items = [_item_shown(item) for item in values]
    if len(items) <= _LIST_SHOWN:
        return ", ".join(items) or "none"
    return f"{len(items)} entries: {items[0]}, {items[1]}, … {items[-1]}"


def _item_shown(item: Any) -> str:
    if item is None:
        return "none"
    if isinstance(item, bool):
        return "yes" if item else "no"
    if isinstance(item, list | tuple):
        return "[" + ", ".join(_item_shown(part) for part in item) + "]"
    if isinstance(item, Mapping):
        return "{" + ", ".join(f"{key} = {_item_shown(part)}" for key, part in item.items()) + "}"
    if isinstance(item, int):
        return f"{item:,}"
    return f"{item:,.10g}" if isinstance(item, float) else str(item)
