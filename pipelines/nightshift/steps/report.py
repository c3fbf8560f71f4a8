"""Write the pages of models as files: the index, each model, the reports of its nights. They are read without a server.

They link to one another by relative addresses alone, so the folder may be moved, sent or put behind any web server.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from nightshift.contracts import Dataset
from nightshift.pages import html
from nightshift.pages.index import IndexEntry, row_of
from nightshift.pages.links import VIEWS, FileLinks, checks_file, model_file, report_file
from nightshift.pages.look import ModelLook, look_at
from nightshift.pages.overview import WITHOUT_BOUND
from nightshift.progress import OnProgress, counted, unheard
from nightshift.spec import ModelSpec
from nightshift.stores import Stores, layout
from nightshift.validation.data_docs import HEAD, with_policy

INDEX = "index.html"
BY_NIGHT = 90
"""Of so many nights the reports are copied."""


@dataclass(frozen=True)
class WrittenPages:
    """Where the pages are, how many, and how many reports of nights were copied beside them."""

    index: str
    pages: int
    reports: int


def report(specs: Sequence[ModelSpec], out: Path, stores: Stores, progress: OnProgress = unheard) -> WrittenPages:
    """Write the pages of some models into a folder, over what is there under the same names.

    Raises ``LakeUnavailable``.
    """
    copied: set[str] = set()
    entries = []
    for spec in counted(specs, "writing pages", progress):
        # The longest first: the others then read nothing but what it kept.
        looks = {view: look_at(spec, stores, most=nights, requests=WITHOUT_BOUND) for view, nights in _longest_first()}
        newest = min(looks.values(), key=lambda look: len(look.view.nights))
        files = _reports(spec, newest, stores)
        _write(out, files)
        copied |= files.keys()
        pages = {model_file(spec.name, view) for view in VIEWS}
        links = FileLinks("../", {*files, *pages})
        for view, look in looks.items():
            page = html.model_page(look, links, stores.settings.mlflow_url, view)
            _write(out, {model_file(spec.name, view): page.encode()})
        entries.append(IndexEntry(spec, row_of(newest)))
    entries.sort(key=lambda entry: entry.place)
    models = {model_file(spec.name) for spec in specs}
    index = html.index_page(entries, [], FileLinks("", models))
    _write(out, {INDEX: index.encode()})
    return WrittenPages(str(out / INDEX), 1 + len(VIEWS) * len(specs), len(copied))


def _longest_first() -> list[tuple[str, int]]:
    views = [(view, nights) for view, (nights, _) in VIEWS.items()]
    return sorted(views, key=lambda named: named[1], reverse=True)


def _reports(spec: ModelSpec, look: ModelLook, stores: Stores) -> dict[str, bytes]:
    """The stored pages of the newest nights, by file."""
    files = {}
    for night in look.view.nights[:BY_NIGHT]:
        key = spec.key(Dataset.MONITORING, night.partition)
        stored = {report_file(spec.name, night.partition): layout.drift_report(key)} if night.verdict else {}
        stored[checks_file(spec.name, night.partition)] = layout.data_docs(key)
        for file, place in stored.items():
            body = stores.lake.objects.get(place)
            if body:
                page, _ = body
                files[file] = _guarded(page, is_checks=place == layout.data_docs(key))
    return files


def _guarded(stored: bytes, *, is_checks: bool) -> bytes:
    """A page of the lake as a file, which no server puts in a sandbox: it says itself that nothing of it may run."""
    page = stored.decode(errors="replace")
    if is_checks:
        page = html.checks_page(page)
    # In front of all, whatever stands before the page's own head; of two heads a browser makes one.
    first = with_policy(f'<!doctype html><html>{HEAD}<meta charset="utf-8"></head>')
    return f"{first}{page}".encode()


def _write(out: Path, files: Mapping[str, bytes]) -> None:
    for name, body in files.items():
        file = out / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(body)
