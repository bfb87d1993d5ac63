"""What runs on a devnet, for whoever wants to join: addresses, ABIs, accounts."""

import json
import os
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from simulator.errors import ConfigError
from simulator.terminal import columns

if TYPE_CHECKING:
    from simulator.protocols.genesis import Placing
    from simulator.world import World

VERSION: Final = 1


@dataclass(frozen=True)
class Placed:
    """A contract on the chain."""

    key: str  # unique: protocol and name, as in cdp/CdpEngine; further ones of a name are numbered
    name: str
    address: str
    abi: str  # the JSON file that holds it under "abi"; empty where there is none


@dataclass(frozen=True)
class Holder:
    """An account; its key is public by construction."""

    name: str
    address: str
    key: str


@dataclass(frozen=True)
class Deployment:
    """A protocol that runs somewhere."""

    version: int
    scenario: str
    seed: int
    chain_id: int
    url: str
    block: int  # the last of the set-up
    time: int  # [unix s] of that block
    contracts: tuple[Placed, ...]
    tokens: dict[str, str]  # market symbol -> address
    feeds: dict[str, str]  # market symbol -> address of what answers with its price
    accounts: tuple[Holder, ...]  # of agents and the deployer
    wallets: tuple[Holder, ...]  # for whoever joins

    def write(self, path: Path) -> None:
        """Write it beside its place and move it there."""
        path.parent.mkdir(parents=True, exist_ok=True)
        beside = path.with_name(f".{path.name}.{os.getpid()}")
        beside.write_text(json.dumps(asdict(self), indent=2) + "\n")
        beside.replace(path)

    def withdraw(self, path: Path) -> None:
        """Remove its file when nobody answers there any more, unless another's has taken the place."""
        try:
            if json.loads(path.read_text()) == json.loads(json.dumps(asdict(self))):
                path.unlink()
        except (OSError, ValueError):
            pass  # somebody was faster

    def as_dict(self) -> dict[str, Any]:
        """As JSON has it."""
        return asdict(self)

    def lines(self, title: str, block_seconds: int, speed: float, file: Path) -> list[str]:
        """For a terminal."""
        head = [
            ("node", self.url),
            ("chain id", str(self.chain_id)),
            ("blocks", f"of {block_seconds} s, one every {block_seconds / speed:.3g} s"),
            ("file", str(file)),
            ("ABIs", str(Path(self.contracts[0].abi).parent) if self.contracts else "-"),
        ]
        contracts = [(placed.key, placed.address) for placed in self.contracts]
        holders = [(each.name, each.address, each.key) for each in self.wallets]
        return [
            title, "", *columns(head), "", *columns(contracts), "",
            "Wallets with ether, whose keys everybody knows:", *columns(holders), "",
            "Ctrl-C ends it and keeps the results.",
        ]  # fmt: skip

    def contract(self, key: str) -> Placed:
        """The contract of a key. Raises ConfigError."""
        for placed in self.contracts:
            if placed.key == key:
                return placed
        known = ", ".join(placed.key for placed in self.contracts)
        raise ConfigError(f"no contract {key}", where="deployment", mend=f"those that there are: {known}")


def read_deployment(path: Path) -> Deployment:
    """A deployment from its file. Raises ConfigError."""
    try:
        data = json.loads(path.read_text())
        if data["version"] != VERSION:
            raise ConfigError(
                f"version {data['version']} is not known", where=str(path), mend=f"this one reads {VERSION}"
            )
        return Deployment(
            **data
            | {
                "contracts": tuple(Placed(**item) for item in data["contracts"]),
                "accounts": tuple(Holder(**item) for item in data["accounts"]),
                "wallets": tuple(Holder(**item) for item in data["wallets"]),
            }
        )
    except OSError as fault:
        what = f"cannot be read: {fault.strerror}"
        raise ConfigError(what, where=str(path), mend="name the file of a devnet") from None
    except (KeyError, TypeError, ValueError) as fault:
        raise ConfigError(f"is no deployment: {fault}", where=str(path), mend="name the file of a devnet") from None


def deployment_of(world: "World", url: str, wallets: tuple[Holder, ...]) -> Deployment:
    """What a world has deployed, at its start."""
    genesis = world.genesis
    return Deployment(
        version=VERSION,
        scenario=world.scenario.name,
        seed=world.seed,
        chain_id=world.scenario.chain.id,
        url=url,
        block=world.number,
        time=genesis.now,
        contracts=tuple(_placed(genesis.placed)),
        tokens={asset: str(token.address) for asset, token in genesis.tokens.items()},
        feeds={asset: str(feed.consumer) for asset, feed in genesis.feeds.items()},
        accounts=tuple(Holder(each.name, str(each.address), "0x" + each.key.hex()) for each in genesis.accounts),
        wallets=wallets,
    )


def _placed(contracts: Sequence["Placing"]) -> Iterator[Placed]:
    count: Counter[str] = Counter()
    for scope, contract, abi in contracts:
        key = f"{scope}/{contract.name}"
        count[key] += 1
        number = f"#{count[key]}" if count[key] > 1 else ""
        yield Placed(f"{key}{number}", contract.name, str(contract.address), str(abi or ""))
