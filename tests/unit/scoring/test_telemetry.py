"""ONNX Runtime tells nobody what is scored: its telemetry is on by default, and off wherever Nightshift is imported."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("onnxruntime")

LOADED = """
import sys
if "nightshift" in sys.argv:
    import nightshift
import onnxruntime
onnxruntime.get_available_providers()
"""
SPOKEN = "telemetry"


def said(tmp_path: Path, *words: str) -> str:
    """What ONNX Runtime complains of where the home cannot be written to: it wants to keep an identifier there."""
    nowhere = tmp_path / "file"
    nowhere.touch()
    # Its own switches, and what it takes for a run of tests.
    silencers = ("ORT_DISABLE_TELEMETRY", "ORT_RUNNING_UNIT_TESTS", "CI", "GITHUB_ACTIONS", "TF_BUILD")
    env = {name: value for name, value in os.environ.items() if name not in silencers}
    homes = {"HOME": str(nowhere), "XDG_CACHE_HOME": str(nowhere), "XDG_CONFIG_HOME": str(nowhere)}
    done = subprocess.run(
        [sys.executable, "-c", LOADED, *words],
        env={**env, **homes}, capture_output=True, text=True, check=True, timeout=60,
    )  # fmt: skip
    return done.stderr


def test_telemetry_is_off_where_nightshift_is_imported(tmp_path: Path) -> None:
    assert SPOKEN not in said(tmp_path, "nightshift")


def test_it_would_be_on_otherwise(tmp_path: Path) -> None:
    # Where this fails, ONNX Runtime has become quiet, and the test above shows nothing any more.
    assert SPOKEN in said(tmp_path)
