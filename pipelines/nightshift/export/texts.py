"""Files of an export that are the same for every model; they lie beside the targets."""

from importlib.resources import files


def text_of(name: str) -> str:
    """The text of such a file."""
    return (files("nightshift.export.targets") / f"{name}.j2").read_text(encoding="utf-8")
