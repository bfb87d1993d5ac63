"""Laws of liquidation hold, on liquidations of every kind, and what contradicts them would be counted."""

from fractions import Fraction

import pytest

from simulator.units import WAD, to_wad
from simulator.validation.catalogue import chosen
from simulator.validation.law import judge
from simulator.validation.liquidation import TERMS, Bench, Liquidation, Terms, liquidations


@pytest.mark.parametrize("law", chosen(["toxic-liquidation"]), ids=lambda law: law.name)
def test_a_law_of_liquidation_holds(law):
    finding = judge(law)
    assert finding.verdict == "holds", finding.result


@pytest.fixture(scope="module", params=TERMS, ids=str)
def done(request):
    return request.param, list(liquidations(request.param, 150, seed=3))


def excess(one):
    return one.before * one.taken / one.repaid - 1


def test_both_sides_of_the_boundary_are_seen_and_its_nearest(done):
    terms, all_of_them = done
    over = [excess(one) for one in all_of_them]
    assert sum(each > 0.01 for each in over) >= 30
    assert sum(each < -0.01 for each in over) >= 30
    assert sum(one.raised for one in all_of_them) >= 30
    near = 1e-6 if terms.stability_fee or terms.decimals < 18 else 1e-15
    assert sum(abs(each) < near for each in over) >= 8


def test_what_is_taken_is_the_debt_repaid_and_the_bonus_on_it_whoever_gets_it(done):
    terms, all_of_them = done
    unit = 10 ** (18 - terms.decimals)
    for one in all_of_them:
        wanted = one.repaid * (1 + Fraction(to_wad(terms.bonus), WAD))
        assert 0 <= wanted - one.taken <= 3000 * unit + 2  # a unit of collateral is worth up to its price
        fee = float(terms.protocol_fee * (one.taken - one.repaid))
        assert float(one.taken - one.kept) == pytest.approx(fee, rel=1e-12, abs=3000 * unit)


def test_the_liquidators_own_part_would_put_the_boundary_elsewhere(done):
    terms, all_of_them = done
    wrong = sum(one.contradicts(one.kept) for one in all_of_them)
    assert wrong >= 10 if terms.protocol_fee else wrong == 0


def test_who_asks_for_all_of_a_covered_debt_gets_half():
    bench = Bench(Terms(0.1, protocol_fee=0.2))
    owner = bench.lab.person("owner 0")
    bench.open(owner, 10 * WAD, 6000 * WAD)
    done = bench.liquidate(owner, bench.price_at(owner, 0.9), Fraction(1))
    assert done.repaid == 3000 * WAD
    assert done.covered
    assert not done.raised
    assert bench.position(owner)[1] == 3000 * WAD


@pytest.mark.parametrize(
    ("before", "after", "contradicts"),
    [("0.8", "0.79", False), ("0.8", "0.81", True), ("0.95", "0.96", False), ("0.95", "0.94", True)],
)
def test_a_loan_to_value_that_moves_the_wrong_way_is_a_contradiction(before, after, contradicts):
    one = Liquidation(
        Fraction(before), Fraction(after), 100, Fraction(110), Fraction(110), covered=True, rounding=Fraction(1, 100)
    )
    assert one.contradicts(one.taken) == contradicts


def test_within_a_unit_of_rounding_neither_way_is_a_contradiction():
    at_the_boundary = Fraction(100, 110) * (1 - Fraction(1, 200))
    one = Liquidation(
        at_the_boundary, Fraction(1), 100, Fraction(110), Fraction(110), covered=True, rounding=Fraction(1, 100)
    )
    assert not one.contradicts(one.taken)
