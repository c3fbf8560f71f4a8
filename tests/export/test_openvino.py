"""OpenVINO reads what it wrote, in f32."""

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from nightshift.errors import ParityFailed, UnsafeGraph
from nightshift.export.record import RECORD, ExportRecord
from nightshift.export.texts import text_of
from nightshift.steps.verify_export import verify_export
from tests.exports import NETWORKS

Written = Callable[..., tuple[Path, ExportRecord]]


@pytest.mark.parametrize("kind", NETWORKS)
def test_openvino_gives_the_golden_scores(written: Written, python_of: Callable[[str], str], kind: str) -> None:
    python = python_of("openvino")
    folder, record = written("openvino", kind, python)
    verified = verify_export(str(folder), python=python)
    print(f"{kind}: {verified}")
    assert verified.rows == 20
    if record.label.type != "regression":
        assert verified.max_difference < 1e-6


def test_f32_is_asked_for_where_it_is_served_and_where_it_is_read(
    written: Written, python_of: Callable[[str], str]
) -> None:
    folder, record = written("openvino", "network", python_of("openvino"))
    (served,) = json.loads((folder / "config.json").read_text())["model_config_list"]
    assert served["config"]["plugin_config"] == {"INFERENCE_PRECISION_HINT": "f32"}
    assert (folder / record.model / record.version / "model.bin").is_file()
    assert "openvino.Type.f32" in text_of("openvino_read.py")


def test_the_reader_stops_at_a_precision_that_it_did_not_ask_for(
    written: Written, python_of: Callable[[str], str], tmp_path: Path
) -> None:
    """A CPU without bfloat16 has f32 whatever is asked for, so here f32 is what must not be."""
    python = python_of("openvino")
    folder, record = written("openvino", "network", python)
    program = text_of("openvino_read.py").replace("!= openvino.Type.f32", "== openvino.Type.f32")
    assert program != text_of("openvino_read.py")
    words = [python, "-I", "-c", program, str(folder / record.graph_file), "none.npz", str(tmp_path / "scores")]
    ended = subprocess.run(words, capture_output=True, text=True, check=False)
    print(ended.stderr.strip().splitlines()[-1])
    assert ended.returncode == 1
    assert ended.stderr.startswith("it calculates in")


def test_weights_that_were_swapped_are_not_opened(written: Written, python_of: Callable[[str], str]) -> None:
    python = python_of("openvino")
    folder, record = written("openvino", "hidden layers", python)
    weights = folder / record.graph_file / "model.bin"
    weights.write_bytes(weights.read_bytes()[::-1])
    with pytest.raises(UnsafeGraph, match="is not as it was written"):
        verify_export(str(folder), python=python)


def test_scores_of_another_network_are_told_apart(written: Written, python_of: Callable[[str], str]) -> None:
    python = python_of("openvino")
    folder, record = written("openvino", "network", python)
    golden = record.golden.model_copy(update={"scores": record.golden.scores[::-1]})
    (folder / RECORD).write_bytes(record.model_copy(update={"golden": golden}).to_json())
    with pytest.raises(ParityFailed, match="golden rows differ"):
        verify_export(str(folder), python=python)
