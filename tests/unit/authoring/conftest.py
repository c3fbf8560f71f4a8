"""Frames that ``nightshift new`` drafts from, and what comes of it."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from nightshift.authoring import trial
from nightshift.authoring.new import NewModel, NewModelRequest, new
from nightshift.settings import Settings
from nightshift.spec import ModelSpec, load_spec
from tests.frames import put

Proposal = Callable[..., tuple[ModelSpec, NewModel, str]]


@pytest.fixture(autouse=True)
def without_trial(monkeypatch: pytest.MonkeyPatch) -> None:
    """A draft takes its trees from the table, in no time; ``test_trial`` has the trial itself."""
    monkeypatch.setattr(trial, "FEWEST_ROWS", 10**9)


@pytest.fixture
def project(tmp_path: Path) -> Settings:
    (tmp_path / "models").mkdir()
    return Settings(project=tmp_path, home=tmp_path / "home")


@pytest.fixture
def propose(project: Settings) -> Proposal:
    """``propose(frame)`` writes the frame and drafts a model of it: the spec, what was said, and the file's text."""

    def make(frame: pd.DataFrame, ending: str = "parquet", **options: Any) -> tuple[ModelSpec, NewModel, str]:
        path = put(frame, project.project / f"in.{ending}")
        request = {"data": path.name, "label": "label", "keys": ("id",), "partition_by": "day", **options}
        made = new(NewModelRequest("model", **request), project)
        file = Path(made.file)
        return load_spec(file), made, file.read_text()

    return make
