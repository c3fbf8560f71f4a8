"""Pages of monitoring: everything from data is escaped, and a name that is not there is an error."""

from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from jinja2 import Environment, Template


def template_of(name: str) -> "Template":
    """A page's template, by its path in this package."""
    return _environment().get_template(name)


def compile_templates() -> None:
    """Compile them all now, those that others include too."""
    environment = _environment()
    for name in environment.list_templates(extensions=["j2"]):
        environment.get_template(name)


@cache
def _environment() -> "Environment":
    from jinja2 import Environment, PackageLoader, StrictUndefined

    return Environment(
        loader=PackageLoader("nightshift.monitoring", "."),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        # What a process has compiled stays: the package is as it was imported.
        auto_reload=False,
    )
