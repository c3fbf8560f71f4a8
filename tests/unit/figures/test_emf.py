"""Lines for CloudWatch are what its format says, by the schema that AWS published."""

import json
import math
from pathlib import Path

from jsonschema import Draft7Validator

from nightshift.figures import catalogue
from nightshift.figures.emf import line
from nightshift.figures.model import ModelFigures

CONTRACT = json.loads((Path(__file__).parents[2] / "contracts" / "emf.schema.json").read_text())
LABELS = {"model": "orders", "dataset": "labels", "detector": "drift", "measure": "skill"}
LABELS |= {"version": "3", "digest": "ab"}


def every_figure() -> ModelFigures:
    of_models = [figure for figure in catalogue.FIGURES if "model" in figure.labels]
    samples = [figure.at(2.5, *(LABELS[name] for name in figure.labels)) for figure in of_models]
    return ModelFigures("orders", tuple(samples), "2024-01-05", "3", "ab")


def test_a_line_with_every_figure_is_valid_and_refers_only_to_what_it_has() -> None:
    text = line(every_figure(), 1_704_900_000.5)
    assert "\n" not in text
    document = json.loads(text)
    Draft7Validator(CONTRACT).validate(document)
    assert document["_aws"]["Timestamp"] == 1_704_900_000_500
    (directive,) = document["_aws"]["CloudWatchMetrics"]
    assert directive["Dimensions"] == [["model"]]
    units = {metric["Name"]: metric["Unit"] for metric in directive["Metrics"]}
    assert {type(document[name]) for name in units} == {float}
    assert len(units) <= 100
    assert units["night_duration_seconds"] == "Seconds"
    assert not [name for name in units if name.startswith("nightshift") or name.endswith("info")]


def test_what_is_no_number_is_no_metric() -> None:
    samples = (catalogue.DRIFT_RATIO.at(math.inf, "orders"), catalogue.ROWS.at(3, "orders"))
    document = json.loads(line(ModelFigures("orders", samples, "2024-01-05"), 0), parse_constant=str)
    assert [metric["Name"] for metric in document["_aws"]["CloudWatchMetrics"][0]["Metrics"]] == ["night_rows"]


def test_the_schema_refuses_what_is_not_of_its_format() -> None:
    assert not Draft7Validator(CONTRACT).is_valid({"_aws": {"Timestamp": 1.5, "CloudWatchMetrics": []}})
