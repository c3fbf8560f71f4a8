from dataclasses import replace

from nightshift.contracts import Pin
from nightshift.monitoring.drift import DriftResult, FeatureDrift
from nightshift.monitoring.night_record import CanaryDrift, NightCounts, NightRecord
from nightshift.monitoring.report import alarms
from nightshift.steps._night_files import SCHEMA, _table, _tables
from nightshift.steps._night_points import _drift_metrics, _points, _points_by_version
from nightshift.steps.monitor import night_report


def drift():
    feature = FeatureDrift(
        "amount", 0.1, 2.0, 8.0, 0.25, False, True, 0.0, 0.1, 100, [1, 99], [5, 95], "numeric", [1.0], [],
        alarm_distance=0.2,
    )  # fmt: skip
    return DriftResult(False, 2.0, 8.0, 0.25, "amount", 100, 0.01, 80, [feature])


def test_the_table_has_one_row_per_feature_and_no_histograms():
    table = _table(drift(), Pin("orders", "3", "r", "s", "k", "m", "2024-02-20"))
    assert table.schema == SCHEMA
    assert table.to_pylist()[0] == {
        "feature": "amount", "distance": 0.1, "alarm_distance": 0.2, "statistic": 2.0, "threshold": 8.0,
        "ratio": 0.25, "drifted": False,
        "calibrated": True, "null_share": 0.0, "reference_null_share": 0.1, "rows": 100, "model_version": "3",
    }  # fmt: skip


def of_night(of_canary: DriftResult) -> NightRecord:
    pin = Pin("orders", "3", "r", "s", "k", "m", "2024-02-20")
    return NightRecord(
        model="orders",
        partition="2024-03-01",
        version="3",
        pin=pin,
        counts=NightCounts(100, 0, 100, 0),
        generation="g",
        drift=drift(),
        accuracy=(),
        canary=CanaryDrift(replace(pin, version="4"), 0.1, 10, of_canary),
    )


def test_what_a_canary_scored_has_rows_and_points_of_its_own_version():
    record = of_night(replace(drift(), ratio=0.75))
    assert _tables(record)["model_version"].to_pylist() == ["3", "4"]
    points = _points_by_version(record)
    ratios = {
        version: value
        for version, of_version in points.items()
        for name, value, *_ in of_version
        if name == "drift.ratio"
    }
    assert ratios == {"3": 0.25, "4": 0.75}


def test_the_drift_of_a_canary_is_no_verdict_on_the_night(spec):
    drifted = replace(drift(), drifted=True, ratio=9.0)
    report = night_report(spec, of_night(drifted), "page")
    assert (report.drifted, report.version, report.statistic) == (False, "3", 2.0)
    assert alarms(of_night(drifted)) == []


def test_a_record_of_a_canary_comes_back_as_it_was_and_one_without_names_none():
    record = of_night(drift())
    assert NightRecord.from_json(record.to_json(), "here") == record
    assert b"canary" not in record.model_copy(update={"canary": None}).to_json()


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
