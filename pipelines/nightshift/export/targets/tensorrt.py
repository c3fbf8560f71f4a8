"""TensorRT: the network, and the program that builds an engine of it on the GPU that is to run it."""

from pathlib import Path

from nightshift.export.exported import Export
from nightshift.export.scripts import GRAPH
from nightshift.export.target import NETWORKS
from nightshift.export.texts import text_of


class TensorRt:
    """``model.onnx`` and ``build.py``: an engine is good for one kind of GPU and one version of TensorRT alone."""

    name = "tensorrt"
    takes = NETWORKS

    def write(self, export: Export, folder: Path) -> str:
        """The operators are those that TensorRT's parser lists; nothing is built here."""
        (folder / GRAPH).write_bytes(export.graph)
        (folder / "build.py").write_text(text_of("tensorrt.py"), encoding="utf-8")
        return GRAPH


TARGET = TensorRt()
