"""A model whose rows come from files of a folder."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from nightshift.settings import Settings
from nightshift.spec import ModelSpec
from nightshift.stores import Stores

SPEC: dict[str, Any] = {
    "name": "shop",
    "description": "Will an order come back?",
    "partition": {"column": "day", "start": "2024-01-01"},
    "keys": ["order"],
    "night": {"max_rows": 240},
    "columns": {"order": {"type": "int64", "feature": False}, "kind": {"type": "string"}},
    "label": {"column": "late", "delay_days": 1},
    "training": {"window_days": 5, "holdout_days": 1, "trainer": "hist_gradient_boosting"},
}


@pytest.fixture
def shop() -> Callable[..., ModelSpec]:
    """``shop("*.parquet")``: the spec with these files, and other sections replaced."""

    def make(files: str, **changes: Any) -> ModelSpec:
        return ModelSpec.model_validate({**SPEC, "source": {"files": files}, **changes})

    return make


@pytest.fixture
def stores(tmp_path: Path) -> Stores:
    """Stores over an empty project; nothing is opened."""
    return Stores(Settings(project=tmp_path, home=tmp_path / "home"))
