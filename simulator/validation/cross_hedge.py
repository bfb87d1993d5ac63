"""Laws of a hedge in another asset: the ratio that CrossHedge estimates from its feeds, and what it leaves."""

from functools import cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from simulator.market.correlation import CorrelationSettings
from simulator.market.paths import drawn_paths
from simulator.market.processes.diffusion import Gbm
from simulator.streams import Streams
from simulator.units import WAD, to_wad
from simulator.validation.law import Measured, law
from simulator.validation.perp_bench import DAY, START_PRICE
from simulator.validation.vault_bench import Estimate, HedgeBench, Shape, VaultTerms

Floats = NDArray[np.float64]

RHO, ASSET, HEDGE = 0.928, 0.0263, 0.0313  # correlation, and standard deviations of a day's return
_RATIO, _EFFECTIVENESS, _TOLERANCE = 0.78, RHO**2, 0.02
# The standard errors are .31 and .26 over the root of the days: .0044 of the ratio, .0047 of the effectiveness.
_OBSERVED, _HEDGED = 5000, 3000  # [days]
_YEAR = 365  # [days]
_ESTIMATE = Estimate()  # by all that was observed, within wide bounds


def prices(days: int, seed: int = 1, rho: float = RHO) -> tuple[Floats, Floats]:
    """Daily prices of asset and hedge by the market's own processes, without a trend."""
    assets = {
        name: Gbm(price=START_PRICE, volatility=deviation * _YEAR**0.5, drift=deviation**2 * _YEAR / 2)
        for name, deviation in (("ASSET", ASSET), ("HEDGE", HEDGE))
    }
    together = CorrelationSettings(pairs={"ASSET": {"HEDGE": rho}})
    drawn = drawn_paths(assets, np.arange(days + 1.0) * DAY, Streams(seed), correlation=together)
    return drawn["ASSET"][0], drawn["HEDGE"][0]


class Outcome(NamedTuple):
    """What came of a cross hedge."""

    ratio: float  # that the strategy estimated
    effectiveness: float  # 1 - Var(hedged) / Var(unhedged) of the vault's daily returns on its spot


class CrossBench(HedgeBench):
    """A vault of spot that is hedged in the perpetual of another asset, without cost."""

    def __init__(self, estimate: Estimate = _ESTIMATE) -> None:
        terms = VaultTerms(interval=DAY, max_slippage=1e-4, margin_floor=0.2)
        super().__init__(terms, Shape(margin=0.5, spot_band=0.1), capital=1e9, estimate=estimate)

    def observe(self, asset: Floats, hedge: Floats) -> float:
        """Report a price of each a day, let the strategy look at them, and give the ratio it estimates."""
        for spot, index in zip(asset, hedge, strict=True):
            self.lab.wait(DAY)
            self.lab.do(self.lab.owner, self.feed, "report", to_wad(spot))
            self.perps.report(to_wad(index))
            self.lab.do(self.keeper, self.strategy, "observe")
        return float(self.lab.read(self.strategy, "estimatedRatio") / WAD)

    def hedged(self, asset: Floats, hedge: Floats) -> Floats:
        """Daily gains of the vault over the spot it held, rebalanced every day, and what spot itself gained."""
        self.say(to_wad(asset[0]), to_wad(hedge[0]))
        self.enter(self.lab.person("depositor"), 10**6 * WAD)
        gains = []
        for day in range(1, len(asset)):
            self.rebalance()
            before, spot = self.ask("totalAssets"), self.held() * asset[day - 1]
            self.lab.wait(DAY)
            self.say(to_wad(asset[day]), to_wad(hedge[day]))
            gains.append(((self.ask("totalAssets") - before) / spot, asset[day] / asset[day - 1] - 1))
        return np.array(gains)


def hedge(bench: CrossBench, observed: int, hedged: int, rho: float = RHO) -> Outcome:
    """Estimate on some days, then hold on others."""
    asset, other = prices(observed + hedged, rho=rho)
    ratio = bench.observe(asset[: observed + 1], other[: observed + 1])
    gains = bench.hedged(asset[observed:], other[observed:])
    left, whole = np.var(gains, axis=0, ddof=1)
    return Outcome(ratio, float(1 - left / whole))


@cache
def _outcome() -> Outcome:
    return hedge(CrossBench(), _OBSERVED, _HEDGED)


_SOURCE = "h = rho * sigma of the asset / sigma of the hedge has the least variance, 1 - rho^2 of the asset's"


@law("hedge-ratio/estimate", _SOURCE)
def estimate() -> Measured:
    """From prices with correlation .928 and daily deviations .0263 and .0313 CrossHedge estimates a ratio of .78."""
    return Measured(_RATIO, _outcome().ratio, _TOLERANCE)


@law("hedge-ratio/effectiveness", _SOURCE)
def effectiveness() -> Measured:
    """On days after those, 1 - Var(hedged)/Var(unhedged) of a vault that hedges by its estimate is the square of the
    correlation, .861."""
    return Measured(_EFFECTIVENESS, _outcome().effectiveness, _TOLERANCE)
