"""What is wrong with a scenario, said in one line each: file, key, the value seen, the rule, how to mend it."""

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, time
from typing import Annotated, Any, Literal, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo

from simulator.errors import ConfigError
from simulator.registry import nearest

Key = str | int
Path = tuple[Key, ...]
_BARE = re.compile(r"[A-Za-z0-9_-]+\Z")
_FALLBACK = "`wavetank list parameters` prints every key and its bounds"
_SHOWN = 60  # characters of a value in a message
ABSENT: Any = object()


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong at one key."""

    path: Path
    rule: str  # "must be > 0"
    value: Any = ABSENT
    mend: str = ""

    def error(self, where: str) -> ConfigError:
        """The error a command prints, found in the file or flag `where`."""
        seen = "" if self.value is ABSENT else f" = {shown(self.value)}"
        key = f"{dotted(self.path)}{seen}: " if self.path else ""
        return ConfigError(f"{key}{self.rule}", where=where, mend=self.mend or _FALLBACK)


def dotted(path: Iterable[Key]) -> str:
    """A path as people write it: `agents[0].leverage`."""
    text = ""
    for key in path:
        if isinstance(key, int):
            text += f"[{key}]"
        else:
            text += ("." if text else "") + (key if _BARE.match(key) else f'"{key}"')
    return text


def toml(value: Any) -> str:
    """A plain value as TOML has it, on one line."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False)
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{dotted((key,))} = {toml(item)}" for key, item in value.items()) + "}"
    if isinstance(value, Sequence):
        return "[" + ", ".join(toml(item) for item in value) + "]"
    return value.isoformat() if isinstance(value, date | time) else str(value)


def shown(value: Any) -> str:
    """A value as a message has it: as TOML, and cut when long."""
    text = toml(value)
    return text if len(text) <= _SHOWN else text[: _SHOWN - 1] + "…"


def lookup(data: Any, path: Iterable[Key]) -> Any:
    """What stands at a path, or `ABSENT`."""
    for key in path:
        is_list = isinstance(data, Sequence) and not isinstance(data, str)
        found = isinstance(key, int) and key < len(data) if is_list else isinstance(data, Mapping) and key in data
        if not found:
            return ABSENT
        data = data[key]
    return data


def unknown_key(path: Path, known: Iterable[str]) -> Problem:
    """A key that nothing reads."""
    near = nearest(str(path[-1]), known)
    mend = f"the nearest that exists is `{dotted((*path[:-1], near))}`" if near else "remove it"
    return Problem(path, "unknown key", mend=mend)


def problems_of(
    error: ValidationError, model: type[BaseModel], data: Any, prefix: Path, also: Iterable[str] = ()
) -> list[Problem]:
    """The problems of a table at `prefix` that `model` refused, at most one a key. `also` are more keys it may have.

    Unknown keys come first: a key that is missing is often the one that was written wrongly.

    Where a value may have several shapes, pydantic complains once for each: the complaint that got deepest is kept,
    and complaints at one key are joined.
    """
    found: dict[Path, list[Any]] = {}
    for detail in error.errors(include_url=False, include_context=True):
        found.setdefault(_real_path(detail, data) + _tag_of(detail), []).append(detail)
    deepest = [path for path in found if not any(_is_below(other, path) for other in found)]
    deepest.sort(key=lambda path: found[path][0]["type"] != "extra_forbidden")
    return [_problem(path, found[path], model, data, prefix, also) for path in deepest]


def _is_below(path: Path, other: Path) -> bool:
    return len(path) > len(other) and path[: len(other)] == other


def _real_path(detail: Any, data: Any) -> Path:
    """The location of a complaint without the names of union members that pydantic puts into it."""
    path: Path = ()
    *parents, last = _without_kinds(detail["loc"], data) or ("",)
    for key in parents:
        if lookup(data, (*path, key)) is not ABSENT:
            path += (key,)
    if last != "" and (detail["type"] == "missing" or lookup(data, (*path, last)) is not ABSENT):
        path += (last,)
    return path


def _without_kinds(location: Iterable[Key], data: Any) -> Path:
    """A location without the kind that pydantic puts behind a table of a list which has one: a key may be named so."""
    path: Path = ()
    behind: Path = ()  # the table whose kind is left out already
    for key in location:
        table = lookup(data, path)
        is_item = bool(path) and isinstance(path[-1], int) and isinstance(table, Mapping)
        if is_item and path != behind and table.get("kind") == key:
            behind = path
        else:
            path += (key,)
    return path


def _tag_of(detail: Any) -> Path:
    """The key that says which shape a table has, where the complaint is of that; pydantic puts it at the table."""
    if not detail["type"].startswith("union_tag"):
        return ()
    return (detail["ctx"]["discriminator"].strip("'"),)


def _problem(
    path: Path, details: list[Any], model: type[BaseModel], data: Any, prefix: Path, also: Iterable[str]
) -> Problem:
    first = details[0]
    here = prefix + path
    if first["type"] == "extra_forbidden":
        owner = _model_at(model, path[:-1], data)
        known = [*(_fields(owner) if owner else ()), *(also if len(path) == 1 else ())]
        return unknown_key(here, known)
    mend = _meaning(model, path[:-1] if _tag_of(first) else path, data)
    if first["type"] in {"missing", "union_tag_not_found"}:
        return Problem(here, "is missing", mend=mend)
    rules = dict.fromkeys(_rule(detail) for detail in details)
    value = lookup(data, path)
    return Problem(here, " or ".join(rules), value if path else ABSENT, mend)


_RULES = {
    "greater_than": "must be > {gt}",
    "greater_than_equal": "must be >= {ge}",
    "less_than": "must be < {lt}",
    "less_than_equal": "must be <= {le}",
    "multiple_of": "must be a multiple of {multiple_of}",
    "finite_number": "must be finite",
    "int_type": "must be a whole number",
    "int_parsing": "must be a whole number",
    "int_from_float": "must be a whole number",
    "float_type": "must be a number",
    "float_parsing": "must be a number",
    "string_type": "must be text",
    "bool_type": "must be true or false",
    "bool_parsing": "must be true or false",
    "list_type": "must be a list",
    "tuple_type": "must be a list",
    "dict_type": "must be a table",
    "mapping_type": "must be a table",
    "model_type": "must be a table",
    "model_attributes_type": "must be a table",
    "none_required": "must be absent",
    "too_short": "must have at least {min_length} items",
    "too_long": "must have at most {max_length} items",
    "string_too_short": "must have at least {min_length} characters",
    "string_too_long": "must have at most {max_length} characters",
    "literal_error": "must be {expected}",
    "enum": "must be {expected}",
    "union_tag_invalid": "must be one of {expected_tags}",
    "timezone_aware": "must have a time zone, as in 2020-03-12T00:00:00Z",
}


def _rule(detail: Any) -> str:
    kind, context = detail["type"], detail.get("ctx", {})
    if kind in {"value_error", "assertion_error"}:
        return " ".join(str(context["error"]).split())
    if kind.startswith("datetime"):
        return "must be a date and time, as in 2020-03-12T00:00:00Z"
    if kind in {"missing_argument", "unexpected_positional_argument"}:
        return "has the wrong number of items"
    if kind in _RULES:
        limits = {name: int(limit) if _is_whole(limit) else limit for name, limit in context.items()}
        return _RULES[kind].format(**limits).replace("'", '"')
    message = detail["msg"]
    return str(message[:1].lower() + message[1:])


def _is_whole(limit: Any) -> bool:
    return isinstance(limit, float) and limit.is_integer()


def _fields(model: type[BaseModel]) -> dict[str, FieldInfo]:
    """The fields of a model by the names that files use."""
    return {field.alias or name: field for name, field in model.model_fields.items()}


def _model_at(model: type[BaseModel], path: Path, data: Any) -> type[BaseModel] | None:
    """The model of the table at `path` below `model`; of several, the one whose tags `data` has there."""
    for end, key in enumerate(path, start=1):
        fields = _fields(model)
        if isinstance(key, str) and key in fields:
            rest = next((path[:at] for at in range(end, len(path)) if isinstance(path[at], str)), path)
            models = list(_models_in(fields[key].annotation))
            if not models:
                return None
            table = lookup(data, rest)
            model = next((each for each in models if _is_tagged(each, table)), models[0])
    return model


def _is_tagged(model: type[BaseModel], table: Any) -> bool:
    """Whether a table has a value that is this model's alone, such as the `kind` of a fault."""
    if not isinstance(table, Mapping):
        return False
    literals = {
        name: get_args(f.annotation) for name, f in _fields(model).items() if get_origin(f.annotation) is Literal
    }
    return any(table.get(name) in choices for name, choices in literals.items() if len(choices) == 1)


def _models_in(annotation: Any) -> Iterator[type[BaseModel]]:
    """The models inside an annotation such as `dict[str, Model]` or `Model | None`."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    parts = get_args(annotation)
    for part in parts[:1] if get_origin(annotation) is Annotated else parts:
        yield from _models_in(part)


def _meaning(model: type[BaseModel], path: Path, data: Any) -> str:
    """What the key is for, from its field."""
    names = [key for key in path if isinstance(key, str)]
    if not names:
        return ""
    owner = _model_at(model, path[: path.index(names[-1])], data)
    field = _fields(owner).get(names[-1]) if owner else None
    if field is None or not field.description:
        return ""
    unit = field.json_schema_extra.get("unit") if isinstance(field.json_schema_extra, dict) else None
    return f"{names[-1]}: {field.description}" + (f" [{unit}]" if unit else "")
