"""`make install` takes torch from PyTorch's index for processors where, and only where, pip would bring CUDA."""

import json
import re
import subprocess
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType

import pytest

from tests.scripts import load_script

ROOT = Path(__file__).parents[2]
REPORTS = ROOT / "tests" / "data" / "pip_reports"
INDEX = "https://download.pytorch.org/whl/cpu"
WANTED = "torch==2.13.0"


@pytest.fixture(scope="module")
def script() -> ModuleType:
    return load_script(ROOT / "tools" / "torch_build.py")


class Pip:
    """Answers the question with a report that was kept, and the installation with an exit code."""

    def __init__(self, report: str | None, installs: int = 0) -> None:
        self.installed: list[list[str]] = []
        self._report, self._installs = report, installs

    def __call__(self, words: Sequence[str]) -> "subprocess.CompletedProcess[str]":
        if "--dry-run" not in words:
            self.installed.append(list(words))
            return subprocess.CompletedProcess(words, self._installs, "", "")
        if self._report is None:
            return subprocess.CompletedProcess(words, 1, "", "no network")
        return subprocess.CompletedProcess(words, 0, (REPORTS / self._report).read_text(), "")


def test_the_packages_of_cuda_are_seen_whatever_the_case(script: ModuleType) -> None:
    brought = script.gpu_packages(json.loads((REPORTS / "cuda.json").read_text()))
    assert brought == ["cuda-bindings", "nvidia-cublas-cu13", "nvidia-cudnn-cu13", "nvidia-nccl-cu13"]
    assert script.gpu_packages(json.loads((REPORTS / "cpu.json").read_text())) == []


def test_where_pip_would_bring_cuda_torch_alone_comes_from_the_index(
    script: ModuleType, capsys: pytest.CaptureFixture[str]
) -> None:
    pip = Pip("cuda.json")
    script.settle(WANTED, "constraints.txt", INDEX, pip)
    assert pip.installed == [["--no-deps", "--index-url", INDEX, WANTED]]
    assert len(capsys.readouterr().out.splitlines()) == 1


@pytest.mark.parametrize("report", ["cpu.json", None], ids=["a build for processors", "pip cannot say"])
def test_elsewhere_nothing_is_installed_and_nothing_is_said(
    script: ModuleType, report: str | None, capsys: pytest.CaptureFixture[str]
) -> None:
    pip = Pip(report)
    script.settle(WANTED, "constraints.txt", INDEX, pip)
    assert (pip.installed, capsys.readouterr().out) == ([], "")


def test_an_index_that_fails_is_one_line_and_no_error(script: ModuleType, capsys: pytest.CaptureFixture[str]) -> None:
    script.settle(WANTED, "constraints.txt", INDEX, Pip("cuda.json", installs=1))
    assert capsys.readouterr().out.splitlines()[1:] == [
        f"{INDEX} did not give {WANTED}: pip's own build is installed, with gigabytes of CUDA"
    ]


def test_make_install_asks_before_it_installs() -> None:
    makefile = (ROOT / "Makefile").read_text()
    assert re.search(r"^TORCH_INDEX \?= (\S+)$", makefile, re.MULTILINE)[1] == INDEX  # type: ignore[index]
    assert makefile.index("tools/torch_build.py") < makefile.index("-e '.[$(EXTRAS)]'")
