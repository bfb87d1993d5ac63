"""JSON-RPC over a kept connection.

A node answers a call in a tenth of a millisecond over a Unix socket; HTTP libraries take longer than the node. Calls
that belong together go as batches.
"""

import json
import socket
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple, Protocol

from simulator.errors import ChainError

Call = tuple[Any, ...]  # the method's name, then its parameters
_BATCH: Final = 50  # anvil answers more of them out of order, also where the order matters
_PIECE: Final = 1 << 20


class RpcFault(NamedTuple):
    """What a node answered instead of a result."""

    code: int
    message: str
    data: Any

    @property
    def output(self) -> bytes:
        """The revert data, as nodes put it into an error: bare, or in an object."""
        data = self.data.get("data") if isinstance(self.data, dict) else self.data
        return bytes.fromhex(data[2:]) if isinstance(data, str) and data.startswith("0x") else b""

    @property
    def is_unknown_method(self) -> bool:
        """Whether the node does not have the method."""
        return self.code in (-32601, -32004)


class Connection(Protocol):
    """A way to a node."""

    where: str

    def batch(self, calls: Sequence[Call]) -> list[Any]:
        """The result of each call, or its RpcFault. Raises ChainError where the node is gone."""
        ...

    def close(self) -> None:
        """Let go of it."""
        ...


def ask(connection: Connection, method: str, *parameters: Any) -> Any:
    """The result of one call. Raises ChainError with what the node says."""
    (result,) = connection.batch([(method, *parameters)])
    if isinstance(result, RpcFault):
        raise refused(connection, method, result)
    return result


def ask_all(connection: Connection, calls: Sequence[Call]) -> list[Any]:
    """The results of calls that must all succeed. Raises ChainError for the first that does not."""
    results = connection.batch(calls)
    for call, result in zip(calls, results, strict=True):
        if isinstance(result, RpcFault):
            raise refused(connection, call[0], result)
    return results


def refused(connection: Connection, method: str, fault: RpcFault) -> ChainError:
    """The error that says what a node refused."""
    mend = "use a node that has it: anvil or Hardhat" if fault.is_unknown_method else ""
    return ChainError(f"the node refused {method}: {fault.message}", where=connection.where, mend=mend)


def gone(where: str, fault: Exception) -> ChainError:
    """The error that says that nobody answers."""
    return ChainError(
        f"the node is gone: {str(fault) or type(fault).__name__}", where=where, mend="see whether it still runs"
    )


def answers(replies: list[Any]) -> list[Any]:
    """Results in the order of the calls, which nodes need not keep."""
    replies.sort(key=_number)
    return [_answer(reply) for reply in replies]


def _number(reply: dict[str, Any]) -> int:
    return int(reply["id"])


def _answer(reply: dict[str, Any]) -> Any:
    if "error" in reply:
        error = reply["error"]
        return RpcFault(error.get("code", 0), error.get("message", ""), error.get("data"))
    return reply["result"]


class IpcConnection:
    """A node's Unix socket: one message a line, answers in order of the batches."""

    def __init__(self, path: Path, where: str) -> None:
        self.where = where
        self._path = str(path)
        self._clean = True  # nothing is under way
        self._open()

    def _open(self) -> None:
        self._socket = socket.socket(socket.AF_UNIX)
        try:
            self._socket.connect(self._path)
        except OSError:
            self._socket.close()
            raise

    def batch(self, calls: Sequence[Call]) -> list[Any]:
        """See `Connection.batch`."""
        results: list[Any] = []
        for first in range(0, len(calls), _BATCH):
            part = calls[first : first + _BATCH]
            request = [
                {"jsonrpc": "2.0", "id": number, "method": call[0], "params": call[1:]}
                for number, call in enumerate(part)
            ]
            results += answers(self._exchange(json.dumps(request)))
        return results

    def _exchange(self, request: str) -> Any:
        try:
            if not self._clean:  # a Ctrl-C came in between: the answer to the last request may still be on its way
                self._socket.close()
                self._open()
            self._clean = False
            self._socket.sendall(request.encode() + b"\n")
            pieces = [self._socket.recv(_PIECE)]
            while not pieces[-1].endswith(b"\n"):
                if not pieces[-1]:
                    raise ConnectionError("it closed the connection")
                pieces.append(self._socket.recv(_PIECE))
        except OSError as fault:
            raise gone(self.where, fault) from None
        self._clean = True
        return json.loads(b"".join(pieces))

    def close(self) -> None:
        """See `Connection.close`."""
        self._socket.close()
