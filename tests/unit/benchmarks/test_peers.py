"""A peer that cannot start says why."""

import sys
from pathlib import Path

import pytest

from benchmarks import peers
from benchmarks.peer_child import Job
from benchmarks.peers import Peer, PeerUnavailable

JOB = Job("s3://lake/in.parquet", "s3://lake/out", ["id"], 0.5, "graph.onnx")


def reason(tmp_path: Path) -> str:
    with (tmp_path / "log").open("w+") as log, pytest.raises(PeerUnavailable) as raised, Peer("ray", JOB, {}, log):
        pass
    return str(raised.value)


def test_a_peer_without_its_environment_says_what_installs_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(peers, "PYTHON", tmp_path / "nowhere" / "python")
    assert reason(tmp_path) == f"ray: no {tmp_path}/nowhere/python; make bench installs it"


def test_a_peer_that_ends_at_once_is_quoted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # Nightshift's own interpreter has no Ray.
    monkeypatch.setattr(peers, "PYTHON", Path(sys.executable))
    assert reason(tmp_path) == "ray ended and said: ModuleNotFoundError: No module named 'ray'"
