"""The base of every settings model, and the units its fields name."""

from typing import Any

from pydantic import BaseModel, ConfigDict

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


class Settings(BaseModel):
    """Frozen; an unknown key, NaN and infinity are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)
