"""A model whose rows come from files, a query or a package, and frames of two nights."""

import datetime as dt
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from nightshift.settings import Settings
from nightshift.spec import ModelSpec
from nightshift.stores import Stores

SPEC: dict[str, Any] = {
    "name": "shop",
    "description": "Will an order come back?",
    "partition": {"column": "day", "timezone": "Europe/Berlin", "start": "2024-01-01"},
    "keys": ["order"],
    "columns": {
        "order": {"type": "int64", "source": "Order No.", "feature": False},
        "code": {"type": "string"},
        "price": {"type": "decimal", "scale": 2, "nullable": True},
        "express": {"type": "bool"},
        "born": {"type": "date", "nullable": True},
        "placed": {"type": "timestamp", "feature": False},
    },
    "label": {"column": "returned", "source": "came back?", "delay_days": 1},
    "training": {"window_days": 5, "holdout_days": 1, "trainer": "hist_gradient_boosting"},
}


@pytest.fixture
def shop() -> Callable[..., ModelSpec]:
    """``shop({"files": ...})``: the spec with this source, and other sections replaced."""

    def make(source: dict[str, Any], **changes: Any) -> ModelSpec:
        return ModelSpec.model_validate({**SPEC, "source": source, **changes})

    return make


@pytest.fixture
def stores(tmp_path: Path) -> Stores:
    """Stores over an empty project; nothing is opened."""
    return Stores(Settings(project=tmp_path, home=tmp_path / "home"))


@pytest.fixture
def orders() -> Callable[..., pd.DataFrame]:
    """``orders("2024-01-01", 3)``: rows of one night, with the source's names and a column that no spec names."""

    def make(night: str, rows: int = 3, first: int = 1) -> pd.DataFrame:
        at = dt.datetime.fromisoformat(night)
        return pd.DataFrame({
            "day": [at.date()] * rows,
            "Order No.": range(first, first + rows),
            "code": [f"00{number}" for number in range(rows)],
            "price": [Decimal("1.50"), None, *[Decimal("12.34")] * rows][:rows],
            "express": [number % 2 == 0 for number in range(rows)],
            "born": [dt.date(1980, 2, 29), None, *[dt.date(2001, 1, 1)] * rows][:rows],
            "placed": [at + dt.timedelta(hours=12)] * rows,
            "came back?": [1.0, None, *[0.0] * rows][:rows],
            "note": "not in the spec",
        })

    return make
