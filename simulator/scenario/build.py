"""From the merged data of a scenario to the frozen `Scenario`, or to everything that is wrong with it."""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime, time
from pathlib import Path as FilePath
from typing import Any, Literal

from pydantic import BaseModel, ValidationError

from simulator.errors import ConfigError
from simulator.market.correlation import CorrelationSettings
from simulator.market.paths import by_need
from simulator.registry import AGENTS, PROCESSES, PROTOCOLS, UserCode, is_import_path, nearest
from simulator.scenario.feeds import feed_problems
from simulator.scenario.files import Source
from simulator.scenario.models import ASSET_TABLES, Asset, Chain, Component, OracleSettings, Scenario, World
from simulator.scenario.problems import ABSENT, Path, Problem, lookup, problems_of
from simulator.scenario.resolved import resolve
from simulator.scenario.target import TargetSettings
from simulator.selling import SellingRule
from simulator.stress.settings import StressSettings

RESERVED = (
    "schema",
    "extends",
    "title",
    "story",
    "world",
    "chain",
    "market",
    "correlation",
    "oracle",
    "stress",
    "target",
)
Kind = Literal["protocol", "agent"]


def plain(value: Any) -> Any:
    """TOML data as JSON has it: times become ISO 8601 text, tuples lists."""
    if isinstance(value, Mapping):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    return value.isoformat() if isinstance(value, datetime | date | time) else value


@dataclass
class Draft:
    """A scenario under validation: its data, and the problems met so far."""

    data: Mapping[str, Any]
    folder: FilePath
    problems: list[Problem] = field(default_factory=list)

    def table(self, key: str) -> Mapping[str, Any]:
        """A top-level table; an absent one is empty."""
        value = self.data.get(key, {})
        if isinstance(value, Mapping):
            return value
        self.problems.append(Problem((key,), "must be a table", value))
        return {}

    def text(self, key: str, default: str) -> str:
        """A top-level text."""
        value = self.data.get(key, default)
        if isinstance(value, str):
            return value
        self.problems.append(Problem((key,), "must be text", value))
        return default

    def model(self, model: type[BaseModel], data: Any, path: Path, also: Iterable[str] = ()) -> Any:
        """A table as an instance of `model`, or None and its problems. `also` are keys that others read there."""
        try:
            return model.model_validate_json(json.dumps(data), strict=True)
        except ValidationError as error:
            self.problems += problems_of(error, model, data, path, also)
            return None

    def refuse(self, error: ConfigError, path: Path, value: Any) -> None:
        """Keep an error of a registry as a problem at `path`."""
        self.problems.append(Problem(path, error.what, value, error.mend))


def build(
    name: str, sources: tuple[Source, ...], data: Mapping[str, Any], changes: Mapping[str, Any]
) -> tuple[Scenario | None, list[Problem]]:
    """The scenario that `data` describes and what is wrong with it: one of the two is empty.

    `changes` are the dotted keys that are in `data` already and in no file.
    """
    source = sources[0].path
    draft = Draft(plain(data), source.parent)
    draft.problems += _of_files(draft.data)
    draft.problems += _twins(draft.data, ())
    world = draft.model(World, draft.table("world"), ("world",))
    chain = draft.model(Chain, draft.table("chain"), ("chain",))
    # Sorted, because neither TOML nor the manifest's JSON has an order that could be told from another.
    markets = draft.table("market")
    market = {asset: _asset(draft, asset, value, world) for asset, value in sorted(markets.items())}
    _check_needs(draft, market)
    correlation = _correlation(draft, markets)
    _check_demand(draft, chain, markets)
    oracle = {asset: _oracle(draft, asset, value, markets) for asset, value in sorted(draft.table("oracle").items())}
    draft.problems += feed_problems(oracle, draft.data)
    stress = draft.model(StressSettings, draft.table("stress"), ("stress",)) if "stress" in draft.data else None
    target = draft.model(TargetSettings, draft.table("target"), ("target",)) if "target" in draft.data else None
    components = _components(draft)
    draft.problems += _unknown_venues(components, market)
    scenario = Scenario(
        name=name,
        title=draft.text("title", name),
        story=draft.text("story", ""),
        world=world,
        chain=chain,
        market=market,
        correlation=correlation,
        oracle=oracle,
        protocols={item.id: item for item in components if item.kind == "protocol"},
        agents={item.id: item for item in components if item.kind == "agent"},
        source=source,
        files=tuple(item.path for item in sources),
        changes=changes,
        resolved={},
        stress=stress,
        target=target,
    )
    if draft.problems:
        return None, draft.problems
    return replace(scenario, resolved=resolve(scenario)), []


def _of_files(data: Mapping[str, Any]) -> list[Problem]:
    """Keys that say how files are read, and come too late in a change."""
    keys = [key for key in ("schema", "extends") if key in data]
    return [Problem((key,), "is for files only", data[key], "write a file that extends this one") for key in keys]


def _twins(value: Any, path: Path) -> Iterator[Problem]:
    """Tables of one list with one id, of which a scenario that extends this one could reach only one."""
    if isinstance(value, Mapping):
        for key, item in value.items():
            yield from _twins(item, (*path, key))
        return
    seen = set()
    for index, item in enumerate(value if isinstance(value, list) else ()):
        name = item.get("id") if isinstance(item, Mapping) else None
        if isinstance(name, str) and name in seen:
            yield Problem((*path, index, "id"), "is taken by another of the list", name, "give each its own id")
        seen.add(name if isinstance(name, str) else None)


def _asset(draft: Draft, asset: str, value: Any, world: World | None) -> Any:
    path = ("market", asset)
    if not isinstance(value, Mapping):
        draft.problems.append(Problem(path, "must be a table", value))
        return None
    process = value.get("process")
    if not isinstance(process, str):
        names = ", ".join(f'"{name}"' for name in PROCESSES.names())
        rule = "is missing" if process is None else "must be text"
        draft.problems.append(Problem((*path, "process"), rule, mend=f"choose one of {names}"))
        return None
    tables = {key: value[key] for key in ASSET_TABLES if value.get(key) is not None}
    own = {key: item for key, item in value.items() if key != "process" and key not in ASSET_TABLES}
    try:
        model = PROCESSES.settings(process)
    except ConfigError as error:
        draft.refuse(error, (*path, "process"), process)
        return None
    settings = draft.model(model, own, path, ("process", *ASSET_TABLES))
    beside = {key: draft.model(ASSET_TABLES[key], table, (*path, key)) for key, table in tables.items()}
    if settings is not None and world is not None:
        _check_process(draft, settings, path, world)
    return Asset(process, settings, **beside)


def _check_process(draft: Draft, settings: Any, path: Path, world: World) -> None:
    """Read the files of a process that has some."""
    start = world.start.timestamp()
    try:
        settings.check(start, start + world.hours * 3600, draft.folder)
    except ConfigError as error:
        draft.problems.append(_path_problem(draft, error, path))
    except (OSError, UnicodeDecodeError) as error:
        draft.problems.append(_path_problem(draft, ConfigError(f"cannot be read: {error}"), path))


def _path_problem(draft: Draft, error: ConfigError, path: Path) -> Problem:
    """What a process refused, at the key that says so; a fault in a file also has its line there."""
    key = error.where if error.where in ("knots", "csv") else "csv"
    value = lookup(draft.data, (*path, key))
    place = "" if error.where in ("", key, value) else f"{error.where}: "
    return Problem((*path, key), f"{place}{error.what}", value, error.mend)


def _check_needs(draft: Draft, market: Mapping[str, Any]) -> None:
    """Assets that are made of others must find them."""
    if any(asset is None or asset.settings is None for asset in market.values()):
        return
    try:
        by_need({name: asset.settings for name, asset in market.items()})
    except ConfigError as error:
        name = error.where.partition(".")[2]
        path = ("market", name, "of")
        draft.problems.append(Problem(path, error.what, lookup(draft.data, path), error.mend))


def _correlation(draft: Draft, markets: Mapping[str, Any]) -> Any:
    if "correlation" not in draft.data:
        return None
    path = ("correlation",)
    settings = draft.model(CorrelationSettings, draft.table("correlation"), path)
    for one, others in settings.pairs.items() if settings else ():
        table = (*path, "pairs", one)
        for asset, place in ((one, table), *((other, (*table, other)) for other in others)):
            if asset not in markets:
                draft.problems.append(Problem(place, f"there is no market.{asset}", mend=_market_like(asset, markets)))
    return settings


def _market_like(asset: str, markets: Mapping[str, Any]) -> str:
    near = nearest(asset, markets)
    return f"the nearest that exists is `market.{near}`" if near else f"add [market.{asset}]"


def _oracle(draft: Draft, asset: str, value: Any, markets: Mapping[str, Any]) -> Any:
    path = ("oracle", asset)
    if asset not in markets:
        what = f"there is no market.{asset} for it to report"
        draft.problems.append(Problem(path, what, mend=_market_like(asset, markets)))
    return draft.model(OracleSettings, value, path)


def _check_demand(draft: Draft, chain: Chain | None, markets: Mapping[str, Any]) -> None:
    """Background demand with a backlog follows a market, which must be there."""
    backlog = chain.demand.backlog if chain is not None and chain.demand is not None else None
    if backlog is None or backlog.asset in markets:
        return
    near = nearest(backlog.asset, markets)
    mend = f"the nearest that exists is `market.{near}`" if near else f"add [market.{backlog.asset}]"
    path = ("chain", "demand", "backlog", "asset")
    draft.problems.append(Problem(path, f"there is no market.{backlog.asset} to follow", backlog.asset, mend))


def _components(draft: Draft) -> list[Component]:
    found = []
    for key, value in sorted(draft.data.items()):
        if key not in RESERVED and (component := _component(draft, key, value)):
            found.append(component)
    return found


def _component(draft: Draft, key: str, value: Any) -> Component | None:
    table = value if isinstance(value, Mapping) else {}
    kinds: list[Kind] = [kind for kind in ("protocol", "agent") if kind in table]
    if len(kinds) != 1:
        draft.problems.append(_neither(draft, key, value) if not kinds else _both(key))
        return None
    kind = kinds[0]
    name, path = table[kind], (key, kind)
    raw = {inner: item for inner, item in table.items() if inner != kind}
    if not isinstance(name, str):
        draft.problems.append(Problem(path, "must be text", name))
        return None
    try:
        if is_import_path(name):
            return Component(key, kind, name, None, raw, UserCode.find(name, draft.folder))
        model = (PROTOCOLS if kind == "protocol" else AGENTS).settings(name)
    except ConfigError as error:
        draft.refuse(error, path, name)
        return None
    return Component(key, kind, name, draft.model(model, raw, (key,), (kind,)), raw)


def _unknown_venues(components: Iterable[Component], market: Mapping[str, Any]) -> Iterator[Problem]:
    """Agents who would sell at a venue that no market has."""
    impacts = [asset.impact for asset in market.values() if asset is not None and asset.impact is not None]
    known = list(dict.fromkeys(name for impact in impacts for name in impact.venues))
    for component in components:
        selling = getattr(component.settings, "selling", None)
        if isinstance(selling, SellingRule) and selling.venue and selling.venue not in known:
            mend = f"the venues are: {', '.join(known)}" if known else "add [market.<ASSET>.impact.venues.<NAME>]"
            yield Problem((component.id, "selling", "venue"), "is a venue of no market", selling.venue, mend)


def _neither(draft: Draft, key: str, value: Any) -> Problem:
    near = nearest(key, {*RESERVED, *draft.data} - {key})
    if not isinstance(value, Mapping):
        return Problem((key,), "unknown key", mend=f"the nearest that exists is `{near}`")
    mend = f'give it protocol = "..." or agent = "..."; the nearest that exists is `{near}`'
    return Problem((key,), "unknown table: neither a section nor a protocol nor an agent", mend=mend)


def _both(key: str) -> Problem:
    return Problem((key,), "is both a protocol and an agent", mend="make two tables of it")


def where(problem: Problem, sources: tuple[Source, ...], overrides: Iterable[Path]) -> str:
    """The flag or the file that holds what is wrong: the nearest file that has the key."""
    holder = next((item for item in sources if problem.path and lookup(item.data, problem.path) is not ABSENT), None)
    in_file = holder is not None and isinstance(lookup(holder.data, problem.path), Mapping)
    for path in overrides:
        within = problem.path[: len(path)] == path
        around = path[: len(problem.path)] == problem.path and not in_file  # a key was set below one that is no table
        if problem.path and (within or around):
            return "--set"
    return (holder or sources[0]).shown
