"""Lists of allowed values in files: read by the type of the column that refers to them."""

from pathlib import Path

import pyarrow as pa

from nightshift.settings import Settings
from nightshift.spec import ModelSpec
from nightshift.stores import Stores
from nightshift.validation.references import read


def test_a_code_of_a_csv_is_no_number(tmp_path: Path) -> None:
    folder = tmp_path / "models" / "shop"
    folder.mkdir(parents=True)
    (folder / "places.csv").write_text("code,name\n007,a\n010,b\n,c\n")
    spec = ModelSpec.model_validate({
        "name": "shop",
        "description": "Will an order come back?",
        "source": {"files": "*.parquet"},
        "partition": {"column": "day", "start": "2024-01-01"},
        "keys": ["order"],
        "columns": {
            "order": {"type": "int64", "feature": False},
            "place": {"type": "string"},
            "number": {"type": "int16"},
        },
        "label": {"column": "returned", "delay_days": 1},
        "night": {
            "references": [
                {"column": "place", "file": "places.csv", "key": "code"},
                {"column": "number", "file": "places.csv", "key": "code"},
            ]
        },
        "training": {"window_days": 5, "holdout_days": 1, "trainer": "hist_gradient_boosting"},
    })
    values = read(spec, Stores(Settings(project=tmp_path, home=tmp_path / "home")))
    assert values["place"].to_pylist() == ["007", "010", ""]
    assert values["number"].equals(pa.array([7, 10], pa.int16()))
