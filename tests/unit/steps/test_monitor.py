from dataclasses import replace

from nightshift.monitoring.drift import DriftResult, FeatureDrift
from nightshift.steps._night_files import SCHEMA, _table
from nightshift.steps._night_points import _drift_metrics, _points


def drift():
    feature = FeatureDrift(
        "amount", 0.1, 2.0, 8.0, 0.25, False, True, 0.0, 0.1, 100, [1, 99], [5, 95], "numeric", [1.0], [],
        alarm_distance=0.2,
    )  # fmt: skip
    return DriftResult(False, 2.0, 8.0, 0.25, "amount", 100, 0.01, 80, [feature])


def test_the_table_has_one_row_per_feature_and_no_histograms():
    from nightshift.contracts import Pin

    table = _table(drift(), Pin("orders", "3", "r", "s", "k", "m", "2024-02-20"))
    assert table.schema == SCHEMA
    assert table.to_pylist()[0] == {
        "feature": "amount", "distance": 0.1, "alarm_distance": 0.2, "statistic": 2.0, "threshold": 8.0,
        "ratio": 0.25, "drifted": False,
        "calibrated": True, "null_share": 0.0, "reference_null_share": 0.1, "rows": 100, "model_version": "3",
    }  # fmt: skip


def test_a_point_lies_at_its_own_night_whenever_it_is_written():
    assert _points("1970-01-02", {"a": 0.5, "b": None}) == [("a", 0.5, 86_400_000, 1)]
    assert _points("2013-04-05", {"a": 1.0})[0][3] == 15800


def test_a_drift_metric_is_the_share_of_the_alarm_line():
    assert _drift_metrics(drift())["drift.feature.amount"] == 0.25


def test_a_feature_with_the_name_of_a_figure_does_not_take_its_place():
    features = []
    for name in ("statistic", "threshold", "ratio"):
        features.append(replace(drift().features[0], feature=name, ratio=0.125))
    metrics = _drift_metrics(replace(drift(), ratio=0.5, features=features))
    assert (metrics["drift.statistic"], metrics["drift.threshold"], metrics["drift.ratio"]) == (2.0, 8.0, 0.5)
    assert metrics["drift.feature.statistic"] == 0.125
