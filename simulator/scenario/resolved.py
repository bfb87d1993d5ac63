"""A scenario as plain data with every default filled in: what the manifest keeps and `list parameters` shows."""

from typing import Any

from simulator.scenario.files import SCHEMA
from simulator.scenario.models import ASSET_TABLES, Asset, Scenario


def resolve(scenario: Scenario) -> dict[str, Any]:
    """The scenario as plain JSON data with every default filled in: but for its name, a scenario file of its own."""
    components = (*scenario.protocols.values(), *scenario.agents.values())
    return {
        "schema": SCHEMA,
        "name": scenario.name,
        "title": scenario.title,
        "story": scenario.story,
        "world": dump(scenario.world),
        "chain": dump(scenario.chain),
        "market": {asset: _dump_asset(item) for asset, item in scenario.market.items()},
        **({} if scenario.correlation is None else {"correlation": dump(scenario.correlation)}),
        "oracle": {asset: dump(item) for asset, item in scenario.oracle.items()},
        **({} if scenario.stress is None else {"stress": dump(scenario.stress)}),
        **({} if scenario.target is None else {"target": dump(scenario.target)}),
        **{item.id: {item.kind: item.name, **(dump(item.settings) or item.raw)} for item in components},
    }


def dump(settings: Any) -> dict[str, Any]:
    """Settings as plain JSON data; those of code that was not imported yet are empty."""
    return {} if settings is None else dict(settings.model_dump(mode="json", exclude_none=True, by_alias=True))


def _dump_asset(asset: Asset) -> dict[str, Any]:
    tables = {key: dump(table) for key in ASSET_TABLES if (table := getattr(asset, key)) is not None}
    return {"process": asset.process, **dump(asset.settings), **tables}
