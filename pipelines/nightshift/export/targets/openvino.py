"""OpenVINO: its intermediate representation, in the folders that OpenVINO Model Server serves.

On a CPU with bfloat16 OpenVINO calculates in it by default, and scores differ in the third digit: who opens the file
has to ask for f32. ``config.json`` does, for the model server.
"""

import json
from pathlib import Path

from nightshift.export.exported import Export
from nightshift.export.foreign import ForeignTarget

PRECISION = {"INFERENCE_PRECISION_HINT": "f32"}


class OpenVino(ForeignTarget):
    """``<model>/<version>/model.xml`` and ``model.bin``, and ``config.json``."""

    def write(self, export: Export, folder: Path) -> str:
        """Weights as they are, not in 16 bits."""
        place = super().write(export, folder)
        served = {"name": export.model, "base_path": f"/models/{export.model}", "plugin_config": PRECISION}
        text = json.dumps({"model_config_list": [{"config": served}]}, indent=1) + "\n"
        (folder / "config.json").write_text(text, encoding="utf-8")
        return place


TARGET = OpenVino(
    name="openvino",
    library="openvino==2026.4.1",
    place="{model}/{version}",
    writes=("openvino_write.py",),
    reads=("openvino_read.py",),
)
