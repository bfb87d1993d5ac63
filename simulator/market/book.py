"""One venue's displacement from the price outside: a permanent and a decaying part over a depth that may thin.

Why no sequence of trades profits, however depth moves (`tests/unit/test_market_round_trips.py` tries). Count a trade in
dollars n at the outside price; it moves the permanent part p by a n and the decaying part s by b n, at exp(p + s) per
unit. With r = a / b and k = a + b its cost is exactly what it adds to

    W = exp(p) ((1/a - 1/k) exp(-r s) + exp(s) / k) - 1/a

and W = (exp(p) - 1) / a >= n where s = 0. W is convex in s with its least value at s = 0, so decay only lowers it. It
falls as b rises, so thinning only lowers it; where b falls to a share of itself, s has to fall to that share too, or
who bought in a thin market would sell in a deep one at the price that he made. Depth that comes back fills the gap.
And a must not vary: what is left for good is information, which is not worth more because the book is thin.
"""

import math
from abc import ABC, abstractmethod

_ONE_PERCENT = math.log(1.01)
_UTMOST = 300.0  # log displacement beyond which prices are no numbers to reckon with; ratios of two still are
_LEAST = math.exp(-_UTMOST)  # of the price outside that is left where everything was sold


class Form(ABC):
    """How a displacement enters the price."""

    @abstractmethod
    def price(self, exogenous: float, level: float) -> float:
        """The price [usd] at a displacement."""

    @abstractmethod
    def unit(self, exogenous: float) -> float:
        """What a token moves the displacement by, times depth."""

    @abstractmethod
    def fill(self, quantity: float, exogenous: float, level: float, depth: float) -> tuple[float, float]:
        """Dollars for `quantity` tokens (sold when negative), and by how much it moves the displacement."""


class LogForm(Form):
    """The displacement is of the logarithm: a sale of q dollars outside moves it by ln(1.01) q / depth."""

    def price(self, exogenous: float, level: float) -> float:
        """See `Form.price`."""
        return exogenous * factor(level)

    def unit(self, exogenous: float) -> float:
        """See `Form.unit`."""
        return _ONE_PERCENT * exogenous

    def fill(self, quantity: float, exogenous: float, level: float, depth: float) -> tuple[float, float]:
        """See `Form.fill`. What no money buys costs infinity.

        With x tokens traded the price is price * exp(k x), k = ln(1.01) * exogenous price / depth. The dollars are its
        integral. k is the same before and after the order, so an order and its parts cost the same.
        """
        displaced = factor(level)
        price = exogenous * displaced
        slope = _ONE_PERCENT * price / (depth * displaced)
        shift = slope * quantity
        if not shift:
            return price * abs(quantity), 0.0
        if shift > _UTMOST:
            return math.inf, shift
        return abs(price * math.expm1(shift) / slope), shift


class AdditiveForm(Form):
    """The displacement is in dollars: a token moves it by .01 p² / depth, p the first price, at any price."""

    def __init__(self, first_price: float) -> None:
        self._unit = 0.01 * first_price * first_price

    def price(self, exogenous: float, level: float) -> float:
        """See `Form.price`; never below what the logarithmic form would leave."""
        return max(exogenous + level, exogenous * _LEAST)

    def unit(self, exogenous: float) -> float:
        """See `Form.unit`."""
        del exogenous
        return self._unit

    def fill(self, quantity: float, exogenous: float, level: float, depth: float) -> tuple[float, float]:
        """See `Form.fill`: the integral along a straight line, of nothing where it is below zero."""
        slope = self._unit / depth
        shift = slope * quantity
        before, after = exogenous + level, exogenous + level + shift
        if before >= 0 and after >= 0:
            return abs(quantity) * (before + after) / 2, shift
        return abs(max(after, 0.0) ** 2 - max(before, 0.0) ** 2) / (2 * slope), shift


class Book:
    """What trades at one venue have done to its price."""

    __slots__ = ("_permanent_share", "_stated", "_stays", "_times", "depth", "form", "permanent", "transient")

    def __init__(self, form: Form, depth: float, permanent_share: float) -> None:
        self.form = form
        self._stated = depth
        self._permanent_share = permanent_share
        self._times = 1.0
        self._stays = permanent_share
        self.depth = depth  # [usd] that moves the price by one per cent now
        self.permanent = 0.0
        self.transient = 0.0

    @property
    def level(self) -> float:
        """The displacement."""
        return self.permanent + self.transient

    def thin(self, times: float) -> None:
        """Let the decaying part of a move be `times` as large as stated, >= 1; see above for what depth fills."""
        if times < self._times:
            self.transient *= times / self._times
        self._times = times
        larger = 1 + (1 - self._permanent_share) * (times - 1)
        self.depth = self._stated / larger
        self._stays = self._permanent_share / larger

    def fill(self, quantity: float, exogenous: float) -> tuple[float, float]:
        """Dollars for `quantity` tokens (sold when negative) now, and the displacement it makes."""
        return self.form.fill(quantity, exogenous, self.level, self.depth)

    def shift(self, by: float) -> None:
        """Move the displacement, as a trade does."""
        self.permanent += by * self._stays
        self.transient += by * (1 - self._stays)

    def trade(self, quantity: float, exogenous: float) -> float:
        """Execute `quantity` tokens (sold when negative); the dollars."""
        dollars, by = self.fill(quantity, exogenous)
        self.shift(by)
        return dollars


def factor(level: float) -> float:
    """What the price outside is multiplied by at a log displacement; exactly 1 at none."""
    return math.exp(max(-_UTMOST, min(_UTMOST, level))) if level else 1.0
