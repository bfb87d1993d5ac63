"""How much thinner than stated a market is: by realised volatility, and by the time since the last shock.

Depth goes at once and comes back with a half-life. So it does not tremble with every estimate of the volatility, and
the displacement that returning depth fills (see `book`) goes no faster than depth returns, whatever the block time.
"""

import math
from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from simulator.market.impact import ImpactSettings


class Thinning:
    """By what depth is divided, `times`: 1 is as stated."""

    __slots__ = ("_depth_left", "_excess", "_move", "_normal", "_recovery", "_window", "times")

    def __init__(self, settings: "ImpactSettings") -> None:
        self._excess, self._normal = settings.thinning, settings.normal_volatility
        self._recovery = math.log(2) / (settings.recovery_minutes * 60)
        self._move, self._depth_left = settings.shock_move, settings.shock_depth
        self._window = Window(settings.shock_minutes * 60)
        self.times = 1.0

    def advance(self, seconds: float, volatility: float) -> float:
        """Some time has passed at a realised volatility [a year]."""
        recovered = 1 + (self.times - 1) * math.exp(-self._recovery * seconds) if self.times > 1 else 1.0
        by_volatility = 1 + self._excess * max(0.0, volatility / self._normal - 1)
        self.times = max(recovered, by_volatility)
        return self.times

    def see(self, price: float, seconds: float) -> bool:
        """Look at the price after some time; whether it is a shock, in which depth is at most what a shock leaves."""
        if not self._move:
            return False
        low, high = self._window.add(price, seconds)
        if price > high * (1 - self._move) and price < low * (1 + self._move):
            return False
        self.times = max(self.times, 1 / self._depth_left)
        return True


class Window:
    """The lowest and the highest of the values of some last seconds."""

    __slots__ = ("_highs", "_lows", "_now", "_seconds")

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._now = 0.0
        # Of the values that may yet be the extreme, the older the more extreme: the first is the extreme now.
        self._lows: deque[tuple[float, float]] = deque()
        self._highs: deque[tuple[float, float]] = deque()

    def add(self, value: float, seconds: float) -> tuple[float, float]:
        """Take in a value, `seconds` after the last one; the extremes."""
        self._now += seconds
        since = self._now - self._seconds
        for extremes, sign in ((self._lows, 1), (self._highs, -1)):
            while extremes and extremes[0][0] < since:
                extremes.popleft()
            while extremes and sign * extremes[-1][1] >= sign * value:
                extremes.pop()
            extremes.append((self._now, value))
        return self._lows[0][1], self._highs[0][1]
