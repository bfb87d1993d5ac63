"""Contracts that are not ours, deployed into a world out of the folder in which another tool compiled them."""

from typing import TYPE_CHECKING, Any

from simulator.chain.abi import Abi
from simulator.chain.artifact_folders import ArtifactFolder
from simulator.chain.artifacts import Artifact
from simulator.chain.types import Address
from simulator.protocols.genesis import Contract, Placing

if TYPE_CHECKING:
    from simulator.protocols.genesis import Genesis


class Theirs:
    """An artifact folder and the world that its contracts go into. A library is deployed once, by whoever needs it."""

    def __init__(self, genesis: "Genesis", folder: ArtifactFolder) -> None:
        self._genesis = genesis
        self.folder = folder
        self._libraries: dict[str, Address] = {}

    def deploy(self, name: str, *args: Any, libraries: tuple[Abi, ...] = ()) -> Contract:
        """Deploy the contract of a name, and first the libraries that it is linked to.

        `libraries` are ABIs whose errors and events come through it. Raises ConfigError for a name that is not there
        or has no bytecode, SetupError where its constructor reverts.
        """
        return self._genesis.deploy(self.artifact(name), *args, libraries=libraries)

    def artifact(self, name: str) -> Artifact:
        """The compiled contract of a name, linked."""
        artifact = self.folder.read(name)
        return artifact.linked({link: self._library(link) for link in artifact.links})

    def _library(self, link: str) -> Address:
        if link not in self._libraries:
            self._libraries[link] = self.deploy(link).address
        return self._libraries[link]

    def at(self, name: str, address: Address, libraries: tuple[Abi, ...] = ()) -> Contract:
        """The contract at an address, as behind a proxy or made by another contract, with the ABI of a name."""
        artifact = self.folder.read(name)
        abi = artifact.abi.merged(*libraries) if libraries else artifact.abi
        contract = Contract(name, address, abi)
        self._genesis.placed.append(Placing(self._genesis.scope, contract, artifact.path))
        return contract
