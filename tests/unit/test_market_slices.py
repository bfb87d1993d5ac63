"""A sale in slices against one block: what it brings depends on what of its impact has decayed between them."""

from dataclasses import dataclass, field
from types import SimpleNamespace

import pytest
import simpy
from hypothesis import given
from hypothesis import strategies as st
from market_samples import STEP, flat_market
from pydantic import ValidationError

from simulator.agents.base import Desk, Fate
from simulator.exchange import Exchange
from simulator.market import ImpactSettings
from simulator.selling import AT_ONCE, SellingRule
from simulator.units import to_wad

AMOUNT = 50_000
STEPS = 400


@dataclass
class Sale:
    """A desk at an exchange, with a chain on which every deposit arrives, and blocks that pass."""

    impact: ImpactSettings
    clock: simpy.Environment = field(default_factory=simpy.Environment)

    def __post_init__(self):
        self.market = flat_market(self.impact, steps=STEPS, price=100.0)
        world = SimpleNamespace(market=self.market, clock=self.clock)
        self.exchange = object.__new__(Exchange)
        self.exchange._world, self.exchange._desk = world, None
        self.exchange._transfer = lambda *_: None
        world.exchange = self.exchange
        self.desk = object.__new__(Desk)
        self.desk._world, self.desk.cash = world, 0.0
        self.desk.send = lambda call: self.clock.timeout(0, Fate("included", "", None))
        self.clock.process(self._blocks())

    def _blocks(self):
        for step in range(1, STEPS + 1):
            yield self.clock.timeout(STEP)
            self.market.advance(step)

    def brings(self, rule):
        """Dollars, and when the last of them came."""
        dollars = self.clock.run(self.clock.process(self.desk.sell("ETH", to_wad(AMOUNT), rule)))
        assert dollars == pytest.approx(self.desk.cash)
        return dollars


def sliced(slices=8, minutes=40.0, **more):
    return SellingRule(slices=slices, minutes=minutes, **more)


def impact_of(**settings):
    return ImpactSettings(**{"depth_usd": 1e6, "permanent": 0.3, "half_life_minutes": 10} | settings)


def test_with_decaying_impact_slices_bring_more_and_the_more_the_longer_they_take():
    at_once = Sale(impact_of()).brings(AT_ONCE)
    quick = Sale(impact_of()).brings(sliced(minutes=10))
    slow = Sale(impact_of()).brings(sliced(minutes=60))
    assert at_once * 1.003 < quick
    assert quick * 1.003 < slow


@pytest.mark.parametrize("form", ["log", "additive"])
def test_with_impact_that_stays_slices_bring_what_the_block_brings(form):
    impact = impact_of(permanent=1.0, form=form)
    assert Sale(impact).brings(sliced()) == pytest.approx(Sale(impact).brings(AT_ONCE), rel=1e-12)


@given(st.floats(0, 1), st.floats(0.1, 100), st.integers(2, 30), st.floats(1, 60))
def test_slices_of_a_sale_never_bring_less_while_nobody_else_trades(permanent, half_life, slices, minutes):
    impact = impact_of(permanent=permanent, half_life_minutes=half_life)
    rule = sliced(slices=slices, minutes=minutes)
    assert Sale(impact).brings(rule) >= Sale(impact).brings(AT_ONCE) * (1 - 1e-12)


def test_the_first_slice_is_sold_at_once_and_the_last_a_pause_before_the_end():
    sale = Sale(impact_of())
    sale.brings(sliced(slices=4, minutes=20))
    assert sale.clock.now == 15 * 60


def test_a_quote_of_slices_is_what_they_bring_if_nobody_else_trades_and_moves_nothing():
    # The grid of blocks sees a decay up to a block late.
    sale = Sale(impact_of(permanent=0.2))
    rule = sliced(slices=8, minutes=8 * 26 / 60 * 5)
    quoted = sale.desk.quote_sale("ETH", to_wad(AMOUNT), rule)
    assert sale.market.price("ETH") == 100.0
    assert quoted == pytest.approx(sale.brings(rule), rel=2e-4)
    assert Sale(impact_of()).desk.quote_sale("ETH", to_wad(AMOUNT)) == Sale(impact_of()).brings(AT_ONCE)


def test_a_sale_goes_to_the_venue_of_its_rule_and_is_routed_where_there_is_none():
    venues = {"A": {"share": 0.5}, "B": {"share": 0.5}}
    there = Sale(impact_of(venues=venues))
    there.brings(SellingRule(venue="A"))
    assert there.market.price("ETH", "A") < there.market.price("ETH", "B") == 100.0
    routed = Sale(impact_of(venues=venues))
    assert routed.brings(SellingRule(venue="Z")) == pytest.approx(Sale(impact_of()).brings(AT_ONCE))


@pytest.mark.parametrize("rule", [{"slices": 0}, {"slices": 4}, {"minutes": 10}, {"minutes": -1}, {"venue": 1}])
def test_rules_that_say_nothing_are_refused(rule):
    with pytest.raises(ValidationError):
        SellingRule(**rule)
