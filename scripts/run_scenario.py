"""Run a scenario on the node that Brownie started.

    brownie run run_scenario main black-thursday --network development
    brownie run run_scenario main calm 9 world.hours=2 borrowers.count=50 out=runs/mine --network development

A number is the seed, out=DIR the folder of the results, every other key=value changes the scenario: as `wavetank run`
has them in --seed, --out and --set. Exit codes are those of `wavetank run`.
"""

import sys

from brownie import network, rpc, web3
from brownie._config import CONFIG

from simulator.cli import main as wavetank

# A storm begins in the past and anvil's clock only goes forward: from 1970. It keeps the order that blocks are given
# to it in, and only the last blocks.
STORM_NODE = "--timestamp 0 --order fifo --prune-history --transaction-block-keeper 8"
NETWORK = "development"


def main(scenario: str = "black-thursday", *changes: str) -> None:
    """Run it, print the summary, leave the usual folder."""
    if network.show_active() == NETWORK and rpc.is_child():
        restart_node()
    code = wavetank(["run", scenario, "--chain", web3.provider.endpoint_uri, *options(changes)])
    if code:
        sys.exit(code)


def restart_node() -> None:
    """Brownie's node once more, set up for a storm."""
    network.disconnect()
    CONFIG.networks[NETWORK]["cmd"] += f" {STORM_NODE}"
    network.connect(NETWORK)


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
