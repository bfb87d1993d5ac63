"""What every page of ours is made with: templates and style sheets that lie beside the code."""

from importlib.resources import files
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from jinja2 import Environment
    from markupsafe import Markup


def environment(package: str) -> "Environment":
    """Templates of a package's `templates` folder. Text is escaped, and a name that is not there is an error."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    return Environment(
        loader=PackageLoader(package),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def asset(package: str, name: str) -> "Markup":
    """A style sheet or program of ours, to stand in the page as it is."""
    from markupsafe import Markup

    return Markup(files(package).joinpath("templates", name).read_text(encoding="utf-8"))
