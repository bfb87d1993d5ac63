"""Which processes can be fitted to prices alone, what each needs, and why others cannot be."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Final, NamedTuple

from pydantic import ValidationError

from simulator.errors import ConfigError
from simulator.fit.bootstrap import fit_bootstrap
from simulator.fit.fitted import Fitted, Sample, rounded
from simulator.fit.garch import fit_garch
from simulator.fit.jumps import fit_merton
from simulator.fit.regimes import fit_regimes
from simulator.fit.simple import fit_gbm, fit_peg
from simulator.market.history import read_history
from simulator.registry import PROCESSES, nearest

_DAY = 86_400.0


class Fit(NamedTuple):
    """How a process is fitted."""

    make: Callable[[Sample], Fitted]
    least: int  # gains
    rows: float = 0.0  # usual span between rows [s] where they are closer; 0: as they are


FITS: Final = {
    "gbm": Fit(fit_gbm, 20),
    "merton": Fit(fit_merton, 250),
    "garch": Fit(fit_garch, 250),
    "regimes": Fit(fit_regimes, 250, _DAY),
    "peg": Fit(fit_peg, 100),
    "bootstrap": Fit(fit_bootstrap, 50),
}
_UNSEEN = "its variance is not seen in prices: calibrate it to option prices"
_UNFITTED: Final = {
    "heston": _UNSEEN,
    "bates": _UNSEEN,
    "hawkes": "jumps that bring on jumps look like volatility that comes in runs: fit merton for their size and rate",
    "replay": "a replay is the file itself: csv and column",
    "constant": "it has nothing to fit",
    "yield-bearing": "one price does not tell its exchange rate from its discount",
}


def fit_csv(path: Path, process: str, column: str = "price", resample_minutes: float = 0.0) -> tuple[Fitted, Sample]:
    """Fit a process to a column of a file. Raises ConfigError for a file or process that cannot be used.

    Of closer rows the first in each span of `resample_minutes` is kept; 0: all of them, or what the process suits.
    """
    chosen = _chosen(process)
    try:
        history = read_history(path, column)
    except (OSError, UnicodeDecodeError) as fault:
        raise ConfigError(f"cannot be read: {fault}", where=str(path)) from None
    span = resample_minutes * 60 or (chosen.rows if history.spacing < chosen.rows else 0.0)
    if span:
        _require(process, chosen, len(history.gains), path, "")
        history = history.every(span)
    of = f" {timedelta(seconds=history.spacing)} apart" if span else ""
    _require(process, chosen, len(history.gains), path, of)
    if not history.gains.any():
        raise ConfigError("every price is the same", where=str(path), mend="take process constant")
    sample = Sample(history, str(path), column)
    found = chosen.make(sample)
    _check(found, path)
    return found, sample


def _chosen(process: str) -> Fit:
    PROCESSES.place(process)  # an unknown one is refused with the nearest
    if process in FITS:
        return FITS[process]
    why = _UNFITTED.get(process, "no fit is known for it")
    raise ConfigError(
        f"{process} cannot be fitted to prices alone: {why}",
        where="--process",
        mend=f"those that can: {', '.join(FITS)}; the nearest is `{nearest(process, FITS)}`",
    )


def _require(process: str, chosen: Fit, gains: int, path: Path, of: str) -> None:
    if gains < chosen.least:
        raise ConfigError(
            f"{gains + 1} rows{of} in a row are too few to fit {process}",
            where=str(path),
            mend=f"must be >= {chosen.least + 1}",
        )


def _check(found: Fitted, path: Path) -> None:
    """What is printed must be taken by the process. Raises ConfigError for a fit that left its bounds."""
    try:
        PROCESSES.settings(found.process)(**{key: rounded(value) for key, value in found.settings.items()})
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(map(str, first["loc"])) or found.process
        raise ConfigError(
            f"the fit gives {key} = {first['input']}: {first['msg']}",
            where=str(path),
            mend="take more rows, other spans between them, or another process",
        ) from None
