"""Smiles of implied volatility as raw SVI (Gatheral 2004), and whether their prices admit arbitrage.

w(k) = a + b (rho (k - m) + sqrt((k - m)² + sigma²)) is the total variance, volatility squared times time [years], at
k = ln(strike / forward). Butterfly: the density of the price is nowhere negative where Durrleman's g is nowhere
negative, w is nowhere negative and its wings rise at most as 2 |k| (Gatheral and Jacquier 2014). Calendar: w does not
fall with expiry at any k.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import least_squares, minimize_scalar

Floats = NDArray[np.float64]

STEEPEST = 2.0  # wing of a total variance without arbitrage (Lee 2004)
# Points of search: sinh of an even grid is dense at a smile's middle and reaches 10 million widths into its wings.
_REACH = np.sinh(np.linspace(-16.8, 16.8, 1201))
_FLAT = 1e-100  # slopes below it are none
_ROUNDING = 1e-12  # relative, of a difference of total variances
_PENALTY_DEVIATIONS = 8.0  # at the money, within which a fit is kept from arbitrage by a penalty


class Derivatives(NamedTuple):
    """A total variance and its first two derivatives by k."""

    w: Floats
    slope: Floats
    curvature: Floats


class Smile(Protocol):
    """Total variance by k, with what a search over all k needs to know."""

    def derivatives(self, k: Floats) -> Derivatives:
        """At each k."""
        ...

    def points(self) -> Floats:
        """Every k at which to begin a search, in order."""
        ...

    @property
    def wings(self) -> tuple[float, float]:
        """How steeply w rises at the far left and the far right, both as positive numbers."""
        ...


@dataclass(frozen=True)
class Svi:
    """Raw SVI. Raises ValueError for parameters outside their domain."""

    a: float
    b: float
    rho: float
    m: float
    sigma: float

    def __post_init__(self) -> None:
        if not (self.b >= 0 and abs(self.rho) < 1 and self.sigma > 0):
            seen = f"b = {self.b:g}, rho = {self.rho:g}, sigma = {self.sigma:g}"
            raise ValueError(f"{seen}: must be b >= 0, |rho| < 1, sigma > 0")

    def total_variance(self, k: Floats) -> Floats:
        """At each k."""
        return self.derivatives(k).w

    def variance_at(self, k: float) -> float:
        """The total variance of one k, without the cost of an array."""
        x = k - self.m
        return self.a + self.b * (self.rho * x + math.sqrt(x * x + self.sigma**2))

    def derivatives(self, k: Floats) -> Derivatives:
        """See `Smile.derivatives`."""
        x = np.asarray(k, dtype=np.float64) - self.m
        root = np.sqrt(x**2 + self.sigma**2)
        return Derivatives(
            self.a + self.b * (self.rho * x + root), self.b * (self.rho + x / root), self.b * self.sigma**2 / root**3
        )

    @property
    def least(self) -> float:
        """The lowest total variance."""
        return self.a + self.b * self.sigma * math.sqrt(1 - self.rho**2)

    @property
    def wings(self) -> tuple[float, float]:
        """See `Smile.wings`."""
        return self.b * (1 - self.rho), self.b * (1 + self.rho)

    def points(self) -> Floats:
        """See `Smile.points`: around the middle, and around the lowest point, which a low variance makes narrow."""
        leaning = math.sqrt(1 - self.rho**2)
        lowest = self.m - self.sigma * self.rho / leaning
        bend = self.b * leaning**3 / self.sigma  # the curvature there
        width = math.sqrt(self.least / bend) if bend and self.least > 0 else 0.0
        narrow = min(self.sigma, width) or self.sigma
        return np.unique(np.concatenate([self.m + self.sigma * _REACH, lowest + narrow * _REACH]))

    def scaled(self, factor: float) -> "Svi":
        """The smile of `factor` times the variance that has the same shape in standard deviations.

        w(k) becomes factor w(k / sqrt(factor)), which is raw SVI again.
        """
        root = math.sqrt(factor)
        return Svi(self.a * factor, self.b * root, self.rho, self.m * root, self.sigma * root)

    def shifted(self, step: float) -> "Svi":
        """The same smile of strikes seen from a forward whose logarithm is higher by `step`."""
        return Svi(self.a, self.b, self.rho, self.m - step, self.sigma)


@dataclass(frozen=True)
class Blend:
    """Between two smiles, at each k the share `share` of the way from the near one to the far one."""

    near: Svi
    far: Svi
    share: float

    def derivatives(self, k: Floats) -> Derivatives:
        """See `Smile.derivatives`."""
        pairs = zip(self.near.derivatives(k), self.far.derivatives(k), strict=True)
        return Derivatives(*((1 - self.share) * near + self.share * far for near, far in pairs))

    @property
    def wings(self) -> tuple[float, float]:
        """See `Smile.wings`."""
        left, right = (
            (1 - self.share) * near + self.share * far
            for near, far in zip(self.near.wings, self.far.wings, strict=True)
        )
        return left, right

    def points(self) -> Floats:
        """See `Smile.points`."""
        return np.union1d(self.near.points(), self.far.points())


# --------------------------------------------------------------------------- arbitrage


class Lowest(NamedTuple):
    """The least value of something over all k, and where."""

    value: float
    k: float


def durrleman(smile: Smile, k: Floats) -> Floats:
    """g(k), of the sign of the density at k; infinity where the total variance is zero and there is no density.

    g = (1 - k w' / 2w)² - w'² / 4 (1/w + 1/4) + w'' / 2.
    """
    w, slope, curvature = smile.derivatives(np.asarray(k, dtype=np.float64))
    positive = w > 0
    safe = np.where(positive, w, 1.0)
    g = (1 - k * slope / (2 * safe)) ** 2 - slope**2 / 4 * (1 / safe + 0.25) + curvature / 2
    return np.where(positive, g, np.inf)


def lowest_density(smile: Smile) -> Lowest:
    """The least g over all k. Towards the wings it approaches 1/4 - (wing / 4)²."""
    return _lowest(lambda k: durrleman(smile, k), smile.points())


def butterfly(smile: Smile) -> str:
    """What is wrong with a smile's density, in words; empty for nothing."""
    if max(smile.wings) > STEEPEST:
        return f"a wing of slope {max(smile.wings):g}: b (1 + |rho|) must be <= 2 (Lee's moment formula)"
    variance = _lowest(lambda k: smile.derivatives(k).w, smile.points())
    if variance.value < 0:
        return f"total variance {variance.value:.4g} at k = {variance.k:.3g}: a + b sigma sqrt(1 - rho²) must be >= 0"
    density = lowest_density(smile)
    if density.value < 0:
        return f"butterfly arbitrage: g = {density.value:.3g} at k = {density.k:.3g}; g must be >= 0 at every k"
    return ""


def calendar(near: Smile, far: Smile) -> Lowest | None:
    """Where total variance falls the most from one expiry to a later one: the fall, negative, and its k; or None.

    A fall near the money, |k| < 1, is told before a larger one far away. Past the search's reach what counts is which
    wing is the steeper.
    """
    points = np.union1d(near.points(), far.points())
    for some in (points[np.abs(points) < 1], points):
        fall = _lowest(lambda k: far.derivatives(k).w - near.derivatives(k).w, some)
        if fall.value < -_ROUNDING * float(near.derivatives(np.array([fall.k])).w[0]):
            return fall
    ends = (float(points[0]), float(points[-1]))
    for end, of_near, of_far in zip(ends, near.wings, far.wings, strict=True):
        if of_far < of_near * (1 - _ROUNDING):
            return Lowest(-math.inf, math.copysign(math.inf, end))
    return None


def highest_scale(smile: Smile) -> float:
    """By how much a smile's variance can be scaled, as in `Svi.scaled`, before there is butterfly arbitrage.

    Scaled by c it has g - (c - 1) w'² / 16 at sqrt(c) k, and wings steeper by sqrt(c). Infinite for a flat one.
    """

    def bound(k: Floats) -> Floats:
        part = smile.derivatives(k).slope ** 2 / 16
        room = durrleman(smile, k) + part
        return np.asarray(np.divide(room, part, out=np.full(room.shape, np.inf), where=part > _FLAT))

    steepest = max(smile.wings)
    by_wing = (STEEPEST / steepest) ** 2 if steepest > _FLAT else math.inf
    return min(by_wing, _lowest(bound, smile.points()).value)


def _lowest(function: Callable[[Floats], Floats], points: Floats) -> Lowest:
    """The least value over sorted points, sought further around the three lowest dips."""
    values = function(points)
    best = int(np.argmin(values))
    found = [Lowest(float(values[best]), float(points[best]))]
    dips = np.flatnonzero((values[1:-1] <= values[:-2]) & (values[1:-1] <= values[2:])) + 1
    for dip in dips[np.argsort(values[dips], kind="stable")][:3].tolist():
        if not np.isfinite(values[dip - 1 : dip + 2]).all():
            continue
        bounds = (float(points[dip - 1]), float(points[dip + 1]))
        close = 1e-9 * (bounds[1] - bounds[0])
        near = minimize_scalar(_scalar(function), bounds=bounds, method="bounded", options={"xatol": close})
        found.append(Lowest(float(near.fun), float(near.x)))
    return min(found)


def _scalar(function: Callable[[Floats], Floats]) -> Callable[[float], float]:
    return lambda k: float(function(np.array([k]))[0])


# --------------------------------------------------------------------------- fit


def fit_svi(k: Floats, total_variance: Floats) -> Svi:
    """The smile without butterfly arbitrage that is nearest to quotes, by least squares of volatility.

    Raises ValueError for fewer than five quotes, ones that are not positive, and where nothing free of arbitrage fits.
    """
    k, total_variance = np.asarray(k, dtype=np.float64), np.asarray(total_variance, dtype=np.float64)
    if len(k) < 5 or k.shape != total_variance.shape:
        raise ValueError(f"{len(k)} quotes: at least 5 are needed, each with a total variance")
    if not (np.isfinite(k).all() and np.isfinite(total_variance).all() and (total_variance > 0).all()):
        raise ValueError("total variances must be > 0, moneyness a number")
    for penalty in (0.0, 1.0, 10.0, 100.0):
        found = _fit(k, total_variance, penalty)
        if not butterfly(found):
            return found
    raise ValueError(f"the nearest smile has {butterfly(found)}")


def _fit(k: Floats, total_variance: Floats, penalty: float) -> Svi:
    """The best of several starts; the parameters are the lowest variance, the steeper wing, rho, m and sigma."""
    quotes = np.sqrt(total_variance)
    middle = float(np.interp(0.0, np.sort(k), quotes[np.argsort(k)]))
    grid = middle * _PENALTY_DEVIATIONS * np.linspace(-1, 1, 161)

    def residuals(x: Floats) -> Floats:
        smile = _of_fit(x)
        gaps = np.sqrt(np.maximum(smile.total_variance(k), 1e-18)) - quotes
        if not penalty:
            return gaps
        return np.concatenate([gaps, penalty * middle * np.minimum(durrleman(smile, grid) - 1e-3, 0.0)])

    reach = 3 * max(float(np.abs(k).max()), middle)
    bounds = ([0.0, 0.0, -0.999, -reach, 1e-4 * middle], [4 * quotes.max() ** 2, STEEPEST, 0.999, reach, reach])
    starts = [
        [0.5 * middle**2, 0.5 * middle, rho, 0.0, width * middle] for rho in (-0.4, 0.0, 0.4) for width in (0.3, 1.0)
    ]
    scale = (middle**2, middle, 1.0, middle, middle)
    fits = [least_squares(residuals, start, bounds=bounds, x_scale=scale) for start in starts]
    return _of_fit(min(fits, key=lambda fit: float(fit.cost)).x)


def _of_fit(x: Sequence[float] | Floats) -> Svi:
    least, wing, rho, m, sigma = (float(value) for value in x)
    b = wing / (1 + abs(rho))
    return Svi(least - b * sigma * math.sqrt(1 - rho**2), b, rho, m, sigma)
