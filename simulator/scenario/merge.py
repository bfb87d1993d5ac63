"""How one scenario extends another.

Tables merge key by key. Lists of tables that all have an `id` merge by it; any other list replaces what it extends.
`false` in the place of a table takes the table away. A table that changes its kind (`protocol`, `agent`, `process`,
`kind`) starts afresh, because another kind has other keys; only what is of no kind stays: a market's tables, and the
id and the span of a fault.
"""

from collections.abc import Mapping, Sequence
from typing import Any, TypeGuard

KINDS = ("protocol", "agent", "process", "kind")
_KINDLESS = ("impact", "funding", "implied_volatility", "id", "from", "to")


def merged(base: Mapping[str, Any], child: Mapping[str, Any]) -> dict[str, Any]:
    """`base` extended by `child`; neither is changed."""
    result = kept(base, child)
    for key, value in child.items():
        before = result.get(key)
        if isinstance(before, Mapping) and value is False:
            del result[key]
        elif isinstance(before, Mapping) and isinstance(value, Mapping):
            result[key] = merged(before, value)
        elif _by_id(before) and _by_id(value):
            result[key] = _merged_lists(before, value)
        else:
            result[key] = value
    return result


def kept(base: Mapping[str, Any], child: Mapping[str, Any]) -> dict[str, Any]:
    """The keys of `base` that outlive an extension by `child`."""
    if any(kind in base and kind in child and base[kind] != child[kind] for kind in KINDS):
        return {key: value for key, value in base.items() if key in _KINDLESS}
    return dict(base)


def _by_id(value: Any) -> TypeGuard[Sequence[Mapping[str, Any]]]:
    if not isinstance(value, Sequence) or isinstance(value, str) or not value:
        return False
    return all(isinstance(item, Mapping) and "id" in item for item in value)


def _merged_lists(base: Sequence[Mapping[str, Any]], child: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """The items of `base` in their order, extended by those of the same id, then the new ones."""
    extensions = {item["id"]: item for item in child}
    known = {item["id"] for item in base}
    extended = [merged(item, extensions.get(item["id"], {})) for item in base]
    return [*extended, *(dict(item) for item in child if item["id"] not in known)]
