"""How assets move together: rank correlation and joint extremes on drawn paths, against the copulas' formulas."""

import math

import numpy as np
from numpy.typing import NDArray
from scipy.integrate import quad
from scipy.stats import t as student

from simulator.market.correlation import CorrelationSettings
from simulator.market.paths import drawn_paths
from simulator.market.processes.diffusion import Gbm
from simulator.market.processes.heston import Heston
from simulator.streams import Streams
from simulator.validation.law import Measured, add_law, by_mean
from simulator.validation.moments import hours

Floats = NDArray[np.float64]
_CAP = 0.06
_RHO, _FREEDOM = 0.82, 2.9  # ETH and BTC, daily
_TAIL = 0.01


def _gains(copula: str, paths: int, steps: int, **stress: object) -> tuple[Floats, Floats]:
    """Hourly log gains of two assets, shape (paths, steps)."""
    settings = CorrelationSettings.model_validate(
        {"copula": copula, "degrees_of_freedom": _FREEDOM, "pairs": {"A": {"B": _RHO}}, **stress}
    )
    assets = {"A": Gbm(price=1.0, volatility=0.8), "B": Gbm(price=9.0, volatility=0.3)}
    drawn = drawn_paths(assets, hours(steps), Streams(3), paths=paths, correlation=settings)
    a, b = (np.diff(np.log(drawn[name]), axis=1) for name in ("A", "B"))
    return a, b


def _concordance(copula: str) -> Measured:
    """Kendall's tau: of disjoint pairs of hours, those that agree less those that do not."""
    a, b = _gains(copula, 50, 2000)
    agree = np.sign((a[:, 1::2] - a[:, ::2]) * (b[:, 1::2] - b[:, ::2]))
    return by_mean(2 / math.pi * math.asin(_RHO), agree.ravel(), _CAP)


def joint_tail(rho: float, freedom: float, tail: float) -> float:
    """P(both below their `tail` quantile) / tail for a bivariate t, by integrating the conditional distribution."""
    low = student.ppf(tail, freedom)

    def density(x: float) -> float:
        scale = math.sqrt((freedom + x * x) * (1 - rho**2) / (freedom + 1))
        return float(student.pdf(x, freedom) * student.cdf((low - rho * x) / scale, freedom + 1))

    return quad(density, -math.inf, low)[0] / tail


def _tail(copula: str) -> Measured:
    a, b = _gains(copula, 200, 5000)
    low = [np.quantile(gains, _TAIL) for gains in (a, b)]
    both = ((a < low[0]) & (b < low[1])) / _TAIL
    return by_mean(joint_tail(_RHO, _FREEDOM, _TAIL), both.ravel().astype(float), _CAP)


def _stress() -> Measured:
    a, b = _gains("gaussian", 20, 5000, stress=0.9, stress_hours=[[0, 5001]])
    products = a / 0.8 * b / 0.3 * 8760
    return by_mean(0.1 * _RHO + 0.9, products.ravel(), _CAP)


def _mixed() -> Measured:
    """A Heston price of no leverage is driven by the same normals as a Gaussian one."""
    settings = CorrelationSettings(pairs={"A": {"B": _RHO}})
    assets = {"A": Gbm(price=1.0), "B": Heston(price=1.0, vol_of_vol=1.0)}
    drawn = drawn_paths(assets, hours(2000), Streams(3), paths=50, correlation=settings)
    a, b = (np.diff(np.log(drawn[name]), axis=1) for name in ("A", "B"))
    agree = np.sign((a[:, 1::2] - a[:, ::2]) * (b[:, 1::2] - b[:, ::2]))
    return by_mean(2 / math.pi * math.asin(_RHO), agree.ravel(), _CAP)


for _copula in ("gaussian", "t"):
    add_law(
        f"dependence/{_copula}-rank",
        f"Kendall's tau of a {_copula} copula is 2/pi asin(rho).",
        "Lindskog, McNeil and Schmock 2003",
        lambda copula=_copula: _concordance(copula),  # type: ignore[misc]
    )
add_law(
    "dependence/t-tail",
    "Of the worst hundredth of one asset's hours, the share in which the other has its worst hundredth too.",
    "integral of the bivariate t distribution",
    lambda: _tail("t"),
)
add_law("dependence/stress", "In stress a correlation goes its part of the way to one.", "R + w (1 - R)", _stress)
add_law(
    "dependence/mixed",
    "A Heston price and a Gaussian one have the rank correlation of the normals that drive both.",
    "Lindskog, McNeil and Schmock 2003",
    _mixed,
)
