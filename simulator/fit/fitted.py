"""What a fit is made from and what comes of it, and how it is written down."""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from simulator.market.history import Floats, History
from simulator.units import YEAR_SECONDS

_DIGITS = 6  # of a setting that are kept: more than any fit is worth


@dataclass(frozen=True)
class Sample:
    """A history, as a fit sees it."""

    history: History
    file: str  # as the user wrote it
    column: str

    @property
    def gains(self) -> Floats:
        """Gains of the log price, those over gaps left out."""
        return self.history.gains

    @property
    def bar(self) -> float:
        """From row to row [years]."""
        return self.history.spacing / YEAR_SECONDS

    @property
    def last(self) -> float:
        """The last price [usd]."""
        return float(self.history.prices[-1])


@dataclass(frozen=True)
class Fitted:
    """A process with its settings as found."""

    process: str
    settings: Mapping[str, Any]
    errors: Mapping[str, float] = field(default_factory=dict)  # standard errors, by setting
    log_likelihood: float | None = None  # of the gains; None where there is no likelihood
    notes: Sequence[str] = ()  # what was assumed

    def as_dict(self, sample: Sample, asset: str) -> dict[str, Any]:
        """The object of `fit --json`."""
        history = sample.history
        return {
            "asset": asset,
            "process": self.process,
            "settings": {key: rounded(value) for key, value in self.settings.items()},
            "standard_errors": {key: rounded(value) for key, value in self.errors.items()},
            "log_likelihood": self.log_likelihood,
            "notes": list(self.notes),
            "rows": len(history.prices),
            "gains": len(sample.gains),
            "left_out": history.left_out,
            "spacing_seconds": history.spacing,
            "first": _iso(history.times[0]),
            "last": _iso(history.times[-1]),
        }

    def lines(self, sample: Sample, asset: str) -> list[str]:
        """A TOML table with comments."""
        history = sample.history
        found = [
            f"# {self.process} fitted to {sample.file}, column {sample.column}",
            f"# {len(history.prices):,} rows from {_iso(history.times[0])} to {_iso(history.times[-1])}, "
            f"{timedelta(seconds=history.spacing)} apart",
        ]
        if history.left_out:
            found.append(f"# {history.left_out:,} gains over gaps left out")
        if self.log_likelihood is not None:
            found.append(f"# log likelihood {self.log_likelihood:,.1f} of {len(sample.gains):,} gains")
        found += [f"# {note}" for note in self.notes]
        found += [f"[market.{_key(asset)}]", f"process = {json.dumps(self.process)}"]
        return found + [self._line(key, value) for key, value in self.settings.items()]

    def _line(self, key: str, value: Any) -> str:
        text = f"{key} = {_toml(rounded(value))}"
        error = self.errors.get(key)
        return text if error is None else f"{text:<36}  # standard error {error:.2g}"


def rounded(value: Any) -> Any:
    """A number to so many digits, each of a list; anything else as it is. What is not finite is None."""
    if isinstance(value, list | tuple):
        return [rounded(each) for each in value]
    if isinstance(value, float):
        return float(f"{value:.{_DIGITS}g}") if math.isfinite(value) else None
    return value


def _toml(value: Any) -> str:
    """Numbers, strings and lists of them read the same in TOML and in JSON."""
    return json.dumps(value, ensure_ascii=False)


def _key(name: str) -> str:
    return name if name.replace("_", "").replace("-", "").isalnum() and name.isascii() else json.dumps(name)


def _iso(time: float) -> str:
    return datetime.fromtimestamp(time, UTC).isoformat().replace("+00:00", "Z")
