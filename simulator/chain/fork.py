"""Another node's state at a block, from which a chain starts."""

from collections.abc import Iterator, Sequence
from typing import Any, Final, NamedTuple

from simulator.chain.rpc import Connection, ask
from simulator.chain.types import Address, Log
from simulator.errors import ConfigError

_RANGE: Final = 2_000  # blocks of logs in one question: public nodes answer no more


class Fork(NamedTuple):
    """Where a chain starts."""

    url: str
    number: int  # of the block
    time: int  # of the block [unix s]

    def logs(self, addresses: Sequence[Address]) -> Iterator[tuple[int, Log]]:
        """Every event of contracts up to the block, in order, each with its time [unix s].

        Raises ChainError where the node does not answer.
        """
        if not addresses:
            return
        connection = _connect(self.url)
        times: dict[str, int] = {}
        for first in range(0, self.number + 1, _RANGE):
            last = min(first + _RANGE - 1, self.number)
            wanted = {"address": list(addresses), "fromBlock": hex(first), "toBlock": hex(last)}
            for raw in ask(connection, "eth_getLogs", wanted):
                block = raw["blockNumber"]
                if block not in times:
                    times[block] = int(ask(connection, "eth_getBlockByNumber", block, False)["timestamp"], 16)
                yield times[block], _log(raw)


def find_fork(url: str, number: int | None) -> Fork:
    """The block of that number, else the latest. Raises ChainError where nobody answers, ConfigError for no block."""
    connection = _connect(url)
    block = ask(connection, "eth_getBlockByNumber", "latest" if number is None else hex(number), False)
    if block is None:
        latest = int(ask(connection, "eth_blockNumber"), 16)
        raise ConfigError(
            f"chain.fork.block = {number:,}: the node is at block {latest:,}", where=url, mend="name an earlier block"
        )
    return Fork(url, int(block["number"], 16), int(block["timestamp"], 16))


def _connect(url: str) -> Connection:
    from simulator.chain.remote import Web3Connection  # which takes half a second to import, for the few who fork

    return Web3Connection(url)


def _log(raw: dict[str, Any]) -> Log:
    topics = tuple(bytes.fromhex(topic[2:]) for topic in raw["topics"])
    return Log(Address(raw["address"]), topics, bytes.fromhex(raw["data"][2:]))
