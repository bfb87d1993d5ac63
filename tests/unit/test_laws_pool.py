"""Laws of the pool hold, and the formula that the long ones are measured on is the bytecode's."""

from fractions import Fraction

import numpy as np
import pytest

from simulator.validation.arbitrage import BytecodePools, FormulaPools, profit_over_loss, to_the_edge
from simulator.validation.catalogue import chosen
from simulator.validation.law import judge
from simulator.validation.pool import impermanent_loss

LAWS = chosen(["loss-versus-rebalancing", "impermanent-loss"])


def test_every_ratio_of_the_table_is_judged():
    ratios = [f"loss-versus-rebalancing/{at}" for at in ("0.5", "1", "2", "3", "5", "bytecode")]
    assert [law.name for law in LAWS] == [*ratios, *(f"impermanent-loss/{r}" for r in ("1.25", "2", "4"))]


@pytest.mark.parametrize("law", LAWS, ids=lambda law: law.name)
def test_a_law_of_the_pool_holds(law):
    finding = judge(law)
    assert finding.verdict == "holds", finding.result


@pytest.mark.parametrize("ratio", [Fraction(1, 4), Fraction(2, 3), Fraction(101, 100), Fraction(10_000)])
def test_impermanent_loss_is_exact_at_other_ratios_too(ratio):
    assert impermanent_loss(ratio).holds


@pytest.mark.parametrize("fee", [0.0, 0.00025, 0.003, 0.1])
def test_the_formula_gives_what_the_bytecode_gives_over_random_trades(fee):
    rng = np.random.default_rng(3)
    formula, bytecode = FormulaPools(20, fee), BytecodePools(20, fee)
    for _ in range(15):
        sold = np.where(rng.random((2, 20)) < 0.8, 10 ** rng.uniform(17, 24, (2, 20)), 0)
        sold[0, sold[1] > 0] = 0
        for ours, theirs in zip(formula.swap(*sold), bytecode.swap(*sold), strict=True):
            np.testing.assert_allclose(ours, theirs, rtol=1e-12)
    held = bytecode.reserves()
    assert held == [tuple(pair) for pair in bytecode.recorded]
    np.testing.assert_allclose([formula.base, formula.quote], np.array(held, float).T, rtol=1e-12)


def test_arbitrage_earns_the_same_on_the_formula_as_on_the_bytecode():
    shares = [
        profit_over_loss(kind(8, 0.0002), 0.0002, 0.0001, 60, np.random.default_rng(5))
        for kind in (FormulaPools, BytecodePools)
    ]
    np.testing.assert_allclose(*shares, rtol=1e-8)
    assert len(np.unique(shares)) >= 8


@pytest.mark.parametrize("fee", [0.0, 0.003])
def test_no_other_amount_earns_more_than_the_edge(fee):
    prices = np.array([0.8, 0.95, 1.0, 1.002, 1.1, 1.7])

    def profit(scale):
        pools = FormulaPools(len(prices), fee)
        base, quote = (scale * sold for sold in to_the_edge(pools, fee, prices))
        base_out, quote_out = pools.swap(base, quote)
        return prices * (base_out - base) + quote_out - quote

    best = profit(1.0)
    assert (best[[0, 1, 4, 5]] > 0).all()
    assert (best[[2, 3]] == 0).all() or not fee
    for scale in (0.99, 1.01):
        assert (profit(scale) <= best).all()
        assert (profit(scale)[best > 0] < best[best > 0]).all()


def test_arbitrage_without_a_fee_earns_the_whole_loss():
    shares = profit_over_loss(FormulaPools(2000, 0.0), 0.0, 0.0001, 1000, np.random.default_rng(2))
    assert shares.mean() == pytest.approx(1, abs=4 * shares.std() / 2000**0.5)
    assert shares.std() / 2000**0.5 < 0.002
