"""The chains to choose from: `revm`, `anvil`, or the URL of a node."""

from collections.abc import Callable
from typing import Any

from simulator.chain.base import Chain
from simulator.errors import ConfigError

Announce = Callable[[str], None]


def is_url(name: str) -> bool:
    """Whether a chain is named by where a node listens."""
    return name.startswith(("http://", "https://"))


def check_chain(name: str, gas: str | None) -> None:
    """Refuse a chain that there is not, or a gas mode that it does not have. Raises ConfigError."""
    if name not in ("revm", "anvil") and not is_url(name):
        raise ConfigError(
            f"no chain {name!r}", where="--chain", mend="use revm, anvil or the http:// address of a node"
        )
    if name != "revm" and gas is not None:
        raise ConfigError(
            f"--gas {gas} is a mode of revm, not of {name}", where="--gas", mend="leave out one of the two"
        )


def open_chain(name: str, gas: str | None, announce: Announce, **constants: Any) -> Chain:
    """The chain of a name; `constants` are chain_id, gas_limit and coinbase, and for revm and anvil the fork.

    `announce` is told what a node cannot do. Raises ConfigError, and ChainError where it does not start or answer.
    """
    check_chain(name, gas)
    if name == "revm":
        from simulator.chain.revm import RevmChain

        return RevmChain(gas or "exact", **constants)
    if name == "anvil":
        from simulator.chain.anvil import AnvilChain

        return AnvilChain(**constants)
    from simulator.chain.remote import RemoteChain

    if constants.pop("fork", None) is not None:
        raise ConfigError("a node has the state that it has", where="chain.fork", mend="use --chain revm or anvil")

    return RemoteChain(name, announce, **constants)
