"""Python's collector of cyclic garbage, during a run.

A world of a thousand agents holds some hundred thousand objects that stay, and makes little garbage in cycles. Looking
for it among all of them each few thousand allocations took a tenth of a storm's time; set aside, and looked for less
often, it takes a hundredth.
"""

import gc
from collections.abc import Iterator
from contextlib import contextmanager

_THRESHOLD = (10_000, 20, 20)  # Python's own is (700, 10, 10)


@contextmanager
def seldom_collecting() -> Iterator[None]:
    """Set aside what there is, and collect less often, for as long as the `with` block lasts."""
    before = gc.get_threshold()
    gc.collect()
    gc.freeze()
    gc.set_threshold(*_THRESHOLD)
    try:
        yield
    finally:
        gc.set_threshold(*before)
        gc.unfreeze()
