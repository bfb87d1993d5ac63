"""Pools beside a market whose price wanders, and an arbitrageur without costs who trades once a block.

The same trades go to the pool's bytecode or to its formula, which is as fast as a law with millions of blocks needs.
"""

import math
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from simulator.units import to_wad
from simulator.validation.lab import Lab, Step

Floats = NDArray[np.float64]

_DEPOSIT = 10**24  # [units] of each token: a thousandth of the smallest trade is still far above the rounding


class Pools(Protocol):
    """Several pools of one fee. What is sold is per pool and in the tokens' smallest units, zero for no trade."""

    base: Floats  # reserves [units]
    quote: Floats

    def swap(self, base: Floats, quote: Floats) -> tuple[Floats, Floats]:
        """Sell base to some pools and quote to others; gives the base and quote that came out."""
        ...


class FormulaPools:
    """What ConstantProductPool computes, in floats: out = y a / (x + a) with a, the amount after the fee."""

    def __init__(self, count: int, fee: float) -> None:
        self._kept = 1 - fee
        self.base = np.full(count, float(_DEPOSIT))
        self.quote = np.full(count, float(_DEPOSIT))

    def swap(self, base: Floats, quote: Floats) -> tuple[Floats, Floats]:
        """See `Pools.swap`."""
        after_fee = self._kept * base, self._kept * quote
        base_out = self.base * after_fee[1] / (self.quote + after_fee[1])
        quote_out = self.quote * after_fee[0] / (self.base + after_fee[0])
        self.base += base - base_out
        self.quote += quote - quote_out
        return base_out, quote_out


class BytecodePools:
    """ConstantProductPools on an embedded chain; all trades of a block are in one block."""

    def __init__(self, count: int, fee: float) -> None:
        self._lab = lab = Lab()
        self._trader = lab.person("arbitrageur")
        self.tokens = lab.token("BASE"), lab.token("QUOTE")
        addresses = [token.address for token in self.tokens]
        self.pools = [lab.deploy("ConstantProductPool", *addresses, to_wad(fee)) for _ in range(count)]
        for token in self.tokens:
            lab.endow(token, lab.owner, count * _DEPOSIT, *self.pools)
            lab.endow(token, self._trader, 1000 * count * _DEPOSIT, *self.pools)
        for pool in self.pools:
            lab.do(lab.owner, pool, "addLiquidity", _DEPOSIT, _DEPOSIT, lab.owner)
        self.recorded = [[_DEPOSIT, _DEPOSIT] for _ in self.pools]  # reserves to the unit
        self.base = np.full(count, float(_DEPOSIT))
        self.quote = np.full(count, float(_DEPOSIT))

    def swap(self, base: Floats, quote: Floats) -> tuple[Floats, Floats]:
        """See `Pools.swap`."""
        came = np.zeros_like(base), np.zeros_like(quote)
        trades = [(int(at), 0, int(base[at])) for at in np.flatnonzero(base)]
        trades += [(int(at), 1, int(quote[at])) for at in np.flatnonzero(quote)]
        me = self._trader
        steps = [Step(me, self.pools[at], "swap", (self.tokens[i].address, sold, 0, me)) for at, i, sold in trades]
        for (at, sold_side, sold), output in zip(trades, self._lab.do_all(steps), strict=True):
            out = int.from_bytes(output, "big")
            reserves = self.recorded[at]
            reserves[sold_side] += sold
            reserves[1 - sold_side] -= out
            came[1 - sold_side][at] = out
            self.base[at], self.quote[at] = reserves
        return came

    def reserves(self) -> list[tuple[int, int]]:
        """What the contracts say they hold [units]."""
        return [self._lab.read(pool, "reserves") for pool in self.pools]


def to_the_edge(pools: Pools, fee: float, price: Floats) -> tuple[Floats, Floats]:
    """What to sell so that no further unit would pay at `price` [quote per base]: base to some, quote to others.

    Selling a of base, the next unit brings k x y / (x + k a)² of quote, k being what the fee leaves of it.
    """
    kept = 1 - fee
    middle, root = np.sqrt(kept * pools.base * pools.quote), np.sqrt(price)
    return (
        np.maximum(middle / root - pools.base, 0.0) / kept,
        np.maximum(middle * root - pools.quote, 0.0) / kept,
    )


def profit_over_loss(pools: Pools, fee: float, volatility: float, blocks: int, rng: np.random.Generator) -> Floats:
    """Of each pool: the arbitrageur's profit after fees over the loss versus rebalancing without fees, V σ²/8 a block.

    `volatility` is the standard deviation of the log price a block. The first blocks are not counted: it begins evenly
    spread between the two edges, and forgets that at a rate of π²/8 (σ/fee)² a block.
    """
    count, edge = len(pools.base), -math.log1p(-fee)
    forget = math.ceil(4 * (fee / volatility) ** 2) + 10
    log_price = np.log(pools.quote / pools.base) + rng.uniform(-edge, edge, count)
    profit, loss = np.zeros(count), np.zeros(count)
    for block in range(forget + blocks):
        log_price += volatility * rng.standard_normal(count) - volatility**2 / 2
        price = np.exp(log_price)
        worth = price * pools.base + pools.quote
        base, quote = to_the_edge(pools, fee, price)
        base_out, quote_out = pools.swap(base, quote)
        if block >= forget:
            profit += price * (base_out - base) + (quote_out - quote)
            loss += worth * volatility**2 / 8
    return profit / loss
