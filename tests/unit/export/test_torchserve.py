"""TorchServe's archive, unpacked and called as TorchServe does."""

import json
import subprocess
import zipfile
from pathlib import Path

import pytest

from nightshift.errors import ModelError
from nightshift.export.folder_check import verify_folder
from tests import alone
from tests.exports import Written
from tests.unit.export.programs import require_bits, rows_of

SERVED = """
import importlib, json, sys, types
manifest = json.load(open("MAR-INF/MANIFEST.json"))["model"]
sys.path.insert(0, ".")
service = importlib.import_module(manifest["handler"].removesuffix(".py"))
context = types.SimpleNamespace(system_properties={"model_dir": "."}, manifest={"model": manifest})
assert service.handle(None, context) is None
print(json.dumps(service.handle(json.load(sys.stdin), context)))
"""


@pytest.mark.parametrize("kind", ["codes", "network"])
def test_torchserve_s_archive_is_a_service_that_gives_the_golden_bits(
    written: Written, tmp_path: Path, kind: str
) -> None:
    folder, record = written("torchserve", kind)
    with zipfile.ZipFile(folder / f"{record.model}.mar") as archive:
        assert archive.testzip() is None
        archive.extractall(tmp_path)
    manifest = json.loads((tmp_path / "MAR-INF" / "MANIFEST.json").read_text())["model"]
    assert (manifest["modelName"], manifest["modelVersion"]) == (record.model, record.version)
    assert (tmp_path / manifest["serializedFile"]).is_file()
    (tmp_path / "served.py").write_text(SERVED)
    requests_of_two = [{"body": {"instances": rows_of(record)}}, {"body": "{"}]
    ended = subprocess.run(
        alone.words(tmp_path / "served.py"),
        cwd=tmp_path,
        env={"PATH": ""},
        input=json.dumps(requests_of_two),
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    good, bad = json.loads(ended.stdout)
    require_bits(record, [list(row.values()) for row in good["predictions"]])
    assert set(bad) == {"error"}


def test_a_graph_in_an_archive_is_held_to_its_digest(written: Written) -> None:
    folder, record = written("torchserve", "multiclass")
    file = folder / f"{record.model}.mar"
    with zipfile.ZipFile(file) as archive:
        contents = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(file, "w") as archive:
        for name, body in contents.items():
            archive.writestr(name, body + b"\0" if name == "model.onnx" else body)
    with pytest.raises(ModelError, match="is not as it was written"):
        verify_folder(folder)
    file.write_bytes(b"no archive")
    with pytest.raises(ModelError, match="has no graph at"):
        verify_folder(folder)
