"""The environment in which verbs is installed, apart from ours: it brings versions of its own."""

import subprocess
import sys
from pathlib import Path
from typing import Final

from simulator.errors import ConfigError

SCRIPT: Final = Path(__file__).with_name("peer_verbs.py")
REQUIREMENT: Final = "verbs==0.4.1"
_FOLDER: Final = Path(__file__).parents[2] / ".venv-verbs"


def python(folder: Path = _FOLDER, requirement: str = REQUIREMENT) -> str:
    """The environment's interpreter; it is made when it is asked for first. Raises ConfigError."""
    interpreter = folder / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")
    if not _has_verbs(interpreter):
        try:
            _say_nothing([sys.executable, "-m", "venv", "--clear", str(folder)])
            _say_nothing([str(interpreter), "-m", "pip", "install", "--quiet", "--only-binary", "verbs", requirement])
        except (OSError, subprocess.CalledProcessError) as fault:
            raise ConfigError(
                f"{requirement} cannot be installed: {_reason(fault)}",
                where=str(folder),
                mend="the benchmark needs its wheel from PyPI",
            ) from None
    return str(interpreter)


def _has_verbs(interpreter: Path) -> bool:
    if not interpreter.exists():
        return False
    words = [str(interpreter), "-c", "import verbs.sim"]
    return subprocess.run(words, check=False, capture_output=True).returncode == 0


def _say_nothing(words: list[str]) -> None:
    subprocess.run(words, check=True, capture_output=True, text=True)


def _reason(fault: OSError | subprocess.CalledProcessError) -> str:
    """The line that says what went wrong."""
    said = fault.stderr if isinstance(fault, subprocess.CalledProcessError) else str(fault)
    lines = said.splitlines() or ["no reason given"]
    return next((line for line in reversed(lines) if line.startswith("ERROR: ")), lines[-1]).removeprefix("ERROR: ")
