"""The funding index of a perp market as its contract counts it (PerpFunding.sol), in the same integers."""

from typing import NamedTuple

from simulator.units import WAD

_DAY = 86_400


class FundingRule(NamedTuple):
    """IPerpMarket.FundingConfig."""

    mode: int  # 0 premium, 1 velocity
    max_rate: int  # [wad a day]
    period: int  # [s]
    interval: int  # [s]
    interest: int  # [wad a period]
    clamp: int  # [wad a period]
    max_velocity: int  # [wad a day, a day]


def quotient(a: int, b: int) -> int:
    """a / b towards zero, as Solidity divides."""
    return a // b if (a >= 0) == (b > 0) else -(-a // b)


def clamped(value: int, low: int, high: int) -> int:
    """The value within bounds."""
    return min(max(value, low), high)


class FundingState(NamedTuple):
    """PerpFunding.FundingState."""

    paid: int = 0  # [margin ray per size] the funding index
    updated_at: int = 0  # [unix s]
    interval_start: int = 0  # [unix s]
    premium_time: int = 0  # [wad * s]
    day_rate: int = 0  # [wad a day * s a day]

    def at(self, now: int, rule: FundingRule, premium: int, worth: int) -> "FundingState":
        """Brought up to `now` [unix s] at a premium [wad] and the worth of a unit [margin ray, without sign]."""
        if now == self.updated_at:
            return self
        if rule.mode:
            twice_area, changed = self._ramp(now, rule, premium)
        else:
            area, changed = self._charge(now, rule, premium)
            twice_area = area * 2 * _DAY
        paid = self.paid + quotient(twice_area * worth, 2 * _DAY * _DAY * WAD)
        return changed._replace(paid=paid, updated_at=now)

    def index_at(self, now: int, rule: FundingRule, premium: int, worth: int) -> int:
        """The index alone, which between charges is the same."""
        if now == self.updated_at or (not rule.mode and now < self.interval_start + rule.interval):
            return self.paid
        return self.at(now, rule, premium, worth).paid

    def _charge(self, now: int, rule: FundingRule, premium: int) -> tuple[int, "FundingState"]:
        """[wad a day * s] of the intervals that are over."""
        end = self.interval_start + rule.interval
        if now < end:
            return 0, self._replace(premium_time=self.premium_time + premium * (now - self.updated_at))
        mean = quotient(self.premium_time + premium * (end - self.updated_at), rule.interval)
        whole = (now - end) // rule.interval
        area = (premium_rate(rule, mean) + premium_rate(rule, premium) * whole) * rule.interval
        start = end + whole * rule.interval
        return area, self._replace(interval_start=start, premium_time=premium * (now - start))

    def _ramp(self, now: int, rule: FundingRule, premium: int) -> tuple[int, "FundingState"]:
        """Twice the area under the rate, which moves in a straight line to its bound."""
        t, r = now - self.updated_at, self.day_rate
        v = quotient(clamped(premium, -WAD, WAD) * rule.max_velocity, WAD)
        bound = rule.max_rate * _DAY * (-1 if v < 0 else 1)
        reached = r + v * t
        if v == 0 or (reached <= bound if v > 0 else reached >= bound):
            return 2 * r * t + v * t * t, self._replace(day_rate=reached)
        return 2 * bound * t - quotient((bound - r) ** 2, v), self._replace(day_rate=bound)

    def rate(self, rule: FundingRule, premium: int) -> int:
        """The rate of this moment [wad a day], of a state brought up to now."""
        return quotient(self.day_rate, _DAY) if rule.mode else premium_rate(rule, premium)

    def restarted(self, now: int, rule: FundingRule) -> "FundingState":
        """What a change of the rule leaves: a new interval, and a rate within the new bound."""
        most = rule.max_rate * _DAY
        return self._replace(
            updated_at=now, interval_start=now, premium_time=0, day_rate=clamped(self.day_rate, -most, most)
        )


def premium_for(rule: FundingRule, rate: int) -> int:
    """A premium [wad] with that rate [wad a day], bound aside; at the rate of no premium the one of that."""
    in_period = quotient(rate * rule.period, _DAY)
    return in_period + (rule.clamp if in_period > rule.interest else -rule.clamp if in_period < rule.interest else 0)


def premium_rate(rule: FundingRule, premium: int) -> int:
    """[wad a day] (P + clamp(r - P, -c, c)) a period, within the bound."""
    in_period = premium + clamped(rule.interest - premium, -rule.clamp, rule.clamp)
    return clamped(quotient(in_period * _DAY, rule.period), -rule.max_rate, rule.max_rate)
