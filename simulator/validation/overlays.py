"""The law of floors: what an overlay promises at each roll, measured on bytecode along the prices of every scenario."""

from collections.abc import Callable, Iterator
from functools import cache, partial

import numpy as np

from simulator.validation.law import Measured, NoData, add_law
from simulator.validation.overlay_bench import Legs, OverlayBench, Roll, collar, protective_put

_SOURCE = "a put on each of spot pays what this is worth less than the strike"
_ROLLS = 4  # of a scenario
_LOOKS = 3  # prices seen in each
_SHORTEST, _LONGEST = 2 * 3600, 28 * 24 * 3600  # [s] tenors; in a long scenario prices are further apart
_EXACT = 1e-9  # rounding of sizes and of a pool that is next to infinitely deep
_FEWEST = 3  # rolls that ended at their floor
_AT_FLOOR = 1e-4  # puts are a little more than spot where a swap brought less
OVERLAYS: dict[str, Callable[[int], Legs]] = {"protective-put": protective_put, "collar": collar}


@cache
def paths() -> tuple[tuple[str, int, tuple[float, ...]], ...]:
    """Of each scenario with the asset: its name, a tenor [s], and prices over the first, evenly spaced."""
    return tuple(_paths())


def _paths() -> Iterator[tuple[str, int, tuple[float, ...]]]:
    from simulator.market import Market
    from simulator.scenario import load_scenario
    from simulator.scenario.files import shipped
    from simulator.streams import Streams

    for name in shipped():
        scenario = load_scenario(name)
        if "ETH" not in scenario.market:
            continue
        times = np.linspace(0.0, scenario.world.hours * 3600, _ROLLS * _LOOKS + 1)
        market = Market(
            scenario.market,
            times,
            Streams(scenario.world.seed),
            start=scenario.world.start.timestamp(),
            folder=scenario.source.parent,
            correlation=scenario.correlation,
        )
        prices = [market.exogenous("ETH")]
        for step in range(1, len(times)):
            market.advance(step)
            prices.append(market.exogenous("ETH"))
        tenor = min(max(_SHORTEST, int(scenario.world.hours * 3600) // _ROLLS), _LONGEST)
        yield name, tenor, tuple(price / prices[0] for price in prices)


def rolls(legs: Callable[[int], Legs], tenor: int, path: tuple[float, ...]) -> list[Roll]:
    """Those of an overlay along a path of prices over the first."""
    bench = OverlayBench(legs(tenor), tenor)
    start = 2_000.0
    return [
        bench.until_expiry([start * price for price in path[1 + first : 1 + first + _LOOKS]])
        for first in range(0, len(path) - 1, _LOOKS)
    ]


def floors(legs: Callable[[int], Legs]) -> Measured:
    """The greatest loss beyond the floor. Raises NoData where too few rolls ended there."""
    found = [roll for _, tenor, path in paths() for roll in rolls(legs, tenor, path)]
    touched = sum(abs(roll.worth / roll.floor - 1) < _AT_FLOOR for roll in found)
    if touched < _FEWEST:
        raise NoData(f"{touched} rolls ended at their floor, {_FEWEST} are needed")
    return Measured(0.0, max(0.0, *(roll.shortfall for roll in found)), _EXACT)


for _name, _legs in OVERLAYS.items():
    add_law(
        f"floors/{_name}",
        f"At each expiry, along the prices of every scenario, a vault with a {_name.replace('-', ' ')} has lost no "
        "more since the roll than the floor allows and the options cost, but for what its counterparty could not pay.",
        _SOURCE,
        partial(floors, _legs),
    )
