"""Any faults together act in the documented order: a slow, plain model of that order says when what is reported.

The model asks at every second what is in force and goes through the whole chain of faults from the recorded prices,
keeping nothing between two seconds but the last report.
"""

from collections.abc import Iterator
from statistics import fmean, median
from typing import Any, NamedTuple

import numpy as np
import pytest
from feed_samples import STEP, Seen, fault, feed
from hypothesis import given, settings
from hypothesis import strategies as st

from simulator.streams import Streams

HOURS, SEED = 3.0, 11
END = round(HOURS * 3600)
WILD = {"process": "gbm", "price": 100.0, "volatility": 4.0}
KINDS = ("heartbeat", "deviation", "latency", "stall", "wick", "liars", "twap", "stuck", "peg")


class Model:
    """What the documentation of `simulator.oracle_faults` says, evaluated anew at each moment."""

    def __init__(self, oracle: Any, prices: dict[int, float]) -> None:
        self.oracle, self.prices = oracle, prices
        self.spans = [(*fault.span, fault) for fault in oracle.faults if fault.span[0] < fault.span[1]]

    def now(self, kind: str, at: int) -> list[Any]:
        return [fault for start, end, fault in self.spans if fault.kind == kind and start <= at < end]

    def own(self, kind: str, key: str, at: int) -> float:
        """A setting of the reporter, or what the last fault in force makes of it."""
        return getattr([self.oracle, *self.now(kind, at)][-1], key)

    def stalled(self, at: int) -> bool:
        outages = [(round(start * 3600), round(end * 3600)) for start, end in self.oracle.outages]
        return bool(self.now("stall", at)) or any(start <= at < end for start, end in outages)

    def seen_by(self, source: int, at: int) -> float:
        step = at // STEP
        draws = Streams(SEED).generator(f"oracle/ETH/source/{source}/{step // 1024}").standard_normal(1024)
        price = self.prices[step * STEP] * np.exp(self.oracle.sources.noise * draws[step % 1024])
        for wick in self.now("wick", at):
            if wick.source == source:
                left = 0.5 ** ((at - wick.span[0]) / wick.half_life_seconds) if wick.half_life_seconds else 1
                price *= 1 + (wick.factor - 1) * left
        for lie in self.now("liars", at):
            if source < lie.liars:
                price = lie.price or price * lie.factor
        return price

    def middle(self, at: int) -> float:
        return median(self.seen_by(source, at) for source in range(self.oracle.sources.count))

    def lagged(self, at: int) -> float:
        twaps = self.now("twap", at)
        steps = [step for step in self.prices if twaps and at - twaps[-1].window_seconds < step <= at]
        return fmean(self.middle(step) for step in steps) if steps else self.middle(at)

    def value(self, at: int) -> float:
        if pegs := self.now("peg", at):
            return pegs[-1].price
        if stuck := self.now("stuck", at):
            return self.lagged(stuck[-1].span[0])
        return self.lagged(at)

    def looks(self, at: int) -> bool:
        moments = {moment for start, end, _ in self.spans for moment in (start, end)}
        moments |= {start - fault.window_seconds for start, _, fault in self.spans if fault.kind == "twap"}
        return at % STEP == 0 or at in moments or at in {round(h * 3600) for span in self.oracle.outages for h in span}

    def reports(self) -> Iterator[tuple[int, float]]:
        """When each report is sent, and of what price."""
        reported, since, last, on_its_way = self.prices[0], 0, 0.0, 0
        for at in range(1, END + 1):
            if on_its_way:
                if at == on_its_way:
                    on_its_way, since = 0, at
                continue
            if self.stalled(at):
                continue
            heartbeat, deviation = (
                self.own("heartbeat", "heartbeat_seconds", at),
                self.own("deviation", "deviation", at),
            )
            due = bool(heartbeat) and at - since >= heartbeat
            if not due and deviation and self.looks(at):
                seen = self.value(at)
                due = seen <= reported * (1 - deviation) or seen >= reported * (1 + deviation)
            if due:
                reported, since = self.value(at), at
                latency = self.own("latency", "latency_seconds", at)
                last = max(at + latency, last) if self.oracle.watches_on else at + latency
                on_its_way = 0 if self.oracle.watches_on or not latency else int(last)
                yield int(last), reported


class Case(NamedTuple):
    """Faults, sources and settings of a feed."""

    faults: list[dict[str, Any]]
    sources: dict[str, Any]
    settings: dict[str, Any]


def keys_of(draw, kind, count):
    choose = lambda *values: draw(st.sampled_from(values))  # noqa: E731
    return {
        "heartbeat": lambda: {"heartbeat_seconds": choose(0, 45, 300, 1501, 3600)},
        "deviation": lambda: {"deviation": choose(0.0, 0.002, 0.03, 0.2)},
        "latency": lambda: {"latency_seconds": choose(0, 17, 60, 400)},
        "stall": dict,
        "wick": lambda: {
            "source": draw(st.integers(0, count - 1)),
            "factor": choose(0.5, 0.97, 1.04, 3.0),
            "half_life_seconds": choose(0, 90, 1200),
        },
        "liars": lambda: (
            {"liars": draw(st.integers(0, count))} | choose({"factor": 1.3}, {"factor": 0.9}, {"price": 80.0})
        ),
        "twap": lambda: {"window_seconds": choose(20, 60, 301, 2400)},
        "stuck": dict,
        "peg": lambda: {"price": choose(100.0, 7.0)},
    }[kind]()


@st.composite
def cases(draw):
    count = draw(st.integers(1, 4))
    moment = st.integers(0, END // 15).map(lambda quarter: quarter * 15 / 3600)
    faults = []
    for kind in draw(st.lists(st.sampled_from(KINDS), max_size=6)):
        start, end = sorted((draw(moment), draw(moment)))
        faults.append(fault(kind, start, draw(st.sampled_from([end, None])), **keys_of(draw, kind, count)))
    own = {
        "heartbeat_seconds": draw(st.sampled_from([0, 600, 1999])),
        "deviation": draw(st.sampled_from([0.0, 0.005, 0.02])),
        "latency_seconds": draw(st.sampled_from([0, 30, 60, 95])),
        "watches_on": draw(st.booleans()),
        "outages": draw(st.sampled_from([[], [[1.0, 1.3], [1.2, 1.5]]])),
    }
    return Case(faults, {"count": count, "noise": draw(st.sampled_from([0.0, 0.003]))}, own)


def compare(case: Case) -> int:
    """Assert that chain and model agree; how many reports there are."""
    never = fault("stall", 100)  # without any fault a reporter of heartbeats alone looks before the block
    scenario = feed(WILD, [*case.faults, never], hours=HOURS, sources=case.sources, **case.settings)
    seen = Seen(scenario, SEED)
    model = Model(scenario.oracle["ETH"], seen.rows["market"].to_dict())
    expected = [(sent, price) for sent, price in model.reports() if sent <= END - STEP]
    found = [(report.sent, report.answer / 1e8) for report in seen.reports if report.sent <= END - STEP]
    assert [sent for sent, _ in found] == [sent for sent, _ in expected]
    assert np.allclose([price for _, price in found], [price for _, price in expected], rtol=0, atol=2e-8)
    assert all(0 <= report.block - report.sent <= STEP for report in seen.reports)
    return len(found)


@pytest.mark.slow
@settings(max_examples=60, deadline=None)
@given(cases())
def test_any_faults_together_act_in_the_documented_order(case):
    compare(case)


PLAIN = {
    "heartbeat": {"heartbeat_seconds": 1501},
    "deviation": {"deviation": 0.03},
    "latency": {"latency_seconds": 400},
    "stall": {},
    "wick": {"factor": 1.04, "half_life_seconds": 1200},
    "liars": {"liars": 2, "factor": 0.9},
    "twap": {"window_seconds": 2400},
    "stuck": {},
    "peg": {"price": 90.0},
}


@pytest.mark.parametrize("second", KINDS)
@pytest.mark.parametrize("first", KINDS)
def test_each_pair_of_faults_acts_in_the_documented_order(first, second):
    faults = [fault(first, 0.5, 2.0, **PLAIN[first]), fault(second, 1.0, 2.5, **PLAIN[second])]
    own = {"heartbeat_seconds": 600, "deviation": 0.01, "latency_seconds": 30}
    assert compare(Case(faults, {"count": 3, "noise": 0.001}, own)) > 5
