"""OpenVINO reads what it wrote, in f32."""

import json
import subprocess
from pathlib import Path

import pytest

from nightshift.errors import ParityFailed, UnsafeGraph
from nightshift.export.record import RECORD
from nightshift.export.texts import text_of
from tests.export.conftest import WriteElsewhere, require_golden_scores
from tests.exports import NETWORKS


@pytest.mark.parametrize("kind", NETWORKS)
def test_openvino_gives_the_golden_scores(written_elsewhere: WriteElsewhere, kind: str) -> None:
    require_golden_scores(written_elsewhere("openvino", kind), kind)


def test_f32_is_asked_for_where_it_is_served_and_where_it_is_read(written_elsewhere: WriteElsewhere) -> None:
    folder, record, _ = written_elsewhere("openvino", "network")
    (served,) = json.loads((folder / "config.json").read_text())["model_config_list"]
    assert served["config"]["plugin_config"] == {"INFERENCE_PRECISION_HINT": "f32"}
    assert (folder / record.model / record.version / "model.bin").is_file()
    assert "openvino.Type.f32" in text_of("openvino_read.py")


def test_the_reader_stops_at_a_precision_that_it_did_not_ask_for(
    written_elsewhere: WriteElsewhere, tmp_path: Path
) -> None:
    """A CPU without bfloat16 has f32 whatever is asked for, so here f32 is what must not be."""
    folder, record, python = written_elsewhere("openvino", "network")
    program = text_of("openvino_read.py").replace("!= openvino.Type.f32", "== openvino.Type.f32")
    assert program != text_of("openvino_read.py")
    words = [python, "-I", "-c", program, str(folder / record.graph_file), "none.npz", str(tmp_path / "scores")]
    ended = subprocess.run(words, capture_output=True, text=True, check=False)
    print(ended.stderr.strip().splitlines()[-1])
    assert ended.returncode == 1
    assert ended.stderr.startswith("it calculates in")


def test_weights_that_were_swapped_are_not_opened(written_elsewhere: WriteElsewhere) -> None:
    network = written_elsewhere("openvino", "hidden layers")
    weights = network.folder / network.record.graph_file / "model.bin"
    weights.write_bytes(weights.read_bytes()[::-1])
    with pytest.raises(UnsafeGraph, match="is not as it was written"):
        network.verified()


def test_scores_of_another_network_are_told_apart(written_elsewhere: WriteElsewhere) -> None:
    network = written_elsewhere("openvino", "network")
    record = network.record
    golden = record.golden.model_copy(update={"scores": record.golden.scores[::-1]})
    (network.folder / RECORD).write_bytes(record.model_copy(update={"golden": golden}).to_json())
    with pytest.raises(ParityFailed, match="golden rows differ"):
        network.verified()
