"""Laws of a constant-product pool: what arbitrage takes from it, and what holding the tokens would have brought."""

import math
from decimal import Decimal, localcontext
from fractions import Fraction
from functools import partial

import numpy as np

from simulator.validation.arbitrage import BytecodePools, FormulaPools, Pools, profit_over_loss
from simulator.validation.lab import Lab
from simulator.validation.law import Measured, add_law, by_mean

_CAP = 0.02  # 3 SE of the value
_VOLATILITY = 0.00005  # σ a block, so small that the square of a fee of 5 σ is nothing beside the fee
_BYTECODE_RATIO = 1.0
_DEPOSIT = 10**15  # [units] of each token, so few that doubles tell one unit more or less apart


def loss_versus_rebalancing(kind: type[FormulaPools] | type[BytecodePools], ratio: float, count: int) -> Measured:
    """Profit over V σ²/8 at f/σ = `ratio`, each path of `count` pools being a sample."""
    fee = ratio * _VOLATILITY
    pools: Pools = kind(count, fee)
    blocks = 5000 if kind is FormulaPools else 3000
    rng = np.random.default_rng([1, round(2 * ratio)])
    shares = profit_over_loss(pools, fee, _VOLATILITY, blocks, rng)
    return by_mean(1 / (1 + 1.7164 * ratio), shares, _CAP)


def impermanent_loss(ratio: Fraction) -> Measured:
    """What the first provider of a pool without a fee gets back, over what the share's deposit is worth, less 1.

    Every rounding is of one unit at most: the swap keeps up to a unit of base, a withdrawal up to a unit of each token,
    and at the edge a unit more or less sold changes the worth by less than 1e-15 of a unit. So the worth is off by at
    most one unit of base and one of quote, the holding being `share * _DEPOSIT` of each.
    """
    lab = Lab()
    base, quote = lab.token("BASE"), lab.token("QUOTE")
    pool = lab.deploy("ConstantProductPool", base.address, quote.address, 0)
    provider, trader = lab.person("provider"), lab.person("arbitrageur")
    for token in (base, quote):
        lab.endow(token, provider, _DEPOSIT, pool)
        lab.endow(token, trader, 1000 * _DEPOSIT, pool)
    shares, *_ = lab.do(provider, pool, "addLiquidity", _DEPOSIT, _DEPOSIT, provider)
    share = Fraction(shares, lab.read(pool, "totalSupply"))
    if ratio > 1:
        lab.do(trader, pool, "swap", quote.address, _at_the_edge(ratio) - _DEPOSIT, 0, trader)
    else:
        lab.do(trader, pool, "swap", base.address, _at_the_edge(1 / ratio) - _DEPOSIT, 0, trader)
    lab.do(provider, pool, "removeLiquidity", shares, provider)
    got = [lab.read(token, "balanceOf", provider) for token in (base, quote)]
    held = share * _DEPOSIT * (1 + ratio)
    measured = (got[0] * ratio + got[1]) / held - 1
    return Measured(_formula(ratio), float(measured), float((1 + ratio) / held))


def _at_the_edge(ratio: Fraction) -> int:
    """What a pool that began at a price of 1 holds of the dearer side's counterpart at a price of `ratio` [units]."""
    return math.isqrt(_DEPOSIT**2 * ratio.numerator // ratio.denominator)


def _formula(ratio: Fraction) -> float:
    """2 √r / (1 + r) - 1 to the last digit of a double."""
    with localcontext(prec=50):
        r = Decimal(ratio.numerator) / ratio.denominator
        return float(2 * r.sqrt() / (1 + r) - 1)


_LVR = "With a one-sided fee f of {:g} σ a block, one arbitrage a block earns 1/(1 + 1.7164 f/σ) of V σ²/8, {}."
_LVR_SOURCE = (
    "Nezlobin and Tassy, Loss-Versus-Rebalancing under Deterministic and Generalized Block-Times (2025); "
    "V σ²/8: Milionis, Moallemi, Roughgarden and Zhang, Automated Market Making and Loss-Versus-Rebalancing (2022)"
)
for _ratio in (0.5, 1.0, 2.0, 3.0, 5.0):
    add_law(
        f"loss-versus-rebalancing/{_ratio:g}",
        _LVR.format(_ratio, "by the pool's formula"),
        _LVR_SOURCE,
        partial(loss_versus_rebalancing, FormulaPools, _ratio, 4000),
    )
add_law(
    "loss-versus-rebalancing/bytecode",
    _LVR.format(_BYTECODE_RATIO, "with every trade on the pool's bytecode"),
    _LVR_SOURCE,
    partial(loss_versus_rebalancing, BytecodePools, _BYTECODE_RATIO, 100),
)
for _change in (Fraction(5, 4), Fraction(2), Fraction(4)):
    add_law(
        f"impermanent-loss/{float(_change):g}",
        f"At {float(_change):g} times the price it began with, a pool without a fee is worth less than what was put "
        "into it, by 2 √r / (1 + r) - 1.",
        "from reserve0 * reserve1 = k and a pool price equal to the market's; "
        "tolerance: one unit of each token, by the contract's roundings",
        partial(impermanent_loss, _change),
    )
