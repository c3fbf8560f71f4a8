"""A browser, or Node: the graph in WebAssembly by onnxruntime-web, with a page that checks the golden rows."""

import json
from pathlib import Path

from nightshift.export.exported import Export
from nightshift.export.feeds import FEEDS, feeds_json
from nightshift.export.target import ANY_GRAPH
from nightshift.export.texts import text_of

GRAPH = "model.onnx"
RUNTIME = "1.30.0"
"""Of onnxruntime-web, the last that was tried."""
FILES = ("index.html", "score.mjs", "check.mjs")


class Browser:
    """``model.onnx``, ``feeds.json``, ``index.html`` and the modules that it needs."""

    name = "browser"
    takes = ANY_GRAPH

    def write(self, export: Export, folder: Path) -> str:
        """Nothing is bundled: the runtime comes from npm."""
        (folder / GRAPH).write_bytes(export.graph)
        (folder / FEEDS).write_text(feeds_json(export), encoding="utf-8")
        for name in FILES:
            (folder / name).write_text(text_of(name), encoding="utf-8")
        (folder / "package.json").write_text(_package(export), encoding="utf-8")
        return GRAPH


def _package(export: Export) -> str:
    content = {
        "name": export.model,
        "private": True,
        "type": "module",
        "scripts": {"check": "node check.mjs"},
        "dependencies": {"onnxruntime-web": RUNTIME},
    }
    return json.dumps(content, indent=1) + "\n"


TARGET = Browser()
