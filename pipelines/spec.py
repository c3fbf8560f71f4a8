"""The model spec: ``models/<model>/model.yaml`` as frozen objects that forbid unknown keys.

Everything here is checked before a byte of data is read. Sections follow the life of a night:
source, partition, columns, label, training, gates, optimize, predict, drift, retrain.
"""

import datetime as dt
import re
import zoneinfo
from pathlib import Path
from typing import Annotated, Any, Literal, Self, get_args

import yaml
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError, model_validator

from pipelines.errors import SpecError, UsageError
from pipelines.spec_errors import explain

Name = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,62}$")]
ColumnType = Literal["string", "bool", "int16", "int32", "int64", "float32", "float64"]
Metric = Literal["log_loss", "brier", "roc_auc", "pr_auc", "f1"]
Share = Annotated[float, Field(gt=0, lt=1)]
Variant = Literal[
    "fp32_optimized",
    "codes",
    "codes_mirrored",
    "truncated_half",
    "truncated_quarter",
    "student",
    "pruned",
    "int8_dynamic",
    "int8_static",
]
VARIANTS: tuple[Variant, ...] = get_args(Variant)
"""Graphs besides fp32 that optimize may build, in order of preference between equals."""

RESERVED = ["model_version", "run_id"]
"""Columns that published predictions have besides the spec's."""

PARTITION_PATTERN = r"^\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])$"


class Frozen(BaseModel):
    """Immutable, and a key it does not know is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Source(Frozen):
    """Where the rows of a night come from: functions in a Python file beside model.yaml."""

    python: str = Field(description="file beside model.yaml", pattern=r"^[A-Za-z_][A-Za-z0-9_]*\.py$")
    features: str = Field("features", description="function (date) -> DataFrame of what is known that night")
    labels: str = Field("labels", description="function (date) -> DataFrame of keys and label, known later")


class Partition(Frozen):
    """What one night is."""

    column: Name = Field(description="Hive partition column; the date of the night")
    timezone: str = Field("UTC", description="time zone of the schedule")
    schedule: str = Field("0 2 * * *", description="cron of the nightly run, in that time zone")
    start: dt.date = Field(description="first night there can be")

    @model_validator(mode="after")
    def _timezone_exists(self) -> Self:
        if self.timezone not in zoneinfo.available_timezones():
            raise ValueError(f"timezone: got {self.timezone!r}, allowed: names like America/New_York or UTC")
        return self


class Column(Frozen):
    """One column of a night and what is expected of it."""

    type: ColumnType
    nullable: bool = False
    min: float | None = Field(None, description="smallest allowed value")
    max: float | None = Field(None, description="largest allowed value")
    values: tuple[str, ...] | None = Field(None, description="the only allowed values")
    pattern: str | None = Field(None, description="regular expression that strings match")
    max_null_share: Annotated[float, Field(ge=0, le=1)] | None = Field(None, description="refuse a night with more")
    feature: bool = Field(True, description="false: kept with the row, not given to the model")

    @property
    def numeric(self) -> bool:
        """Numbers and booleans; everything else is a category."""
        return self.type != "string"

    @model_validator(mode="after")
    def _bounds_fit_the_type(self) -> Self:
        if not self.numeric and (self.min is not None or self.max is not None):
            raise ValueError("min and max are for numeric columns")
        if self.numeric and (self.values is not None or self.pattern is not None):
            raise ValueError("values and pattern are for string columns")
        if self.pattern is not None:
            try:
                re.compile(self.pattern)
            except re.error as error:
                raise ValueError(f"pattern {self.pattern!r} is no regular expression: {error}") from error
        if self.min is not None and self.max is not None and self.min > self.max:
            raise ValueError(f"min {self.min} is above max {self.max}")
        return self


class Night(Frozen):
    """What is expected of a whole night."""

    min_rows: int = Field(1, ge=1)
    max_rows: int | None = Field(None, ge=1)


class Label(Frozen):
    """What is being predicted, and when it becomes known."""

    column: Name
    type: Literal["binary"] = "binary"
    delay_days: int = Field(ge=0, description="the run of night D sees labels of nights up to D - delay_days")


class Training(Frozen):
    """What a model learns from."""

    window_days: int = Field(ge=2, description="labelled nights a snapshot spans")
    holdout_days: int = Field(ge=1, description="the last nights of the window, never trained on")
    trainer: Literal["hist_gradient_boosting", "logistic_regression", "neural_network"]
    parameters: dict[str, float | int | str | bool] = Field(default_factory=dict)
    seed: int = 0
    schedule: str | None = Field(None, description="cron of a regular training, none by default")

    @model_validator(mode="after")
    def _something_is_left_to_learn_from(self) -> Self:
        if self.holdout_days >= self.window_days:
            raise ValueError(f"holdout_days {self.holdout_days} leaves nothing of window_days {self.window_days}")
        return self


class Gates(Frozen):
    """What a challenger must show on the holdout before it becomes champion."""

    metric: Literal["log_loss", "brier"] = Field(
        "log_loss", description="compared with the champion, paired bootstrap over the holdout's nights"
    )
    confidence: Share = 0.95
    resamples: int = Field(1000, ge=100)
    at_least: dict[Metric, float] = Field(default_factory=dict, description="floors (ceilings for losses)")
    slices: tuple[Name, ...] = Field((), description="columns whose values may not get worse, one by one")
    slice_allowance: float = Field(0.0, ge=0, description="how much worse a slice may be, in the metric")
    slice_min_rows: int = Field(200, ge=1)


class Optimize(Frozen):
    """How far the ONNX graph may be from the trained model, and which graphs are tried for speed."""

    max_abs_difference: float = Field(1e-5, gt=0, description="of scores, for exact variants")
    max_mean_difference: float = Field(1e-6, gt=0, description="the same, on average")
    max_label_flips: int = Field(0, ge=0, description="predictions that may change, for exact variants")
    max_metric_loss: float | None = Field(
        None, gt=0, description="upper end of the interval of mean gates.metric lost; none: exact variants only"
    )
    variants: tuple[Variant, ...] = Field(VARIANTS, description="what is tried besides fp32, which always is")
    provider: Literal["cpu", "cuda", "tensorrt", "openvino"] = Field("cpu", description="where ONNX Runtime runs")

    @model_validator(mode="after")
    def _each_once(self) -> Self:
        if len(set(self.variants)) < len(self.variants):
            raise ValueError(f"variants names one twice: {', '.join(self.variants)}")
        return self


class Predict(Frozen):
    """What is published."""

    score: Name = "score"
    prediction: Name = "prediction"
    threshold: Share = 0.5
    shard_rows: int = Field(5_000_000, ge=1, description="rows of one mapped task: seconds of work")
    allow_future_model: bool = Field(False, description="score nights inside the champion's training window")


class Drift(Frozen):
    """Which changes are worth an alarm."""

    features: tuple[Name, ...] = ()
    score: bool = True
    bins: int = Field(10, ge=2, le=100)
    false_alarm_rate: Share = Field(0.01, description="share of quiet nights that may alarm, over all features")


class Retrain(Frozen):
    """When drift or lost accuracy starts a training by itself."""

    nights: int = Field(2, ge=1, description="alarming nights needed ...")
    of: int = Field(3, ge=1, description="... among this many last nights")
    cooldown_days: int = Field(7, ge=0, description="nights after a started retrain in which none follows")
    min_new_nights: int = Field(7, ge=1, description="labelled nights the champion has not seen")

    @model_validator(mode="after")
    def _can_be_reached(self) -> Self:
        if self.nights > self.of:
            raise ValueError(f"nights {self.nights} can never be reached within of {self.of}")
        return self


class ModelSpec(Frozen):
    """One thing being predicted."""

    name: Name
    description: str = Field(min_length=1)
    owner: str = "nightshift"
    source: Source
    partition: Partition
    keys: tuple[Name, ...] = Field(min_length=1)
    night: Night = Night()
    columns: dict[Name, Column] = Field(min_length=1)
    label: Label
    training: Training
    gates: Gates = Gates()
    optimize: Optimize = Optimize()
    predict: Predict = Predict()
    drift: Drift = Drift()
    retrain: Retrain = Retrain()

    @property
    def features(self) -> tuple[str, ...]:
        """Columns the model sees, in order."""
        return tuple(n for n, c in self.columns.items() if c.feature)

    @model_validator(mode="after")
    def _names_exist(self) -> Self:
        known = set(self.columns)
        for where, names in (
            ("keys", self.keys),
            ("drift.features", self.drift.features),
            ("gates.slices", self.gates.slices),
        ):
            if missing := [n for n in names if n not in known]:
                raise ValueError(f"{where} names {', '.join(missing)}, which columns does not have")
        taken = [*self.columns, self.partition.column, self.label.column, self.predict.score, self.predict.prediction]
        taken += RESERVED
        if twice := sorted({name for name in taken if taken.count(name) > 1}):
            raise ValueError(f"{', '.join(twice)} is already the name of another column")
        if not self.features:
            raise ValueError("columns has no feature")
        return self


def parse_partition(key: str | None) -> dt.date:
    """The date of a partition key ``YYYY-MM-DD``. Raises ``UsageError`` for anything else."""
    shown = repr(key)[:60]
    if key is None or not re.fullmatch(PARTITION_PATTERN, key):
        raise UsageError(
            f"partition key {shown} is not a date like 2013-04-01", fix="give the night's date as YYYY-MM-DD"
        )
    try:
        return dt.date.fromisoformat(key)
    except ValueError as error:
        raise UsageError(f"partition key {shown} is no day of the calendar", fix="give a date that exists") from error


def load_spec(path: Path) -> ModelSpec:
    """Read and check one model.yaml. Raises ``SpecError`` naming file, key, what was got and what is allowed."""
    try:
        raw: Any = yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise SpecError(f"{path} does not exist", fix="see models/ for the models there are") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise SpecError(f"{path} is not YAML: {error}") from error
    try:
        spec = ModelSpec.model_validate(raw)
    except ValidationError as error:
        raise SpecError(explain(path, error, ModelSpec), fix="correct it, then `nightshift check`") from error
    if spec.name != path.parent.name:
        raise SpecError(
            f"{path}: name: got {spec.name!r}, allowed {path.parent.name!r} (the folder's name)",
            fix="rename one of the two",
        )
    if not (path.parent / spec.source.python).is_file():
        raise SpecError(f"{path}: source.python: got {spec.source.python!r}, which is not beside model.yaml")
    return spec


def load_specs(models: Path) -> list[ModelSpec]:
    """All specs under ``models/``, in order of name. Raises ``SpecError`` for the first that is wrong."""
    return [load_spec(path) for path in spec_files(models)]


def spec_files(models: Path) -> list[Path]:
    """Every ``models/<model>/model.yaml``, sorted."""
    return sorted(models.glob("*/model.yaml"))


def find_spec(models: Path, name: str) -> ModelSpec:
    """The spec of one model by name. Raises ``UsageError`` when there is none."""
    names = [path.parent.name for path in spec_files(models)]
    if name not in names:
        raise UsageError(f"no model {name!r}; there are: {', '.join(names) or 'none'}", fix="give one of these names")
    return load_spec(models / name / "model.yaml")
