"""model.yaml: every kind of mistake is named by file and key, with what was got and what is allowed."""

import hashlib
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import ValidationError

from nightshift.errors import SpecError, UsageError
from nightshift.spec import Label, ModelSpec, find_spec, load_good_specs, load_spec, load_specs, yaml_text
from nightshift.spec.trainers import EXAMPLE, NAMED
from tests.conftest import REPOSITORY

TRAINERS = f"{', '.join(map(repr, NAMED))} or an estimator by its path, as {EXAMPLE!r}"


@pytest.fixture
def edit(model_folder: Path) -> Callable[[str, Any], Path]:
    """``edit("training.seed", 3)`` writes a key of the small spec, or removes it for ``...``."""

    def change(dotted: str, value: Any) -> Path:
        path = model_folder / "model.yaml"
        content = yaml.safe_load(path.read_text())
        *sections, key = dotted.split(".")
        at = content
        for section in sections:
            at = at.setdefault(section, {})
        if value is ...:
            del at[key]
        else:
            at[key] = value
        path.write_text(yaml.safe_dump(content))
        return path

    return change


def refusal(path: Path) -> str:
    with pytest.raises(SpecError) as error:
        load_spec(path)
    return str(error.value)


@pytest.mark.parametrize(
    ("key", "hint"),
    [
        ("colums", "did you mean columns?"),
        ("source.pyton", "did you mean python?"),
        ("partition.start_date", "did you mean start?"),
        ("night.min_row", "did you mean min_rows?"),
        ("columns.items.nulable", "did you mean nullable?"),
        ("label.delay", "did you mean delay_days?"),
        ("training.holdout_day", "did you mean holdout_days?"),
        ("gates.slice", "did you mean slices?"),
        ("optimize.max_abs_diference", "did you mean max_abs_difference?"),
        ("predict.treshold", "did you mean threshold?"),
        ("drift.bin", "did you mean bins?"),
        ("retrain.cooldown", "did you mean cooldown_days?"),
        ("drift.zzz", "allowed: bins, false_alarm_rate, false_alarms, features, planned, score"),
    ],
)
def test_an_unknown_key_is_named_with_the_nearest_allowed_one(
    edit: Callable[[str, Any], Path], key: str, hint: str
) -> None:
    path = edit(key, 1)
    message = refusal(path)
    assert f"{path}: {key}: unknown key; {hint}" in message
    assert "allowed: " in message
    assert "nightshift check" in message


@pytest.mark.parametrize(
    ("key", "value", "got", "allowed"),
    [
        ("columns.items.type", "int", "'int'", "'int64'"),
        ("columns.items.min", "low", "'low'", "valid number"),
        ("training.window_days", "many", "'many'", "valid integer"),
        ("training.window_days", 1, "1", "greater than or equal to 2"),
        ("training.holdout_days", 0, "0", "greater than or equal to 1"),
        ("training.trainer", "magic", "'magic'", TRAINERS),
        ("label.delay_days", -1, "-1", "greater than or equal to 0"),
        ("label.type", "counts", "'counts'", "'binary'"),
        ("label.column", "Late!", "'Late!'", "pattern"),
        ("partition.start", "yesterday", "'yesterday'", "valid date"),
        ("source.python", "../x.py", "'../x.py'", "pattern"),
        ("predict.threshold", 1.0, "1.0", "less than 1"),
        ("drift.false_alarm_rate", 0, "0", "greater than 0"),
        ("drift.bins", 1, "1", "greater than or equal to 2"),
        ("optimize.max_abs_difference", 0, "0", "greater than 0"),
        ("optimize.max_metric_loss", 0, "0", "greater than 0"),
        ("optimize.provider", "gpu", "'gpu'", "'tensorrt' or 'openvino'"),
        ("gates.metric", "luck", "'luck'", "'log_loss'"),
        ("night.min_rows", 0, "0", "greater than or equal to 1"),
        ("keys", [], "[]", "at least 1 item"),
        ("description", "", "''", "at least 1 character"),
        ("columns", [1], "[1]", "valid dictionary"),
    ],
)
def test_a_wrong_value_is_shown_with_what_is_allowed(
    edit: Callable[[str, Any], Path], key: str, value: Any, got: str, allowed: str
) -> None:
    path = edit(key, value)
    message = refusal(path)
    assert f"{path}: {key}: got {got}, allowed: " in message
    assert allowed in message


@pytest.mark.parametrize("key", ["source", "partition.column", "keys", "label.delay_days", "training.trainer"])
def test_a_missing_key_is_named(edit: Callable[[str, Any], Path], key: str) -> None:
    path = edit(key, ...)
    assert f"{path}: {key}: missing, but required" in refusal(path)


def test_a_source_says_of_which_kind_it_is(edit: Callable[[str, Any], Path]) -> None:
    path = edit("source", {"features": "features"})
    assert f"{path}: source: needs one of python, files, sql, callable" in refusal(path)


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("source", {"files": "*.parquet", "night": "weather"}, "source.night: got 'weather', allowed: 'column'"),
        ("source", {"sql": "select 1", "url_variable": "SHOP"}, "sql has no :night"),
        ("source", {"callable": "shop.nights"}, "source.callable: got 'shop.nights'"),
        ("night.compare", [{"left": "items", "relation": "<", "right": "nothing"}], "night.compare names nothing"),
        ("night.history", {"min_share": 2, "max_share": 1}, "min_share 2.0 is above max_share 1.0"),
        ("label.type", "multiclass", "classes are given for a multiclass or multilabel label"),
        ("training.trainer", "ridge", "training.trainer ridge is not for a binary label"),
        ("columns.items.on_breach", "ignore", "columns.items.on_breach: got 'ignore', allowed: 'refuse' or 'drop'"),
        ("columns.items.max", "2013-01-01", "columns.items: min and max of type int16 are numbers"),
        ("gates.at_least", {"rmse": 1.0}, "gates.at_least names rmse, allowed: accuracy"),
    ],
)
def test_each_section_is_checked(edit: Callable[[str, Any], Path], key: str, value: Any, message: str) -> None:
    assert message in refusal(edit(key, value))


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("columns.site.min", 1, "columns.site: min and max are for numeric columns"),
        ("columns.items.values", ["1"], "columns.items: values and pattern are for string columns"),
        ("columns.items.pattern", "^1$", "columns.items: values and pattern are for string columns"),
        ("columns.items.min", 51, "columns.items: min 51.0 is above max 50.0"),
        ("training.holdout_days", 10, "training: holdout_days 10 leaves nothing of window_days 10"),
        ("retrain", {"nights": 4, "of": 3}, "retrain: nights 4 can never be reached within of 3"),
        ("optimize.variants", ["codes", "codes"], "optimize: variants names one twice: codes, codes"),
        ("keys", ["site", "nmber"], "keys names nmber, which columns does not have"),
        ("drift.features", ["weather"], "drift.features names weather, which columns does not have"),
        ("gates.slices", ["region", "items"], "gates.slices names region, which columns does not have"),
        ("columns.items", {"type": "timestamp", "feature": False}, "items: a timestamp is neither watched for drift"),
        ("label.column", "items", "items is already the name of another column"),
        ("label.column", "day", "day is already the name of another column"),
        ("predict.score", "weight", "weight is already the name of another column: columns.weight and predict.score;"),
        ("columns.run_id", {"type": "string"}, "run_id is already the name of another column: columns.run_id and what"),
        ("partition.column", "rows", "partition.column: rows is a column of monitoring/, which lies under it: call it"),
        ("partition.column", "reasons", "reasons is already the name of another column: partition.column and what"),
        ("columns.kind.closed", True, "columns.kind: closed: true needs values, the list of those that are allowed"),
        ("partition.schedule", "61 2 * * *", "partition.schedule: got '61 2 * * *', allowed: cron, as 0 2 * * *"),
        ("partition.schedule", "0 2 * *", "partition.schedule: got '0 2 * *', allowed: cron, as 0 2 * * *"),
        ("partition.schedule", "0 0 2 * * *", "allowed: cron of 5 fields: minute, hour, day, month, day of the week"),
        ("partition.schedule", "0 2 31 2 *", "partition.schedule: got '0 2 31 2 *'"),
        ("training.schedule", "every sunday", "training.schedule: got 'every sunday', allowed: cron, as 0 2 * * *"),
        (
            "columns.site.values",
            [True, "south"],
            "columns.site.values.0: got True, allowed: a valid string; YAML reads",
        ),
        ("label.positive", 1, "label.positive: got 1, allowed: a valid string; YAML reads it as no text: put it in q"),
    ],
)
def test_what_contradicts_itself_is_explained(
    edit: Callable[[str, Any], Path], key: str, value: Any, message: str
) -> None:
    assert message in refusal(edit(key, value))


@pytest.mark.parametrize("schedule", ["0 2 * * *", "30 14 * * 1-5", "0 6 1 * *", "@daily", "@quarterly", "0 2 * * MON"])
def test_what_airflow_takes_for_a_schedule_is_taken(edit: Callable[[str, Any], Path], schedule: str) -> None:
    from airflow.timetables.trigger import CronTriggerTimetable

    assert load_spec(edit("training.schedule", schedule)).training.schedule == schedule
    CronTriggerTimetable(schedule, timezone="UTC").validate()


@pytest.mark.parametrize("name", ["No", "on", "Yes", "null", "~", "12", "1.5", "2024-01-31"])
def test_a_name_that_yaml_reads_otherwise_is_shown_with_its_line(model_folder: Path, name: str) -> None:
    path = model_folder / "model.yaml"
    text = path.read_text().replace("columns:\n", f"columns:\n  {name}: {{type: string}}\n")
    path.write_text(text)
    line = text.splitlines().index("columns:") + 2
    message = refusal(path)
    assert f"{path}: line {line}: columns.{name}: YAML reads {name} as " in message
    assert f'in quotes it is a name: "{name}"' in message


def test_a_name_in_quotes_is_a_name(model_folder: Path) -> None:
    path = model_folder / "model.yaml"
    path.write_text(path.read_text().replace("columns:\n", 'columns:\n  "no": {type: string}\n'))
    assert load_spec(path).columns["no"].type == "string"


def test_a_key_that_is_given_twice_is_shown_with_both_lines(model_folder: Path) -> None:
    path = model_folder / "model.yaml"
    path.write_text(path.read_text() + "night: {min_rows: 1}\n")
    assert re.search(r"line \d+: night: the key is given twice, first on line \d+", refusal(path))


def test_yaml_that_holds_itself_is_read_to_its_end(model_folder: Path) -> None:
    (model_folder / "model.yaml").write_text("name: &a [*a]\n")
    assert "name: got " in refusal(model_folder / "model.yaml")


def test_a_file_that_may_not_be_read_is_named(model_folder: Path) -> None:
    (model_folder / "model.yaml").unlink()
    (model_folder / "model.yaml").mkdir()
    assert "model.yaml cannot be read: Is a directory" in refusal(model_folder / "model.yaml")


def test_a_spec_knows_the_digest_of_its_file(model_folder: Path, spec: ModelSpec) -> None:
    body = (model_folder / "model.yaml").read_bytes()
    assert spec.file_sha256 == hashlib.sha256(body).hexdigest()
    assert spec.with_features(["weight"]).file_sha256 == spec.file_sha256
    assert ModelSpec.model_validate(spec.model_dump(mode="json")).file_sha256 is None


def test_an_open_column_has_known_values_and_no_allowed_ones(edit: Callable[[str, Any], Path]) -> None:
    spec = load_spec(edit("columns.site.closed", False))
    assert spec.columns["site"].values == ("east", "north", "south")
    assert spec.columns["site"].allowed is None
    assert spec.columns["site"].open_category
    assert spec.columns["kind"].open_category
    assert not spec.columns["items"].open_category
    closed = load_spec(edit("columns.site.closed", True))
    assert closed.columns["site"].allowed == ("east", "north", "south")
    # What model.yaml meant before there was such a key.
    assert load_spec(edit("columns.site.closed", ...)).columns["site"].allowed == ("east", "north", "south")


def test_a_model_without_features_is_refused(edit: Callable[[str, Any], Path]) -> None:
    edit("columns", {name: {"type": "int32", "feature": False} for name in ("site", "number")})
    edit("gates", {})
    assert "columns has no feature" in refusal(edit("drift", {}))


def test_all_mistakes_are_shown_at_once_up_to_ten(edit: Callable[[str, Any], Path]) -> None:
    edit("label.delay_days", -1)
    assert refusal(edit("training.seed", "x")).count("got ") == 2
    for number in range(12):
        edit(f"extra_{number}", 1)
    message = refusal(edit("extra", 1))
    assert message.count("unknown key") + message.count("got ") == 10
    assert "... and 5 more" in message


VALUES = """
plain: [a b, "q\u00e9", 'it''s', ~, null, yes, off, 0o17, 0x1f, 1_000, 1e3, .5, -.inf, 2013-04-01, 12:30:45]
folded: >-
  two
  lines
kept: |
  as it
   is
"json": {"a":1, "b" : [ 1,2 ]}
merged: &m {x: 1, y: 2}
with: {<<: *m, y: 3}
"""

SPECS = [
    REPOSITORY / "models/flight_delays/model.yaml",
    REPOSITORY / "pipelines/nightshift/demo/tiny_project/models/orders/model.yaml",
]


@pytest.mark.parametrize("text", [VALUES, *(file.read_text() for file in SPECS)])
def test_the_fast_reader_reads_what_the_slow_one_does(text: str) -> None:
    assert repr(yaml_text.read(text)) == repr(yaml.safe_load(text))
    assert yaml_text.FAST is not yaml.SafeLoader


@pytest.mark.parametrize("text", ["a: [1", "a: b: c", "\tx: 1", "- !!python/object:os.system {}"])
def test_broken_yaml_names_the_file(model_folder: Path, text: str) -> None:
    (model_folder / "model.yaml").write_text(text)
    assert refusal(model_folder / "model.yaml").startswith(f"{model_folder / 'model.yaml'} is not YAML: ")


def test_a_key_given_twice_is_named_with_its_lines(model_folder: Path) -> None:
    path = model_folder / "model.yaml"
    path.write_text("training:\n  seed: 1\n  window_days: 9\n  seed: 2\n")
    assert f"{path}: line 4: training.seed: the key is given twice, first on line 2" in refusal(path)


def test_keys_that_a_merge_brings_may_be_given_again(model_folder: Path) -> None:
    path = model_folder / "model.yaml"
    path.write_text("a: &a {x: 1}\nb: {<<: *a, x: 2}\n")
    assert "twice" not in refusal(path)


@pytest.mark.parametrize(
    ("name", "read"),
    [
        ("No", "true or false"),
        ("on", "true or false"),
        ("null", "nothing"),
        ("7", "a number"),
        ("2024-01-01", "a date"),
    ],
)
def test_a_name_that_yaml_reads_as_something_else_is_said(model_folder: Path, name: str, read: str) -> None:
    path = model_folder / "model.yaml"
    path.write_text(f"columns:\n  {name}: {{type: string}}\n")
    message = refusal(path)
    assert f'{path}: line 2: columns.{name}: YAML reads {name} as {read}; in quotes it is a name: "{name}"' in message


@pytest.mark.parametrize("text", ["", "just words", "[1, 2]"])
def test_yaml_that_is_no_mapping_is_refused(model_folder: Path, text: str) -> None:
    (model_folder / "model.yaml").write_text(text)
    assert "the file: got " in refusal(model_folder / "model.yaml")


def test_bytes_that_are_no_text_are_refused(model_folder: Path) -> None:
    (model_folder / "model.yaml").write_bytes(b"\xff\xfe\x00")
    assert "is not YAML" in refusal(model_folder / "model.yaml")


def test_the_folder_has_the_model_s_name(edit: Callable[[str, Any], Path], model_folder: Path) -> None:
    message = refusal(edit("name", "other"))
    assert f"name: got 'other', allowed '{model_folder.name}' (the folder's name)" in message


def test_the_source_file_is_beside_it(edit: Callable[[str, Any], Path]) -> None:
    assert "source.python: got 'sauce.py', which is not beside model.yaml" in refusal(edit("source.python", "sauce.py"))


def test_a_file_that_is_not_there_is_said_so(tmp_path: Path) -> None:
    assert "does not exist" in refusal(tmp_path / "model.yaml")


def test_good_specs_are_read_beside_wrong_ones(
    project: Path, spec: ModelSpec, make_project: Callable[..., Path]
) -> None:
    make_project(project, name="broken", nihgt={"min_rows": 1})
    specs, errors = load_good_specs(project / "models")
    assert [one.name for one in specs] == [spec.name]
    assert list(errors) == ["broken"]
    assert "nihgt: unknown key" in errors["broken"].message
    assert load_good_specs(project / "models", only=spec.name) == (specs, {})
    with pytest.raises(SpecError, match="nihgt"):
        load_specs(project / "models")


def test_an_unknown_model_is_answered_with_the_known_ones(project: Path, spec: ModelSpec) -> None:
    with pytest.raises(UsageError, match=f"no model 'nope'; there are: {spec.name}"):
        find_spec(project / "models", "nope")
    with pytest.raises(UsageError, match="there are: none"):
        find_spec(project, "nope")


def test_specs_are_frozen(spec: ModelSpec) -> None:
    with pytest.raises(ValidationError, match="frozen"):
        spec.name = "other"
    with pytest.raises(ValidationError, match="frozen"):
        spec.training.seed = 1


def test_the_schema_can_be_printed_and_describes_every_section() -> None:
    schema = json.loads(json.dumps(ModelSpec.model_json_schema()))
    assert schema["additionalProperties"] is False
    assert set(schema["properties"]) == set(ModelSpec.model_fields)
    assert all(part.get("additionalProperties") is False for part in schema["$defs"].values())


def test_features_are_the_columns_that_the_model_sees(spec: ModelSpec) -> None:
    assert spec.features == ("site", "kind", "amount", "weight", "items", "express")


def test_the_project_s_own_specs_are_good(repository: Path) -> None:
    assert "flight_delays" in [spec.name for spec in load_specs(repository / "models")]


@pytest.mark.parametrize(
    ("classes", "names"),
    [
        (["setosa", "Versicolor", "Iris virginica"], ["setosa", "versicolor", "iris_virginica"]),
        (["a", "A", "a_2", "á"], ["a", "a_2", "a_2_2", "_"]),
        (["+", "-", "", "10"], ["_", "__2", "", "10"]),
    ],
)
def test_classes_are_plain_names_each_once(classes: list[str], names: list[str]) -> None:
    label = Label(column="kind", type="multiclass", classes=tuple(classes), delay_days=1)
    assert label.class_names == tuple(names)


def test_published_columns_follow_the_label(edit: Callable[[str, Any], Path]) -> None:
    assert load_spec(edit("owner", "me")).scores == ("score",)
    edit("label.type", "multiclass")
    assert load_spec(edit("label.classes", ["a", "b", "c"])).scores == ("score_a", "score_b", "score_c")
    edit("columns.score_b", {"type": "int32", "feature": False})
    assert "score_b is already the name of another column" in refusal(edit("owner", "you"))


def test_a_regression_publishes_no_score_so_a_column_may_be_called_that(edit: Callable[[str, Any], Path]) -> None:
    edit("columns.score", {"type": "int32", "feature": False})
    assert "score is already the name of another column" in refusal(edit("owner", "me"))
    assert load_spec(edit("label.type", "regression")).scores == ()
    edit("columns.prediction", {"type": "int32", "feature": False})
    assert "prediction is already the name of another column" in refusal(edit("owner", "you"))


def test_a_night_before_the_first_is_refused_by_the_name_of_the_key(spec: ModelSpec) -> None:
    spec.require_night("2024-01-01")
    with pytest.raises(UsageError, match=r"has no night 2023-12-31: model\.yaml has partition\.start 2024-01-01"):
        spec.require_night("2023-12-31")
    with pytest.raises(UsageError, match="partition key"):
        spec.require_night("2023-12-32")


def test_the_promise_is_written_in_one_of_two_ways(spec, change):
    assert spec.drift.rate == 0.01
    assert change(spec, drift={"false_alarms": {"once_per_nights": 50}}).drift.rate == 0.02
    assert change(spec, drift={"false_alarm_rate": 0.05}).drift.rate == 0.05
    with pytest.raises(ValidationError, match="leave false_alarm_rate out"):
        change(spec, drift={"false_alarm_rate": 0.05, "false_alarms": {"once_per_nights": 20}})
