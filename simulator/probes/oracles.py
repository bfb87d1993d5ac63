"""Attacks on a price on its way from a reporter to its consumers."""

from simulator.probes.bench import Bench
from simulator.protocols.base import Oracle

_FALSE = 1.5  # a false answer, over the true one
_BELIEVED = 0.05  # of a false rate that may count at once


class OracleProbe:
    """What is tried against one feed."""

    def __init__(self, bench: Bench, oracle: Oracle) -> None:
        self.bench, self.oracle = bench, oracle

    def run(self) -> None:
        """Every attempt, each on a branch of its own."""
        for attempt in (self.reporter, self.age, self.delay, self.rate):
            with self.bench.trial.branch():
                self.bench.freshen()
                attempt()

    def reporter(self) -> None:
        """Report a true price without being a reporter."""
        bench, oracle = self.bench, self.oracle
        if oracle.source == "push":
            price = bench.trial.price(oracle.asset)
            with bench.trial.branch():
                within = bench.trial.report(oracle, price)
            bench.limit(f"{oracle.id}/reporter", within, bench.people[0], oracle.report(price))

    def age(self) -> None:
        """Read an exchange rate past its age, while what it multiplies is fresh."""
        bench, oracle = self.bench, self.oracle
        if oracle.source == "rate" and oracle.max_age and oracle.answer() is not None:
            bench.trial.wait(oracle.max_age + 60)
            bench.freshen()
            bench.note(f"{oracle.id}/age", "stale_answers_used", oracle.answer() is not None)

    def delay(self) -> None:
        """Poke a delayed feed until a price counts that was reported a moment ago."""
        bench, oracle = self.bench, self.oracle
        poke, before = oracle.poke(), oracle.answer()
        if oracle.source != "push" or poke is None or not before or not oracle.poke_seconds():
            return
        for _ in range(2):  # a second answer confirms the first where a jump is guarded
            bench.trial.report(oracle, _FALSE * bench.trial.price(oracle.asset))
        for _ in range(2):
            bench.send(bench.people[0], poke)
        after = oracle.answer()
        bench.note(f"{oracle.id}/delay", "limits_passed", after is not None and after > before)

    def rate(self) -> None:
        """Report an exchange rate that cannot be."""
        bench, oracle = self.bench, self.oracle
        before = oracle.answer()
        if oracle.source != "rate" or not before:
            return
        if bench.trial.report(oracle, _FALSE * bench.trial.exchange_rate(oracle.asset)):
            after = oracle.answer()
            wild = after is not None and after / before - 1 > _BELIEVED
            bench.note(f"{oracle.id}/rate", "wild_answers_used", wild)
