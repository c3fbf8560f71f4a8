"""An export as a folder: the target's artefact, and ``nightshift.json`` beside it."""

import hashlib
from pathlib import Path

from nightshift.errors import UsageError
from nightshift.export.artefact import body_at
from nightshift.export.coded import as_codes
from nightshift.export.exported import Export
from nightshift.export.record import RECORD, ExportRecord
from nightshift.export.target import NETWORKS, Target


def require_empty(folder: Path) -> None:
    """Raises ``UsageError`` for a folder that has something in it, or is none: nothing there is overwritten."""
    if folder.is_dir() and not any(folder.iterdir()):
        return
    if folder.exists():
        raise UsageError(f"{folder} is not an empty folder", fix="give another --out, or empty it")


def write_export(export: Export, target: Target, folder: Path) -> ExportRecord:
    """Write the artefact and its record; the record is last, so that a folder with one is whole."""
    require_empty(folder)
    if target.takes == NETWORKS:
        export = as_codes(export)
    folder.mkdir(parents=True, exist_ok=True)
    try:
        graph_file = target.write(export, folder)
    except OSError as error:
        raise UsageError(f"{folder} cannot be written: {error.strerror}", fix="give another --out") from error
    body = body_at(folder, graph_file)
    facts = {
        "target": target.name,
        "graph_file": graph_file,
        "graph_sha256": hashlib.sha256(body).hexdigest(),
    }
    record = export.facts.model_copy(update=facts)
    (folder / RECORD).write_bytes(record.to_json())
    return record


def read_record(folder: Path) -> ExportRecord:
    """The record of a folder. Raises ``UsageError`` where there is none, ``UnreadableRecord``."""
    file = folder / RECORD
    try:
        body = file.read_bytes()
    except OSError as error:
        raise UsageError(
            f"{folder} has no {RECORD}: it is no export, or one that did not end",
            fix=f"give the folder that nightshift export wrote, with {RECORD} in it",
        ) from error
    return ExportRecord.from_json(body, str(file))
