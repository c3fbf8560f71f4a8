"""Programs that score without Nightshift, and what they need: ONNX Runtime and numpy alone."""

from collections.abc import Iterable
from importlib.metadata import version

from nightshift.export.exported import Export
from nightshift.export.feeds import FEEDS, feeds_json
from nightshift.export.texts import text_of

GRAPH = "model.onnx"
SCORER = "scorer.py"
NEEDS = ("numpy", "onnxruntime")


def scripts(names: Iterable[str]) -> dict[str, bytes]:
    """Their texts by name."""
    return {name: text_of(name).encode() for name in names}


def scored_files(export: Export) -> dict[str, bytes]:
    """What ``scorer.py`` reads."""
    return {GRAPH: export.graph, FEEDS: feeds_json(export).encode()}


def pinned() -> list[str]:
    """What they need, in the versions that are here."""
    return [f"{name}=={version(name)}" for name in NEEDS]


def dockerfile(base: str, lines: Iterable[str]) -> str:
    """An image with what they need, and these lines."""
    head = [
        f"FROM {base}",
        f"RUN pip install --no-cache-dir {' '.join(pinned())}",
        "ENV ORT_DISABLE_TELEMETRY=1 PYTHONUNBUFFERED=1",
    ]
    return "\n".join([*head, *lines, ""])
