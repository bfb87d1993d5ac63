"""Draw the exogenous paths of all assets of a world, each from its own random streams, correlated as is said."""

from collections.abc import Mapping
from functools import partial
from pathlib import Path

import numpy as np

from simulator.errors import ConfigError
from simulator.market.correlation import CorrelationSettings, Floats, correlated
from simulator.market.processes.base import Draw, Process
from simulator.streams import Streams


def drawn_paths(
    processes: Mapping[str, Process],
    times: Floats,
    streams: Streams,
    *,
    paths: int = 1,
    start: float = 0.0,
    folder: Path = Path(),
    correlation: CorrelationSettings | None = None,
) -> dict[str, Floats]:
    """Prices [usd] of each asset at `times` [s], shape (paths, times). Raises ConfigError for one that is not > 0."""
    steps = len(times) - 1
    own = {name: streams.generator(f"market/{name}").standard_normal((paths, steps)) for name in processes}
    shocks = correlated(own, correlation, times[1:] / 3600, streams)
    drawn: dict[str, Floats] = {}
    for name in by_need(processes):
        random = partial(_stream, streams, name)
        draw = Draw(times, start, folder, shocks[name], random, drawn.__getitem__)
        with np.errstate(over="ignore", under="ignore", invalid="ignore"):
            drawn[name] = processes[name].paths(draw)
        _require_prices(name, drawn[name], times)
    return drawn


def unseen_draw(asset: str, times: Floats, streams: Streams) -> Draw:
    """What one path of an asset is drawn with in a world, but for what drives its diffusion: for its jumps."""
    unseen = np.broadcast_to(0.0, (1, len(times) - 1))
    return Draw(times, 0.0, Path(), unseen, partial(_stream, streams, asset), _not_drawn)


def _not_drawn(asset: str) -> Floats:
    raise ValueError(f"jumps do not depend on the path of {asset}")


def by_need(processes: Mapping[str, Process]) -> list[str]:
    """The assets, each behind those it is made from. Raises ConfigError for one that is not there, or for a circle."""
    found: list[str] = []

    def add(name: str, above: tuple[str, ...]) -> None:
        if name in found:
            return
        if name in above:
            circle = " of ".join((*above[above.index(name) :], name))
            raise ConfigError(f"{circle} is a circle", where=f"market.{name}", mend="make one of them stand alone")
        for needed in processes[name].needs:
            if needed not in processes:
                raise ConfigError(
                    f"there is no market.{needed} for it to be made of",
                    where=f"market.{name}",
                    mend=f"add [market.{needed}]",
                )
            add(needed, (*above, name))
        found.append(name)

    for name in processes:
        add(name, ())
    return found


def _stream(streams: Streams, asset: str, purpose: str) -> np.random.Generator:
    return streams.generator(f"market/{asset}/{purpose}")


def _require_prices(name: str, paths: Floats, times: Floats) -> None:
    wrong = ~(np.isfinite(paths) & (paths > 0))
    if wrong.any():
        path, step = np.argwhere(wrong)[0]
        raise ConfigError(
            f"the price at hour {times[step] / 3600:g} is {paths[path, step]:g}",
            where=f"market.{name}",
            mend="must be a number > 0: lower drift or volatility, or shorten world.hours",
        )
