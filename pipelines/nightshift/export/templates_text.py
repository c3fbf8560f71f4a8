"""Files of an export that are the same for every model."""

from importlib.resources import files


def text_of(name: str) -> str:
    """The text of such a file."""
    return (files("nightshift.export") / "templates" / f"{name}.j2").read_text(encoding="utf-8")
