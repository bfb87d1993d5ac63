"""Run a scenario on the node that Brownie started.

    brownie run run_scenario main black-thursday --network development
    brownie run run_scenario main calm 9 world.hours=2 borrowers.count=50 out=runs/mine --network development

A number is the seed, out=DIR the folder of the results, every other key=value changes the scenario: as `wavetank run`
has them in --seed, --out and --set. Exit codes are those of `wavetank run`.
"""

import sys
from typing import Any

import psutil
from brownie import network, rpc, web3
from brownie._config import CONFIG

from simulator.cli import main as wavetank

# A storm begins in the past and anvil's clock only goes forward, so it starts in 1970. Transactions stay in the order
# they are sent in, whether a sender can pay is for the block to say, and a short history keeps it fast.
STORM_NODE = "--timestamp 1 --order fifo --disable-pool-balance-checks --prune-history --transaction-block-keeper 8"
NETWORK = "development"


def main(scenario: str = "black-thursday", *changes: str) -> None:
    """Run it, print the summary, leave the usual folder."""
    if network.show_active() == NETWORK and rpc.is_child():
        restart_node()
    code = wavetank(["run", scenario, "--chain", web3.provider.endpoint_uri, *options(changes)])
    if code:
        sys.exit(code)


class Apart(psutil.Popen):
    """A process that the terminal's Ctrl-C does not reach: it is for the run, which keeps what it has with the node."""

    def __init__(self, *words: Any, **settings: Any) -> None:
        super().__init__(*words, start_new_session=True, **settings)


def restart_node() -> None:
    """Brownie's node once more, set up for a storm."""
    network.disconnect()
    CONFIG.networks[NETWORK]["cmd"] += f" {STORM_NODE}"
    usual, psutil.Popen = psutil.Popen, Apart
    try:
        network.connect(NETWORK)
    finally:
        psutil.Popen = usual


def options(changes: tuple[str, ...]) -> list[str]:
    """What stands behind the scenario's name, as options of `wavetank run`."""
    words = []
    for change in changes:
        if change.isdigit():
            words += ["--seed", change]
        elif change.startswith(("seed=", "out=")):
            words += [f"--{change}"]
        else:
            words += ["--set", change]
    return words
