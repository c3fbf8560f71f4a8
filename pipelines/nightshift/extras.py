"""What the distribution's extras bring, read from its own metadata: ``pyproject.toml`` says it once.

A night is scored with the core alone; training, networks and the embedded stack ask for theirs before they begin.
"""

from collections.abc import Iterator
from importlib import metadata

from nightshift.errors import UsageError

DISTRIBUTION = "nightshift-batch"


def require(extra: str, purpose: str, *only: str) -> None:
    """Raise ``UsageError`` when a package of this extra, or one of ``only``, is not installed.

    ``purpose`` begins the sentence.
    """
    missing = [name for name in only or packages(extra) if not is_installed(name)]
    if missing:
        raise UsageError(
            f"{purpose} needs the extra [{extra}], of which {', '.join(missing)} is not installed",
            fix=f"install the wheel with it: pip install 'WHEEL[{extra}]'; in a clone: make install",
        )


def packages(extra: str) -> Iterator[str]:
    """The distributions of an extra; none where Nightshift runs from a folder that was never installed."""
    from packaging.requirements import Requirement

    try:
        lines = metadata.requires(DISTRIBUTION) or []
    except metadata.PackageNotFoundError:
        return
    for line in lines:
        wanted = Requirement(line)
        if wanted.marker and wanted.marker.evaluate({"extra": extra}) and not wanted.marker.evaluate({"extra": ""}):
            yield wanted.name


def is_installed(name: str) -> bool:
    """Whether a distribution of that name is there."""
    try:
        metadata.version(name)
    except metadata.PackageNotFoundError:
        return False
    return True
