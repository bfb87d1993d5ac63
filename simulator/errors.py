"""Every error that Wavetank raises on purpose.

WavetankError               what, where, mend, and the exit code of the command that meets it
├── ConfigError        2    a scenario, flag or file that cannot be used
│   ├── SetupError     2    a contract that refused the parameters it was deployed with
│   └── UserCodeError  2    a user's own code that raised while it was imported
├── ChainError         3    the chain cannot go on (gone, refused, out of step)
│   └── UnsupportedOpcode 2 bytecode that reads what a backend cannot give
└── AgentError         3    an agent raised; the run is partial
"""


class WavetankError(Exception):
    """One line for a person: what is wrong, where, and how to mend it."""

    exit_code = 3

    def __init__(self, what: str, where: str = "", mend: str = "") -> None:
        self.what, self.where, self.mend = what, where, mend
        super().__init__(what, where, mend)  # all of them: SimPy makes an exception anew from its arguments

    def __str__(self) -> str:
        place = f"{self.where}: " if self.where else ""
        mend = f" ({self.mend})" if self.mend else ""
        return f"{place}{self.what}{mend}"

    def as_dict(self) -> dict[str, str]:
        """The object under `error` in `--json` output."""
        return {"what": self.what, "where": self.where, "mend": self.mend}


class ConfigError(WavetankError):
    """A scenario, flag or file that cannot be used."""

    exit_code = 2


class SetupError(ConfigError):
    """A contract refused the parameters it was deployed or configured with."""


class UserCodeError(ConfigError):
    """A user's own code raised while it was imported, or is not what it is said to be."""


class ChainError(WavetankError):
    """The chain cannot go on."""


class UnsupportedOpcode(ChainError):
    """Bytecode reads block data that the backend cannot give truthfully."""

    exit_code = 2


class AgentError(WavetankError):
    """An agent raised an exception; what was recorded until then is kept."""
