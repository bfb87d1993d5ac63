"""The folder in which Foundry, Hardhat or Brownie left its compiled contracts, read by contract name."""

from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import Literal

from simulator.chain.artifacts import Artifact, read_artifact
from simulator.errors import ConfigError

Kind = Literal["foundry", "hardhat", "brownie"]

_COMPILE: dict[Kind, str] = {"foundry": "forge build", "hardhat": "npx hardhat compile", "brownie": "brownie compile"}
_USUAL = ("out", "artifacts", "build", ".brownie")  # below a project's root
_SOURCES = (".sol", ".vy")
_BESIDE = ("build-info", "cache")  # folders that hold no artifacts


class ArtifactFolder:
    """Compiled contracts by name: `Vault`, or `src/Vault.sol:Vault` where several have that name."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.kind = _kind_of(folder)

    @cached_property
    def _by_name(self) -> dict[str, list[Path]]:
        found: dict[str, list[Path]] = {}
        for path in sorted(_files(self.folder, self.kind)):
            found.setdefault(path.stem.partition(".")[0], []).append(path)
        return found

    def names(self) -> list[str]:
        """Every contract there is, sorted."""
        return sorted(self._by_name)

    def read(self, name: str) -> Artifact:
        """The contract of a name, or of "source.sol:Name". Raises ConfigError for none and for several."""
        return read_artifact(self.find(name))

    def find(self, name: str) -> Path:
        """Its JSON file. Raises ConfigError for none and for several."""
        source, _, bare = name.rpartition(":")
        every = self._by_name.get(bare, [])
        several = source and self.kind != "brownie"  # which keeps one contract of a name
        found = [path for path in every if _is_of(path.relative_to(self.folder), source)] if several else every
        if len(found) == 1:
            return found[0]
        if found:
            places = ", ".join(path.relative_to(self.folder).as_posix() for path in found)
            raise ConfigError(
                f"{len(found)} contracts are called {name}: {places}",
                where=str(self.folder),
                mend=f'say which, as in "{found[0].relative_to(self.folder).parent.as_posix()}:{bare}"',
            )
        raise ConfigError(f"no contract {name}", where=str(self.folder), mend=self._mend(bare))

    def _mend(self, name: str) -> str:
        from simulator.registry import nearest

        near = nearest(name, self._by_name)
        return f"the nearest that exists is {near}" if near else f"run `{_COMPILE[self.kind]}`"


def _kind_of(folder: Path) -> Kind:
    """Which tool wrote a folder. Raises ConfigError where none of them did."""
    if not folder.is_dir():
        raise ConfigError("no such folder", where=str(folder), mend="compile first, or name out/, artifacts/ or build/")
    inner = next((name for name in _USUAL if (folder / name).is_dir() and _look(folder / name)), "")
    kind = _look(folder) if not inner else None
    if kind is None:
        raise ConfigError(
            "is no folder of artifacts of Foundry, Hardhat or Brownie",
            where=str(folder),
            mend=f"name {folder / inner}" if inner else "compile first, then name out/, artifacts/ or build/",
        )
    return kind


def _look(folder: Path) -> Kind | None:
    if any(_flat(folder)):
        return "brownie"
    for path in sorted(_below_sources(folder)):
        explained = path.with_suffix(".dbg.json").is_file()
        return "hardhat" if explained or '"hh' in path.read_text(encoding="utf-8")[:200] else "foundry"
    return None


def _files(folder: Path, kind: Kind) -> Iterator[Path]:
    return _flat(folder) if kind == "brownie" else _below_sources(folder)


def _flat(folder: Path) -> Iterator[Path]:
    """Brownie's: no folder is named after a source, those of packages are a few levels down."""
    for inner in (folder / "contracts", folder / "interfaces", *([folder] if folder.name == "contracts" else [])):
        yield from (path for path in inner.rglob("*.json") if path.parent.suffix not in _SOURCES)


def _below_sources(folder: Path) -> Iterator[Path]:
    """Every JSON file in a folder that is named after a source file, but for what explains another."""
    for path in folder.rglob("*.json"):
        inside = path.relative_to(folder).parts
        if path.parent.suffix in _SOURCES and not path.name.endswith(".dbg.json") and inside[0] not in _BESIDE:
            yield path


def _is_of(path: Path, source: str) -> bool:
    """Whether an artifact comes from `source`, as far as the folder shows the way to it."""
    there, asked = path.parent.parts, Path(source).parts
    shared = min(len(there), len(asked))
    return bool(shared) and there[-shared:] == asked[-shared:]
