"""Python's collector of cyclic garbage, during a run.

A world of a thousand agents holds some hundred thousand objects that stay, and makes little garbage in cycles. Looking
for it among all of them each few thousand allocations took a tenth of a storm's time; set aside, and looked for less
often, it takes a hundredth.

A worker that does one run after another has besides half a million objects of the libraries. To look through them
before each run took .08 s, a tenth of a run, so it sets them aside for good once its first run has loaded them.
"""

import gc
from collections.abc import Iterator
from contextlib import contextmanager

_THRESHOLD = (10_000, 20, 20)  # Python's own is (700, 10, 10)


class _Process:
    set_aside = False


def set_aside_for_good() -> None:
    """Never look again at what there is, in a process that does runs and nothing else. Once is enough."""
    if not _Process.set_aside:
        gc.collect()
        gc.freeze()
        _Process.set_aside = True


@contextmanager
def seldom_collecting() -> Iterator[None]:
    """Set aside what there is, and collect less often, for as long as the `with` block lasts."""
    before = gc.get_threshold()
    gc.collect()
    if not _Process.set_aside:
        gc.freeze()
    gc.set_threshold(*_THRESHOLD)
    try:
        yield
    finally:
        gc.set_threshold(*before)
        if not _Process.set_aside:  # this would bring all back
            gc.unfreeze()
