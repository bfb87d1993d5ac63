"""Protocol plug-ins, agents and price processes by name.

A name stands for a place, "module:Class", and is imported only when its class is asked for, so that `--help` and
`list` stay fast. Names come from here and from the entry points of installed packages. Code of a user's own is named
by its place instead: `module:Class`, or `./file.py:Class` relative to the scenario. Such code is found and hashed
without running it, and imported only by `UserCode.load`.
"""

import difflib
import hashlib
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from simulator.errors import ConfigError, UserCodeError

if TYPE_CHECKING:
    from pydantic import BaseModel


def nearest(name: str, known: Iterable[str]) -> str:
    """The known name most like `name`, or an empty string when nothing is known."""
    found = difflib.get_close_matches(name, sorted(known), n=1, cutoff=0.0)
    return found[0] if found else ""


class Registry:
    """Classes of one kind by name. Each has a pydantic model of its settings as `Settings`, or is one."""

    def __init__(self, kind: str, group: str, builtin: Mapping[str, str]) -> None:
        self.kind = kind  # the word for one of them in messages
        self.group = group  # entry points of installed packages
        self._places = dict(builtin)
        self._classes: dict[str, Any] = {}

    @cached_property
    def _installed(self) -> dict[str, str]:
        from importlib.metadata import entry_points

        return {point.name: point.value for point in sorted(entry_points(group=self.group))}

    def names(self) -> list[str]:
        """Every registered name, sorted."""
        return sorted({*self._places, *self._installed, *self._classes})

    def place(self, name: str) -> str:
        """Where the class of `name` is: "module:Class". Raises `ConfigError` for an unknown name."""
        if name in self._classes:
            found = self._classes[name]
            return f"{found.__module__}:{found.__qualname__}"
        place = self._places.get(name) or self._installed.get(name)
        if place is None:
            raise ConfigError(
                f'unknown {self.kind} "{name}"',
                mend=f'the nearest that exists is "{nearest(name, self.names())}"',
            )
        return place

    def get(self, name: str) -> Any:
        """The class of `name`, imported now if it was not. Raises `ConfigError` if it is unknown or broken."""
        if name not in self._classes:
            place = self.place(name)
            module_name, _, attribute = place.partition(":")
            try:
                self._classes[name] = _attribute(import_module(module_name), attribute)
            except (ImportError, AttributeError, KeyError) as error:
                raise ConfigError(
                    f'{self.kind} "{name}" cannot be loaded from {place}: {error}',
                    mend="reinstall the package that registers it",
                ) from error
        return self._classes[name]

    def settings(self, name: str) -> "type[BaseModel]":
        """The settings model of `name`. Raises `ConfigError` if it is unknown or broken."""
        return settings_of(self.get(name), f'{self.kind} "{name}"')

    def description(self, name: str) -> str:
        """The first line of what the class of `name` says of itself."""
        return (self.get(name).__doc__ or "").strip().partition("\n")[0]

    @contextmanager
    def registered(self, name: str, registered_class: Any) -> Iterator[None]:
        """Register a class for the time of a `with` block; what had the name before has it again afterwards."""
        before = self._classes.get(name)
        self._classes[name] = registered_class
        try:
            yield
        finally:
            if before is None:
                del self._classes[name]
            else:
                self._classes[name] = before


def _attribute(found: Any, path: str) -> Any:
    """The object at a dotted path; a key of a mapping counts as an attribute of it."""
    for name in path.split("."):
        found = found[name] if isinstance(found, Mapping) else getattr(found, name)
    return found


def settings_of(registered_class: Any, owner: str) -> "type[BaseModel]":
    """The `Settings` of a class, or the class where it is a model itself. Raises `ConfigError` naming `owner`."""
    from pydantic import BaseModel

    settings = getattr(registered_class, "Settings", registered_class)
    if not (isinstance(settings, type) and issubclass(settings, BaseModel)):
        raise ConfigError(
            f"{owner} has no settings model", mend="give the class an attribute `Settings`, a pydantic model"
        )
    return settings


def is_import_path(name: str) -> bool:
    """Whether a name is a place in a user's own code rather than a registered name."""
    return ":" in name


@dataclass(frozen=True)
class UserCode:
    """A class in a user's own code: where it is and what its source hashes to, without having run any of it."""

    name: str  # as the scenario has it
    file: Path
    module: str  # the dotted name, empty for a file by path
    qualname: str

    @classmethod
    def find(cls, name: str, folder: Path) -> "UserCode":
        """Find `module:Class`, or `./file.py:Class` relative to `folder`. Raises `ConfigError` if it is not there."""
        place, _, qualname = name.rpartition(":")
        if not place or not qualname.replace(".", "_").isidentifier():
            raise ConfigError(f'"{name}" names no class', mend="write module:Class or ./file.py:Class")
        if place.endswith(".py"):
            file = (folder / place).resolve()
            if not file.is_file():
                raise ConfigError(f"no file {folder / place}", mend="the path is relative to the scenario's folder")
            return cls(name, file, "", qualname)
        return cls(name, _source_of(place), place, qualname)

    @property
    def sha256(self) -> str:
        """The hash of the source file, hexadecimal."""
        return hashlib.sha256(self.file.read_bytes()).hexdigest()

    def load(self) -> Any:
        """Import the code and give its class. Raises `UserCodeError` if it raises or lacks the class."""
        try:
            module = import_module(self.module) if self.module else _import_file(self.file)
        except Exception as error:  # whatever a user's module raises while it is imported
            raise UserCodeError(
                f"{self.name} cannot be imported: {type(error).__name__}: {_one_line(error)}", mend="mend the module"
            ) from error
        try:
            return _attribute(module, self.qualname)
        except AttributeError:
            raise UserCodeError(
                f"{self.file.name} has no class {self.qualname}",
                mend=f"the nearest name in it is `{nearest(self.qualname, _public(module))}`",
            ) from None


def _source_of(module: str) -> Path:
    """The source file of a dotted module name, found without importing its parents."""
    folders: list[str] | None = None
    spec, prefix = None, ""
    for part in module.split("."):
        prefix = f"{prefix}.{part}" if prefix else part
        specs = (finder.find_spec(prefix, folders) for finder in sys.meta_path)
        spec = next((found for found in specs if found is not None), None)
        if spec is None:
            break
        folders = list(spec.submodule_search_locations or ())
    if spec is None or spec.origin is None or not spec.origin.endswith(".py"):
        raise ConfigError(f"no module {module}", mend="install its package, or name a file: ./file.py:Class")
    return Path(spec.origin)


def _import_file(file: Path) -> ModuleType:
    """Import a file by path, once a path and content: two files of one name do not meet."""
    from importlib.util import module_from_spec, spec_from_file_location

    content = hashlib.sha256(str(file).encode() + b"\0" + file.read_bytes()).hexdigest()
    name = f"wavetank_user_{content[:16]}"
    if name in sys.modules:
        return sys.modules[name]
    spec = spec_from_file_location(name, file)
    if spec is None or spec.loader is None:
        raise ImportError(f"{file} is no Python source")
    module = module_from_spec(spec)
    sys.modules[name] = module  # dataclasses and pydantic look their module up while the class body runs
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module


def _public(module: ModuleType) -> list[str]:
    return [name for name in vars(module) if not name.startswith("_")]


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())


PROTOCOLS = Registry(
    "protocol",
    "wavetank.protocols",
    {
        "aave-v3": "simulator.protocols.aave:AaveProtocol",
        "cdp": "simulator.protocols.cdp:Cdp",
        "options": "simulator.protocols.options:OptionProtocol",
        "perps": "simulator.protocols.perps:PerpProtocol",
        "pool": "simulator.protocols.pool:PoolProtocol",
        "uniswap-v3": "simulator.protocols.uniswap:UniswapProtocol",
        "vault": "simulator.protocols.vault:VaultProtocol",
    },
)
AGENTS = Registry(
    "agent",
    "wavetank.agents",
    {
        "borrower": "simulator.agents.borrower:Borrower",
        "liquidator": "simulator.agents.liquidator:Liquidator",
        "arbitrageur": "simulator.agents.arbitrageur:Arbitrageur",
        "noise": "simulator.agents.noise:NoiseTrader",
        "exploiter": "simulator.agents.exploiter:Exploiter",
        "prober": "simulator.agents.prober:Prober",
        "keeper": "simulator.agents.keeper:Keeper",
        "hedge-keeper": "simulator.agents.hedge_keeper:HedgeKeeper",
        "depositor": "simulator.agents.depositor:Depositor",
        "loan-demand": "simulator.agents.loan_demand:LoanDemand",
        "perp-trader": "simulator.agents.perp_trader:PerpTrader",
        "funding-arbitrageur": "simulator.agents.funding_arbitrageur:FundingArbitrageur",
        "perp-liquidator": "simulator.agents.perp_liquidator:PerpLiquidator",
        "backstop-keeper": "simulator.agents.backstop_keeper:BackstopKeeper",
        "surface-reporter": "simulator.agents.surface_reporter:SurfaceReporter",
        "option-keeper": "simulator.agents.option_keeper:OptionKeeper",
        "perp-provider": "simulator.agents.perp_provider:PerpProvider",
        "option-market-maker": "simulator.agents.option_market_maker:OptionMarketMaker",
        "protection-buyer": "simulator.agents.protection_buyer:ProtectionBuyer",
        "volatility-seller": "simulator.agents.volatility_seller:VolatilitySeller",
        "mispricing-hunter": "simulator.agents.mispricing_hunter:MispricingHunter",
    },
)
PROCESSES = Registry(
    "process",
    "wavetank.processes",
    {
        "replay": "simulator.market.processes.replay:Replay",
        "bootstrap": "simulator.market.processes.bootstrap:Bootstrap",
        "constant": "simulator.market.processes.diffusion:Constant",
        "gbm": "simulator.market.processes.diffusion:Gbm",
        "garch": "simulator.market.processes.garch:Garch",
        "regimes": "simulator.market.processes.regimes:Regimes",
        "merton": "simulator.market.processes.jumps:Merton",
        "hawkes": "simulator.market.processes.hawkes:Hawkes",
        "heston": "simulator.market.processes.heston:Heston",
        "bates": "simulator.market.processes.heston:Bates",
        "peg": "simulator.market.processes.peg:Peg",
        "yield-bearing": "simulator.market.processes.yields:YieldBearing",
    },
)
REGISTRIES = {"protocol": PROTOCOLS, "agent": AGENTS, "process": PROCESSES}
