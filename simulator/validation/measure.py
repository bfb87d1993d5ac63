"""Measure laws on every core and give what came of each, in the order of the page."""

from collections.abc import Iterator, Sequence

from simulator.cores import usable_cores
from simulator.terminal import Progress
from simulator.validation.catalogue import all_laws
from simulator.validation.law import Finding, Law, judge

BREACHED, INCOMPLETE = 1, 3


def measure(laws: Sequence[Law], progress: Progress | None = None) -> Iterator[Finding]:
    """A finding for each law as it comes, in their order."""
    from joblib import Parallel, delayed

    jobs = max(1, min(len(laws), usable_cores()))
    found = Parallel(n_jobs=jobs, return_as="generator")(delayed(_judged)(law.name) for law in laws)
    for done, (law, finding) in enumerate(zip(laws, found, strict=True), start=1):
        if progress is not None:
            progress(done, len(laws))
        yield Finding(law, *finding)


def _judged(name: str) -> tuple[object, ...]:
    """In a worker: a law's verdict, result and note. Its function may be a lambda, which does not travel."""
    finding = judge(all_laws()[name])
    return finding.verdict, finding.result, finding.note


def exit_code(findings: Sequence[Finding]) -> int:
    """3 where anything has no data, else 1 where anything fails, else 0."""
    verdicts = {finding.verdict for finding in findings}
    if "no_data" in verdicts:
        return INCOMPLETE
    return BREACHED if "fails" in verdicts else 0
