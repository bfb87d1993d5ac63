"""The JSON schema of scenario files, for editors that complete and check TOML.

`python -m simulator.scenario.schema` prints it. It holds every registered protocol, agent and process. Missing keys
are no fault to it, because a file may get them from the one it extends; `wavetank check` finds those.
"""

import json
from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel

from simulator.market.correlation import CorrelationSettings
from simulator.registry import AGENTS, PROCESSES, PROTOCOLS, Registry
from simulator.scenario.files import SCHEMA
from simulator.scenario.models import ASSET_TABLES, Chain, OracleSettings, World
from simulator.scenario.target import TargetSettings
from simulator.stress.settings import StressSettings

DIALECT = "https://json-schema.org/draft/2020-12/schema"
FILE_NAME = "scenario.schema.json"


def scenario_schema() -> dict[str, Any]:
    """The schema of a scenario file as JSON data, draft 2020-12."""
    definitions: dict[str, Any] = {}

    def reference(name: str, model: type[BaseModel], extra: Mapping[str, Any] | None = None) -> dict[str, str]:
        definitions[name] = _table(model, name, definitions, extra or {})
        return {"$ref": f"#/$defs/{name}"}

    tables = {key: _or_removed(reference(key, model)) for key, model in ASSET_TABLES.items()}
    market = _by_kind("process", PROCESSES, reference, tables)
    components = [_by_kind("protocol", PROTOCOLS, reference), _by_kind("agent", AGENTS, reference)]
    return {
        "$schema": DIALECT,
        "title": "Wavetank scenario",
        "type": "object",
        "required": ["schema"],
        "properties": {
            "schema": {"const": SCHEMA, "description": "version of the scenario format"},
            "extends": {"type": "string", "description": "a shipped scenario or a file that this one changes"},
            "title": {"type": "string", "description": "the name people read"},
            "story": {"type": "string", "description": "what happens and why, with its sources"},
            "world": reference("world", World),
            "chain": reference("chain", Chain),
            "market": {"type": "object", "additionalProperties": _or_removed(market)},
            "correlation": _or_removed(reference("correlation", CorrelationSettings)),
            "oracle": {"type": "object", "additionalProperties": _or_removed(reference("oracle", OracleSettings))},
            "stress": _or_removed(reference("stress", StressSettings)),
            "target": _or_removed(reference("target", TargetSettings)),
        },
        "additionalProperties": _or_removed({"type": "object", "allOf": components}),
        "$defs": definitions,
    }


def _table(model: type[BaseModel], name: str, definitions: dict[str, Any], extra: Mapping[str, Any]) -> dict[str, Any]:
    """The schema of a settings model; the models inside it become definitions named after it."""
    text = json.dumps(model.model_json_schema()).replace('"#/$defs/', f'"#/$defs/{name}.')
    table: dict[str, Any] = json.loads(text)
    for inner, definition in table.pop("$defs", {}).items():
        definitions[f"{name}.{inner}"] = _for_files(definition) if "properties" in definition else definition
    table = _for_files(table)
    table["properties"] |= extra
    return table


def _for_files(table: Mapping[str, Any]) -> dict[str, Any]:
    """A model's schema as files see it: no key is required, and `false` stands where the model has None."""
    kept = {key: value for key, value in table.items() if key != "required"}
    properties = table.get("properties", {})
    kept["properties"] = {name: _any_of_kinds(_false_for_null(entry)) for name, entry in properties.items()}
    return kept


def _any_of_kinds(entry: Mapping[str, Any]) -> dict[str, Any]:
    """Without its kind, which the file that is extended may have, a table of a list may fit several."""
    items = entry.get("items", {})
    if "oneOf" not in items:
        return dict(entry)
    kinds = {key: value for key, value in items.items() if key not in {"oneOf", "discriminator"}}
    return {**entry, "items": {**kinds, "anyOf": items["oneOf"]}}


def _false_for_null(entry: Mapping[str, Any]) -> dict[str, Any]:
    shapes = [{"const": False} if shape == {"type": "null"} else shape for shape in entry.get("anyOf", ())]
    kept = {key: value for key, value in entry.items() if key != "default" or value is not None}
    return {**kept, "anyOf": shapes} if shapes else kept


def _by_kind(kind: str, registry: Registry, reference: Any, extra: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """A table whose other keys depend on the registered name at `kind`; other names are a user's own code."""
    cases = [
        {
            "if": {"properties": {kind: {"const": name}}, "required": [kind]},
            "then": reference(f"{kind}.{name}", registry.settings(name), {kind: {"const": name}, **(extra or {})}),
        }
        for name in registry.names()
    ]
    names: dict[str, Any] = {"enum": registry.names()}
    if kind != "process":
        names = {"anyOf": [names, {"type": "string", "pattern": ":", "description": "module:Class or ./file.py:Class"}]}
    return {"type": "object", "properties": {kind: names}, "allOf": cases}


def _or_removed(schema: Mapping[str, Any]) -> dict[str, Any]:
    """`schema`, or `false` to take away what the extended file has there."""
    return {"anyOf": [schema, {"const": False}]}


def schema_text() -> str:
    """The schema as the text of a file."""
    return json.dumps(scenario_schema(), indent=2) + "\n"


if __name__ == "__main__":
    print(schema_text(), end="")
