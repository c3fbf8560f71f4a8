"""A network is cut to numbers and codes without a bit lost, and only what its targets can say leaves."""

import json
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import helper

from nightshift.errors import ModelError, ParityFailed, UsageError
from nightshift.export import foreign
from nightshift.export.coded import as_codes
from nightshift.export.folder_check import verify_folder
from nightshift.export.operations import KNOWN, operations, require_known
from nightshift.export.targets import NETWORKS_ONLY, TARGETS
from nightshift.export.tensors import from_tensor
from nightshift.export.texts import text_of
from nightshift.export.written import write_export
from tests.exports import NETWORKS, Made, Written

HERE = sorted(set(NETWORKS) - {"classes", "student"})
"""Networks that are fitted within a second; the others are in ``tests/export``, by other libraries."""


@pytest.mark.parametrize("kind", HERE)
def test_the_lookup_of_texts_is_left_out_and_every_bit_stays(written: Written, kind: str) -> None:
    folder, record = written("tensorrt", kind)
    assert record.graph_kind == "network"
    assert verify_folder(folder).same_bits == 20
    model = onnx.load(folder / "model.onnx")
    onnx.checker.check_model(model)
    assert {opset.domain for opset in model.opset_import} == {""}
    assert {node.op_type for node in model.graph.node} <= KNOWN
    assert {given.name: given.datatype for given in record.inputs} == {"numbers": "FP32", "codes": "INT64"}
    told = [name for given in record.inputs for name in given.columns]
    assert sorted(told) == sorted(record.columns)


def test_codes_are_places_among_the_categories_and_what_is_not_there_is_minus_one(written: Written) -> None:
    _, record = written("tensorrt", "network")
    (codes,) = (given for given in record.inputs if given.name == "codes")
    values = from_tensor(record.golden.inputs["codes"])
    for place, name in enumerate(codes.columns):
        for text, code in zip(record.golden.columns[name], values[:, place].tolist(), strict=True):
            categories = record.columns[name].categories
            assert (categories.index(text or "") if (text or "") in categories else -1) == code
    assert (values == -1).any()


def test_no_index_of_the_graph_counts_from_the_end(made: Callable[[str], Made]) -> None:
    """Other libraries count from the front alone, or read what lies before the table."""
    model = onnx.load_model_from_string(as_codes(made("network").export()).graph)
    graph = model.graph
    places = {node.input[1] for node in graph.node if node.op_type == "Gather"}
    graph.output.extend(helper.make_tensor_value_info(name, 7, None) for name in places if "code" in name)
    import onnxruntime

    session = onnxruntime.InferenceSession(model.SerializeToString())
    (codes,) = (given for given in graph.input if given.name == "codes")
    (numbers,) = (given for given in graph.input if given.name == "numbers")
    shape = [2, codes.type.tensor_type.shape.dim[1].dim_value]
    width = numbers.type.tensor_type.shape.dim[1].dim_value
    given = {"codes": np.full(shape, -1, np.int64), "numbers": np.zeros((2, width), np.float32)}
    _, *rows = session.run(None, given)
    assert rows
    assert all((row >= 0).all() for row in rows)


def test_a_network_that_was_changed_on_the_way_is_not_exported(made: Callable[[str], Made]) -> None:
    export = made("network").export()
    scores = export.facts.golden.scores
    golden = export.facts.golden.model_copy(update={"scores": (("3f000000",), *scores[1:])})
    changed = export.facts.model_copy(update={"golden": golden})
    with pytest.raises(ParityFailed, match="the network without its lookup of texts is not"):
        as_codes(type(export)(export.graph, changed))


def test_an_operator_that_nobody_was_told_of_is_refused_in_one_sentence(made: Callable[[str], Made]) -> None:
    model = onnx.load_model_from_string(made("network").export().graph)
    model.graph.node.append(helper.make_node("QuantizeLinear", ["a", "b"], ["c"]))
    model.graph.node.append(helper.make_node("Softmax", ["a"], ["d"], axis=0))
    kept = [node for node in model.graph.node if node.op_type != "LabelEncoder"]
    del model.graph.node[:]
    model.graph.node.extend(kept)
    with pytest.raises(ModelError, match="late: the network has QuantizeLinear, Softmax in a form that") as error:
        require_known(model.graph, "late")
    assert "optimize.variants" in str(error.value.fix)


def test_a_network_of_another_form_is_refused(made: Callable[[str], Made]) -> None:
    export = made("linear").export()
    with pytest.raises(ModelError, match="its network does not take numbers and codes"):
        as_codes(export)


def test_every_library_can_say_every_known_operator() -> None:
    for program in ("tensorflow_network.py", "coreml_network.py"):
        text = text_of(program)
        assert all(f'    "{operator}": ' in text for operator in KNOWN), program


def test_a_network_goes_to_others_as_names_and_numbers(made: Callable[[str], Made]) -> None:
    plan, constants = operations(as_codes(made("hidden layers").export()).graph)
    content = json.loads(plan)
    assert set(content["inputs"]) == {"numbers", "codes"}
    assert [node["operator"] for node in content["nodes"]].count("Gemm") == 3
    assert constants.startswith(b"PK")


FOREIGN = sorted(name for name, target in TARGETS.items() if isinstance(target, foreign.ForeignTarget))


def test_of_networks_alone_all_but_tensorrt_are_written_by_their_own_library() -> None:
    assert {*FOREIGN, "tensorrt"} == NETWORKS_ONLY


@pytest.mark.parametrize("name", FOREIGN)
def test_where_the_library_is_not_there_it_is_said_how_to_get_it(
    made: Callable[[str], Made], tmp_path: Path, name: str
) -> None:
    export = made("network").export(python=sys.executable)
    out = tmp_path / "out"
    with pytest.raises(UsageError, match=r"has not all of .*ModuleNotFoundError") as error:
        write_export(export, TARGETS[name], out)
    assert f"pip install {TARGETS[name].library}" in str(error.value.fix)  # type: ignore[attr-defined]
    assert f"--to {name} --out DIR --python ENV/bin/python" in str(error.value.fix)
    # So the same command can be given again.
    assert list(out.iterdir()) == []


def test_a_python_that_is_not_there_is_said(made: Callable[[str], Made], tmp_path: Path) -> None:
    export = made("network").export(python=str(tmp_path / "python"))
    with pytest.raises(UsageError, match="python does not start: No such file"):
        write_export(export, TARGETS["openvino"], tmp_path / "out")


def test_a_folder_of_files_is_held_to_all_of_them(tmp_path: Path) -> None:
    from nightshift.export.artefact import body_at

    for name in ("model.xml", "model.bin"):
        (tmp_path / "7").mkdir(exist_ok=True)
        (tmp_path / "7" / name).write_bytes(b"weights")
    before = body_at(tmp_path, "7")
    assert before.decode().count("weights") == 0
    (tmp_path / "7" / "model.bin").write_bytes(b"other weights")
    assert body_at(tmp_path, "7") != before


def test_tensorrt_s_program_reads_what_is_there(written: Written) -> None:
    folder, record = written("tensorrt", "network")
    program = (folder / "build.py").read_text()
    compile(program, "build.py", "exec")
    assert f'"{record.graph_file}"' in program


@pytest.mark.parametrize("name", FOREIGN)
def test_what_make_installs_is_what_a_person_is_told_to_install(repository: Path, name: str) -> None:
    text = (repository / "tests" / "export" / "environments" / f"{name}.txt").read_text()
    assert text.split() == TARGETS[name].library.split()  # type: ignore[attr-defined]
