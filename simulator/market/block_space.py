"""Who else wants block space: by declaration, or from the weather."""

from collections.abc import Callable

from simulator.market.backlog import BacklogDemand
from simulator.market.declared import DeclaredDemand
from simulator.market.demand import Demand, DemandSettings
from simulator.streams import Streams


def background_demand(
    settings: DemandSettings,
    streams: Streams,
    price: Callable[[str], float],
    *,
    gas_limit: int,
    steps: int,
    step_seconds: float,
    legacy: bool,
) -> Demand:
    """The background demand of a world; `price` gives an asset's realised price [usd] now."""
    backlog = settings.backlog
    if backlog is None:
        return DeclaredDemand(
            settings, streams, gas_limit=gas_limit, steps=steps, step_seconds=step_seconds, legacy=legacy
        )
    return BacklogDemand(
        settings,
        streams,
        lambda: price(backlog.asset),
        gas_limit=gas_limit,
        steps=steps,
        step_seconds=step_seconds,
        legacy=legacy,
    )
