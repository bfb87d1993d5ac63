"""Libraries that only some fits need."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import Any

from simulator.errors import ConfigError


def library(module: str, process: str) -> Any:
    """A module of the extra `analysis`. Raises ConfigError that says how to install it."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what a library says of its own imports
            return import_module(module)
    except ImportError as missing:
        raise ConfigError(
            f"{missing.name or module} is not installed, which fits {process}",
            where="--process",
            mend="pip install 'wavetank[analysis]'",
        ) from None


@contextmanager
def heard() -> Iterator[list[str]]:
    """What libraries warn of inside, a line each, instead of on standard error."""
    said: list[str] = []
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        yield said
    for each in caught:
        first = str(each.message).strip().partition("\n")[0]
        line = f"{each.category.__name__}: {first}"
        if line not in said:
            said.append(line)
