"""What an agent or plug-in raises becomes one line that names it and the place, and never a bare traceback."""

from collections.abc import Callable
from typing import TypeVar

import simpy

from simulator.agents.base import Life
from simulator.errors import AgentError, WavetankError

T = TypeVar("T")


def agent_error(owner: str, fault: Exception) -> AgentError:
    """The error of `owner`, with the line that raised it."""
    trace = fault.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    place = f"{trace.tb_frame.f_code.co_filename.rpartition('/')[2]}:{trace.tb_lineno}" if trace else "?"
    return AgentError(f"{type(fault).__name__}: {fault}", where=owner, mend=f"see {place}")


def guarded(owner: str, act: Callable[[], T]) -> T:
    """The result of `act`. Raises AgentError for anything that is not an error of ours."""
    try:
        return act()
    except WavetankError:
        raise
    except Exception as fault:
        raise agent_error(owner, fault) from fault


def guarded_life(owner: str, life: Life) -> Life:
    """The same for a process."""
    try:
        return (yield from life)
    except (WavetankError, simpy.Interrupt):
        raise
    except Exception as fault:
        raise agent_error(owner, fault) from fault
