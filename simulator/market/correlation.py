"""How markets move together: a copula over what drives their processes.

Every asset's process is driven by standard normals. Here they are made dependent and stay standard normal, so what a
process is by itself does not change. A t copula has joint extremes: all pairs share a random scale at each step. In a
stress regime every correlation goes a part of the way to one, R -> (1 - w) R + w, which stays positive semi-definite.
"""

import math
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Annotated, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, field_validator, model_validator
from scipy.special import ndtri, stdtr

from simulator.settings import HOURS, SHARE, Settings
from simulator.streams import Streams

Floats = NDArray[np.float64]
_Hour = Annotated[float, Field(ge=0)]
_Correlation = Annotated[float, Field(ge=-1, le=1)]
_ROUNDING = 1e-10  # by which an eigenvalue may be negative and still be zero
_SURE = 1e-300  # a probability that has a finite quantile


class CorrelationSettings(Settings):
    """Dependence between the price processes of a scenario."""

    copula: Literal["gaussian", "t"] = Field("gaussian", description="t has joint extremes, gaussian none")
    degrees_of_freedom: float = Field(
        4.0, gt=0, le=1e6, description="of the t copula: the fewer, the more extremes are shared"
    )
    pairs: dict[str, dict[str, _Correlation]] = Field(
        default_factory=dict,
        description="correlation of two assets' driving noise; pairs that are not named have none",
        json_schema_extra={"unit": "share"},
    )
    stress: float = Field(
        0.0, ge=0, le=1, description="part of the way to one that correlations go in stress", json_schema_extra=SHARE
    )
    stress_hours: tuple[tuple[_Hour, _Hour], ...] = Field(
        (), description="spans [from, to] of stress", json_schema_extra=HOURS
    )
    stress_rate: float = Field(
        0.0, ge=0, le=1e6, description="expected beginnings of stress besides", json_schema_extra={"unit": "a year"}
    )
    stress_mean_hours: float = Field(6.0, gt=0, description="mean length of such a stress", json_schema_extra=HOURS)

    @field_validator("stress_hours")
    @classmethod
    def _in_order(cls, spans: tuple[tuple[float, float], ...]) -> tuple[tuple[float, float], ...]:
        for start, end in spans:
            if start > end:
                raise ValueError(f"[{start:g}, {end:g}] must be [from, to] with from <= to")
        for (_, end), (start, _) in pairwise(spans):
            if start < end:
                raise ValueError(f"a span begins at {start:g} before the one ahead of it ends at {end:g}")
        return spans

    @model_validator(mode="after")
    def _is_correlation(self) -> "CorrelationSettings":
        names = self.assets
        for one, others in self.pairs.items():
            for other, value in others.items():
                if one == other:
                    raise ValueError(f"pairs.{one}.{other} = {value:g}: an asset is one with itself")
                back = self.pairs.get(other, {}).get(one, value)
                if back != value:
                    raise ValueError(
                        f"pairs.{one}.{other} = {value:g} and pairs.{other}.{one} = {back:g}: name it once"
                    )
        least = float(np.linalg.eigvalsh(self.matrix(names))[0]) if names else 0.0
        if least < -_ROUNDING:
            raise ValueError(
                f"the correlations of {', '.join(names)} are not positive semi-definite: "
                f"their smallest eigenvalue is {least:.3g}, must be >= 0"
            )
        return self

    @property
    def assets(self) -> list[str]:
        """The assets that are named, sorted."""
        return sorted({*self.pairs, *(other for others in self.pairs.values() for other in others)})

    def matrix(self, assets: Sequence[str]) -> Floats:
        """Correlations outside stress, shape (assets, assets)."""
        found = np.eye(len(assets))
        for one, others in self.pairs.items():
            for other, value in others.items():
                if one in assets and other in assets:
                    i, j = assets.index(one), assets.index(other)
                    found[i, j] = found[j, i] = value
        return found


def correlated(
    shocks: Mapping[str, Floats], settings: CorrelationSettings | None, hours: Floats, streams: Streams
) -> Mapping[str, Floats]:
    """Make independent standard normals of each asset, shape (paths, steps), dependent; `hours` at the ends of steps.

    Each asset keeps its own stream, mixed with those of the assets before it in the alphabet: an asset that is in no
    pair is as it was.
    """
    if settings is None or not shocks:
        return shocks
    stress = in_stress(settings, hours, streams)
    # Without a stress regime only those in a pair are touched; it draws in all.
    names = sorted(shocks) if settings.stress and stress.any() else [name for name in settings.assets if name in shocks]
    if len(names) < 2:
        return shocks
    own = np.stack([shocks[name] for name in names])
    plain = settings.matrix(names)
    mixed = np.einsum("ij,jps->ips", root(plain), own)
    if stress.any() and settings.stress:
        towards_one = (1 - settings.stress) * plain + settings.stress
        mixed[:, :, stress] = np.einsum("ij,jps->ips", root(towards_one), own[:, :, stress])
    if settings.copula == "t":
        mixed = _with_shared_scale(mixed, settings.degrees_of_freedom, streams)
    return {**shocks, **dict(zip(names, mixed, strict=True))}


def root(matrix: Floats) -> Floats:
    """A lower-triangular root of a positive semi-definite matrix: Cholesky's, where it may be singular."""
    size = len(matrix)
    lower = np.zeros((size, size))
    for i in range(size):
        for j in range(i + 1):
            rest = matrix[i, j] - lower[i, :j] @ lower[j, :j]
            if i == j:
                lower[i, i] = math.sqrt(max(rest, 0.0))
            elif lower[j, j] > math.sqrt(_ROUNDING):
                lower[i, j] = rest / lower[j, j]
    return lower


def in_stress(settings: CorrelationSettings, hours: Floats, streams: Streams) -> NDArray[np.bool_]:
    """Which of the times [h] lie in a declared or drawn span of stress; every path shares it."""
    found = np.zeros(len(hours), dtype=bool)
    for start, end in (*settings.stress_hours, *_drawn_spans(settings, hours, streams)):
        found |= (hours >= start) & (hours < end)
    return found


def _drawn_spans(settings: CorrelationSettings, hours: Floats, streams: Streams) -> list[tuple[float, float]]:
    """Spans that begin as a Poisson process and last an exponential time; they may overlap."""
    spans: list[tuple[float, float]] = []
    if not settings.stress_rate or not len(hours):
        return spans
    random, at = streams.generator("market/stress"), 0.0
    mean = 365 * 24 / settings.stress_rate
    while (at := at + random.exponential(mean)) < hours[-1]:
        spans.append((at, at + random.exponential(settings.stress_mean_hours)))
    return spans


def _with_shared_scale(normals: Floats, freedom: float, streams: Streams) -> Floats:
    """Of normals, shape (assets, paths, steps), those of a t copula: t variables by one scale a step, then back."""
    _, paths, steps = normals.shape
    scale = streams.generator("market/copula").chisquare(freedom, (paths, steps)) / freedom
    probability = stdtr(freedom, normals / np.sqrt(np.maximum(scale, _SURE)))
    # Symmetric, so that neither tail is cut where a probability rounds to one.
    upper = stdtr(freedom, -normals / np.sqrt(np.maximum(scale, _SURE)))
    return np.where(normals < 0, ndtri(np.maximum(probability, _SURE)), -ndtri(np.maximum(upper, _SURE)))
