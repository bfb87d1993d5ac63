"""Exogenous price processes: what the world would do if nobody in the simulation traded."""

from typing import Final

from simulator.market.processes.base import Draw, Process, draw_alone
from simulator.market.processes.bootstrap import Bootstrap
from simulator.market.processes.diffusion import Constant, Gbm
from simulator.market.processes.garch import Garch
from simulator.market.processes.hawkes import Hawkes
from simulator.market.processes.heston import Bates, Heston
from simulator.market.processes.jumps import Merton
from simulator.market.processes.peg import Peg
from simulator.market.processes.regimes import Regimes
from simulator.market.processes.replay import Replay
from simulator.market.processes.yields import YieldBearing

__all__ = ["PROCESSES", "Draw", "Process", "draw_alone"]

PROCESSES: Final[dict[str, type[Process]]] = {
    process.name: process
    for process in (
        Replay,
        Bootstrap,
        Constant,
        Gbm,
        Garch,
        Regimes,
        Merton,
        Hawkes,
        Heston,
        Bates,
        Peg,
        YieldBearing,
    )
}
