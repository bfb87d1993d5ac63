"""The laws of option markets and margin hold, and each fails where what it is about is broken."""

from collections import Counter
from random import Random

import pytest

from simulator.units import WAD, to_wad
from simulator.validation import options_gap
from simulator.validation.catalogue import chosen
from simulator.validation.law import NoData, judge
from simulator.validation.options_bench import CALL, PUT, flat
from simulator.validation.options_gap import Fall, HouseGap, MarketGap, Trial, gaps
from simulator.validation.options_house import grid
from simulator.validation.options_margin import HEDGED, Book, MarginBench, any_book, premiums_off
from simulator.validation.options_quotes import QuotedMarket, dent, quotes_off, spread_off, surface_off


@pytest.mark.parametrize("law", chosen(["option-quotes", "put-seller-gap"]), ids=lambda law: law.name)
def test_a_law_of_an_option_market_holds(law):
    finding = judge(law)
    assert finding.verdict == "holds", finding


@pytest.mark.slow
@pytest.mark.parametrize("law", chosen(["portfolio-margin"]), ids=lambda law: law.name)
def test_a_law_of_portfolio_margin_holds(law):
    finding = judge(law)
    assert finding.verdict == "holds", finding


# -------------------------------------------------------------------- quotes

TINY = 10**8  # [wad] of two thousand Dollars: the thirteenth digit


class DearCalls(QuotedMarket):
    """Calls cost a little more than puts of their strike say."""

    def quote(self, expiry, strike, kind, size):
        return super().quote(expiry, strike, kind, size) + (TINY if kind == CALL else 0)


class BelowExercise(QuotedMarket):
    """Who sells deep in the money gets less than exercise is worth; parity is kept."""

    def quote(self, expiry, strike, kind, size):
        return super().quote(expiry, strike, kind, size) - (to_wad(5) if size < 0 else 0)


class DearStrike(QuotedMarket):
    """One strike is dear, alike to buyers and sellers, calls and puts."""

    def quote(self, expiry, strike, kind, size):
        return super().quote(expiry, strike, kind, size) + (to_wad(500) if strike == self.strikes[3] else 0)


def test_a_quote_without_parity_is_seen():
    assert quotes_off(QuotedMarket(1)).parity < 1e-15
    assert quotes_off(DearCalls(1)).parity > 1e-15


def test_a_quote_below_exercise_is_seen():
    found = quotes_off(BelowExercise(1))
    assert found.bounds > 1e-15
    assert found.parity < 1e-15


def test_a_butterfly_for_less_than_nothing_is_seen():
    assert spread_off(QuotedMarket(1)).convexity < 1e-15
    assert spread_off(DearStrike(1)).convexity > 1e-3


def test_a_surface_with_a_butterfly_is_seen():
    market = QuotedMarket(1)
    assert surface_off(market).convexity < 1e-15
    prices = market.bench.prices
    peak = to_wad(2_000)
    market.bench.prices = lambda strike, expiry: tuple(
        price + to_wad(50) * (abs(strike - peak) < WAD) for price in prices(strike, expiry)
    )
    assert surface_off(market).convexity > 1e-15


def test_a_trade_moves_the_quotes_that_are_looked_at():
    market = QuotedMarket(2)
    before = {each: market.quote(*each, WAD) for each in market.series}
    market.trade(80)
    after = {each: market.quote(*each, WAD) for each in market.series}
    assert sum(before[each] != after[each] for each in before) > 50


@pytest.mark.parametrize(
    ("strikes", "wings", "body", "expected"),
    [((90, 100, 110), (12, 4), 8, 0.0), ((90, 100, 110), (12, 4), 9, 0.01), ((90, 100, 120), (12, 3), 9, 0.0),
     ((90, 100, 120), (12, 3), 10, 0.01)],
)  # fmt: skip
def test_a_dent_is_what_the_middle_is_above_the_line_between_its_neighbours(strikes, wings, body, expected):
    assert dent(strikes, wings, body) == pytest.approx(expected)


# -------------------------------------------------------------------- margin


@pytest.fixture(scope="module")
def bench():
    return MarginBench()


def test_the_grid_has_twenty_three_shocks_to_a_fifth_and_two_beyond():
    assert len(grid()) == len(set(grid())) == 23
    assert {abs(spot) for spot, _ in grid()[:-2]} <= {0, WAD // 15, 2 * WAD // 15, WAD // 5}
    assert min(spot for spot, _ in grid()) == -3 * WAD // 10


@pytest.mark.parametrize("hedge", HEDGED, ids=lambda hedge: hedge.__name__)
def test_a_hedged_book_needs_less_by_its_portfolio(bench, hedge):
    rng = Random(1)
    for _ in range(5):
        bench.change_surface(rng)
        book = hedge(bench, rng)
        assert bench.excess(book, initial=True) < 0
        assert bench.excess(book, initial=False) < 0


def test_a_book_that_is_not_hedged_is_seen(bench):
    bench.options.report(flat(0.6))
    written = ((0, 7, CALL), -WAD), ((0, 7, PUT), -WAD)
    assert bench.excess(bench.legs(*written[:1]), initial=True) > 0
    assert bench.excess(bench.legs(*written), initial=False) > 0


def test_a_hedge_that_is_left_out_is_seen(bench):
    rng = Random(2)
    found = []
    for _ in range(20):
        book = HEDGED[2](bench, rng)
        found.append(
            bench.excess(Book(Counter({leg: size for leg, size in book.legs.items() if size < 0})), initial=True)
        )
    assert max(found) > 0


class Counting(MarginBench):
    """Margin of options held as of options written."""

    def margin_of_book(self, model, legs, *, cash=0, base=0, initial=True):
        found = super().margin_of_book(model, legs, cash=cash, base=base, initial=initial)
        held = sum(size for (instrument, _), size in legs.items() if size > 0 and instrument is self.by_options)
        return found._replace(required=found.required + held * 20)


def test_a_long_option_that_takes_more_than_its_premium_is_seen(bench):
    assert max(premiums_off(bench, 20, seed=3)) <= 1e-12
    assert max(premiums_off(Counting(), 20, seed=3)) > 1e-12


@pytest.mark.parametrize("portfolio", [True, False])
def test_an_option_that_is_given_away_gives_room_to_a_portfolio_and_none_where_it_has_no_loan_value(bench, portfolio):
    rng = Random(4)
    book, bought = any_book(bench, rng), bench.series[0, 7, CALL]
    assert bench.taken(book, bought, 10 * WAD, portfolio=portfolio) <= 1e-12
    model = bench.portfolio if portfolio else bench.standard
    free = book.and_(Book(Counter({bought: 10 * WAD})))
    before, after = (bench.margin_of_book(model, each.legs, base=each.base).room for each in (book, free))
    assert after > before if portfolio else after == before


# ---------------------------------------------------------------------- gaps


@pytest.mark.parametrize(
    ("loss", "tiers", "parts", "rest"),
    [
        (5, (3, 4), [3, 2], 0),
        (9, (3, 4), [3, 4], 2),
        (2, (3, 4), [2, 0], 0),
        (5, (-3, 4), [0, 4], 1),
        (0, (1,), [0], 0),
    ],
)
def test_a_loss_falls_on_the_first_tier_first(loss, tiers, parts, rest):
    assert Fall.of(loss, *tiers) == (parts, rest)


class Backwards(Fall):
    """The last tier pays first."""

    @classmethod
    def of(cls, loss, *tiers):
        parts, rest = Fall.of(loss, *reversed(tiers))
        return Fall(parts[::-1], rest)


@pytest.mark.parametrize("gap", [MarketGap, HouseGap])
def test_another_order_of_the_tiers_is_seen(gap, monkeypatch):
    seeds = range(12)
    assert sum(trial.off for trial in (gap(seed).run() for seed in seeds) if trial) == 0
    monkeypatch.setattr(options_gap, "Fall", Backwards)
    assert sum(trial.off for trial in (gap(seed).run() for seed in seeds) if trial) > 0


class Sloppy(HouseGap):
    """A wei too much is in the books of the members after the auction."""

    def _judged(self, before, *rest):
        return super()._judged({**before, "membersFund": before["membersFund"] + 1}, *rest)


class SloppyMarket(MarketGap):
    """A holder is told to have a wei less than it has."""

    looked = 0

    def books(self):
        self.looked += 1
        found = super().books()
        return {**found, "holder 1": found["holder 1"] - self.looked % 2}


@pytest.mark.parametrize("gap", [Sloppy, SloppyMarket])
def test_a_wei_is_seen(gap):
    trials = [trial for trial in (gap(seed).run() for seed in range(4)) if trial]
    assert trials
    assert all(trial.off for trial in trials)


def test_members_who_do_not_lose_alike_are_seen():
    fair = HouseGap(0)
    assert fair._members_off() == 0
    fair.brought[0] += 10
    assert fair._members_off() > 0


def test_a_tier_that_never_paid_is_no_data():
    trials = [None, *(Trial(0, Counter(house=1)) for _ in range(20))]
    assert gaps(trials, ["house"]).paid == Counter(house=20)
    with pytest.raises(NoData, match="members: paid in 0 trials"):
        gaps(trials, ["house", "members"])
