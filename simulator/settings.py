"""The base of every settings model, and the units its fields name."""

from itertools import pairwise
from typing import Any

from pydantic import BaseModel, ConfigDict

Knots = tuple[tuple[float, float], ...]

SECONDS: dict[str, Any] = {"unit": "s"}
MINUTES: dict[str, Any] = {"unit": "min"}
HOURS: dict[str, Any] = {"unit": "h"}
USD: dict[str, Any] = {"unit": "usd"}
GWEI: dict[str, Any] = {"unit": "gwei"}
SHARE: dict[str, Any] = {"unit": "share"}
RATIO: dict[str, Any] = {"unit": "x"}
TOKENS: dict[str, Any] = {"unit": "tokens"}
COUNT: dict[str, Any] = {"unit": "count"}
ANNUAL: dict[str, Any] = {"unit": "a year"}


def in_order_of_time(knots: Knots) -> Knots:
    """Knots of [hour, value] as they are. Raises ValueError where an hour does not follow the one before."""
    for (earlier, _), (later, _) in pairwise(knots):
        if later <= earlier:
            raise ValueError(f"hour {later:g} follows hour {earlier:g}; must be in order of time")
    return knots


class Settings(BaseModel):
    """Frozen; an unknown key, NaN and infinity are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)
