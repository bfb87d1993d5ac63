"""How many processes are worth starting."""

import os


def usable_cores() -> int:
    """Processors that this process may run on, one at least."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0)) or 1
    return os.cpu_count() or 1
