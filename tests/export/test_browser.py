"""The page's own modules under Node, with onnxruntime-web from npm."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.exports import KINDS, Written


@pytest.fixture(scope="module")
def modules(written: Written) -> Path:
    """``node_modules`` as the export's own package.json asks for it."""
    if shutil.which("npm") is None:
        pytest.skip("there is no npm")
    folder, _ = written("browser", "codes")
    subprocess.run(["npm", "install", "--silent", "--no-audit", "--no-fund"], cwd=folder, check=True)
    return folder / "node_modules"


def check(folder: Path, modules: Path) -> tuple[int, dict[str, float]]:
    (folder / "node_modules").symlink_to(modules)
    ended = subprocess.run(["node", "check.mjs"], cwd=folder, capture_output=True, text=True, check=False)
    assert ended.stdout, ended.stderr
    return ended.returncode, json.loads(ended.stdout)


@pytest.mark.parametrize("kind", KINDS)
def test_web_assembly_gives_the_golden_scores(written: Written, modules: Path, kind: str) -> None:
    folder, record = written("browser", kind)
    code, result = check(folder, modules)
    print(f"{kind}: at most {result['farthest']:.1e} apart, allowed {record.tolerance:.1e}")
    assert (code, result["good"]) == (0, True)
    assert result["farthest"] <= record.tolerance
    if record.label.type in {"binary", "multiclass"}:
        # The sigmoid and the softmax of WebAssembly round their last bit another way.
        assert result["farthest"] <= 2e-7


def test_a_row_that_differs_ends_it_with_1(written: Written, modules: Path) -> None:
    folder, record = written("browser", "codes")
    text = (folder / "nightshift.json").read_text()
    (folder / "nightshift.json").write_text(text.replace(record.golden.scores[0][0], "3f000000"))
    code, result = check(folder, modules)
    assert (code, result["good"]) == (1, False)
