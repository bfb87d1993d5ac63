"""The laws of a perpetual market hold in its storms, and each fails where what it is about is broken."""

from collections import Counter
from fractions import Fraction

import pytest

from simulator.validation.catalogue import chosen
from simulator.validation.law import NoData, judge
from simulator.validation.perp_storm import NOTHING_OFF, STORMS, Deleveraged, Report, StormBench, rage
from simulator.validation.perps import require_storm, storms

STEPS = 250


@pytest.mark.slow
@pytest.mark.parametrize("law", chosen(["conservation", "adl"]), ids=lambda law: law.name)
def test_a_law_of_the_perpetual_market_holds(law):
    finding = judge(law)
    assert finding.verdict == "holds", finding


@pytest.mark.slow
def test_the_storms_see_every_way_in_which_a_loss_falls():
    report = storms()
    for action in ("bankrupt", "deleverage", "socialise", "settlePool", "donate", "withdrawFund", "executeOrder"):
        assert report.done[action], action
    refused = ("AccountHealthy", "DeleverageNotRequired", "NotProfitable", "WrongSide", "AlreadyDeleveraged")
    for error in refused:
        assert report.done[error], error
    assert any(each.after == each.floor for each in report.deleveraged)


def test_storms_in_which_nothing_happened_are_no_data():
    calm = Report(NOTHING_OFF, Counter(trade=10_000), [])
    with pytest.raises(NoData, match="liquidate"):
        require_storm(calm)
    with pytest.raises(NoData, match="were deleveraged"):
        require_storm(storms()._replace(deleveraged=storms().deleveraged[:20]))


class Gifted(StormBench):
    """Tokens come to the market that nobody booked."""

    def meddle(self):
        self.lab.endow(self.token, self.market.address, 1)


class Blind(StormBench):
    """One account is left out."""

    def books(self):
        everybody, self.traders = self.traders, self.traders[1:]
        found = super().books()
        self.traders = everybody
        return found


class Reversed(StormBench):
    """Funding that is due has the other sign."""

    def account(self, owner):
        account = super().account(owner)
        return account._replace(due=-account.due)


class WithoutPremium(StormBench):
    """Positions are closed at the index, whatever the skew."""

    def worth(self, price, twice_skew):
        return super().worth(price, 0)


@pytest.mark.parametrize(
    ("broken", "books"),
    [
        (Gifted, {"cash"}),
        (Blind, {"positions", "cash", "profit"}),
        (Reversed, {"funding", "profit"}),
        (WithoutPremium, {"profit"}),
    ],
)
@pytest.mark.parametrize("storm", [STORMS[0], STORMS[3]], ids=str)
def test_books_that_are_broken_are_seen(broken, books, storm):
    off = rage([broken(storm)], STEPS).worst
    assert books <= {name for name, value in off._asdict().items() if value}
    assert broken is not Gifted or set(off._asdict().items()) == {
        *NOTHING_OFF._replace(cash=off.cash)._asdict().items()
    }


def test_the_smallest_unit_that_is_missing_is_seen():
    storm = STORMS[0]
    bench = Gifted(storm)
    bench.meddle()
    assert bench.books().cash == 1


def deleveraged_under(other_rule):
    """Deleveraged by a backstop with another trigger and floor [usd] than the law is told."""
    found = []
    for seed in range(4):
        bench = StormBench(STORMS[0]._replace(seed=seed))
        bounds = [bench.money(usd) for usd in other_rule]
        bench.lab.do(bench.lab.owner, bench.backstop, "setRule", 0, *bounds, bench.terms.patience)
        found += rage([bench], STEPS).deleveraged
    return found


def test_a_backstop_that_goes_below_the_floor_is_seen():
    assert any(not each.above_floor for each in deleveraged_under((500, 0)))


def test_a_backstop_that_begins_below_the_trigger_is_seen():
    assert any(not each.exhausted for each in deleveraged_under((0, 0)))


FAIR = Deleveraged(True, 0, 200, 900, 200, Fraction(5), 0, other_side=True, reduced=True, in_debt=False)


@pytest.mark.parametrize(
    ("change", "broken"),
    [
        ({"called_for": False}, "exhausted"),
        ({"fund": 1}, "exhausted"),
        ({"after": 199}, "above_floor"),
        ({"before": 200}, "above_floor"),
        ({"profit": Fraction(0)}, "from_profit"),
        ({"kept": -1}, "from_profit"),
        ({"other_side": False}, "from_profit"),
        ({"reduced": False}, "from_profit"),
        ({"in_debt": True}, "from_profit"),
    ],
)
def test_each_rule_of_deleveraging_can_be_broken(change, broken):
    rules = ("exhausted", "above_floor", "from_profit")
    assert all(getattr(FAIR, rule) for rule in rules)
    assert [rule for rule in rules if not getattr(FAIR._replace(**change), rule)] == [broken]
