"""A writer who hedges an option on chain: delta asked of the surface, traded in a pool of spot, settled at expiry."""

import math
from collections.abc import Sequence

import numpy as np

from simulator.protocols.genesis import Contract
from simulator.units import WAD, to_wad
from simulator.validation.options_bench import CALL, FREE, OptionBench, flat
from simulator.validation.options_paths import YEAR, Call, Floats
from simulator.validation.vault_bench import SpotPool

_MONEY = 10**9  # [usd]
_LIVES = 100  # of one chain: its clock would run into another century


class Hedger:
    """Of one option at a time, in a market and a pool that charge nothing."""

    def __init__(self, call: Call) -> None:
        self.call = call
        self.bench = bench = OptionBench(FREE, spot=call.spot)
        self.lab = lab = bench.lab
        self.writer = lab.person("writer")
        bench.report(flat(call.volatility), call.rate)
        self.pool = SpotPool(lab, bench.base, bench.dollar, 0.0)
        bench.fund(self.writer, _MONEY)
        lab.endow(bench.dollar, self.writer, _MONEY * WAD, self.pool.contract)
        lab.endow(bench.base, self.writer, 0, self.pool.contract)

    def cost(self, spots: Sequence[float], times: Sequence[int]) -> float:
        """What hedging one option costs, each payment discounted to the start: see `discounted_cost`."""
        started = self.lab.now + 20
        expiry, cost = started + self.call.seconds, 0.0
        for time, spot in zip(times[:-1], spots[:-1], strict=True):
            self._see(started + time, spot)
            cost += math.exp(-self.call.rate * time / YEAR) * self._trade(self._delta(expiry), spot)
            if not time:
                series = self._write(expiry)
        self._see(expiry, spots[-1])
        self.bench.expire(expiry)
        paid = (
            self._trade(0, spots[-1])
            - int(self.lab.do(self.writer, self.bench.market, "settle", self.writer, series)) / WAD
        )
        return cost + math.exp(-self.call.rate * times[-1] / YEAR) * paid

    def _see(self, moment: int, spot: float) -> None:
        """Price and pool are there when the surface is reported, at the moment itself."""
        self.lab.wait(moment - self.lab.now - 5)
        self.bench.say(to_wad(spot))
        self.pool.follow(to_wad(spot))
        self.lab.wait(moment - self.lab.now - 1)
        self.bench.report(flat(self.call.volatility), self.call.rate)

    def _delta(self, expiry: int) -> int:
        """[wad] of the call, by the surface."""
        of_call, _ = self.lab.read(self.bench.surface, "greeksOf", to_wad(self.call.strike), expiry)
        return int(of_call[0])

    def _write(self, expiry: int) -> int:
        series = self.bench.list(expiry, to_wad(self.call.strike), CALL)
        self.bench.trade(self.writer, series, -WAD, to_wad(self.call.spot * 10))
        return series

    def _trade(self, target: int, spot: float) -> float:
        """[usd] paid for holding so much of spot."""
        money, held = self._balance(self.bench.dollar), self._balance(self.bench.base)
        if target == held:
            return 0.0
        token, given = (self.bench.base, held - target)
        if target > held:
            token, given = self.bench.dollar, (target - held) * to_wad(spot) // WAD
        self.lab.do(self.writer, self.pool.contract, "swap", token.address, given, 0, self.writer)
        return (money - self._balance(self.bench.dollar)) / WAD

    def _balance(self, token: Contract) -> int:
        return int(self.lab.read(token, "balanceOf", self.writer))


def costs_on_chain(call: Call, spots: Floats, times: Sequence[int]) -> Floats:
    """What hedging costs on each path, as `discounted_cost` has it."""
    costs = []
    for path in range(spots.shape[1]):
        if path % _LIVES == 0:
            hedger = Hedger(call)
        costs.append(hedger.cost(spots[:, path].tolist(), times))
    return np.array(costs)
