"""One spec, whole. Sections follow the life of a night: source, partition, columns, label, ..., retrain."""

from collections.abc import Collection
from typing import Self

from pydantic import Field, model_validator

from nightshift.contracts import Dataset, PartitionKey
from nightshift.partitions import shifted
from nightshift.spec.base import Frozen, Name, Share
from nightshift.spec.columns import Column
from nightshift.spec.learning import LOSSES, METRICS, Gates, Label, Optimize, Training
from nightshift.spec.night import NightChecks, Partition
from nightshift.spec.source import Source

RESERVED = ["model_version", "run_id", "reasons", "offending"]
"""Columns that predictions and quarantined rows have besides the spec's."""


class Predict(Frozen):
    """What is published."""

    score: Name = Field(
        "score", description="P(label); <score>_<class> for each class of a multiclass label; none for a regression"
    )
    prediction: Name = Field(
        "prediction", description="true or false; the likeliest class; the number that a regression predicts"
    )
    threshold: Share = Field(0.5, description="scores from here on are predicted true; for a binary label")
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
    night: NightChecks = NightChecks()
    columns: dict[Name, Column] = Field(min_length=1)
    label: Label
    training: Training
    gates: Gates = Gates()
    optimize: Optimize = Optimize()
    predict: Predict = Predict()
    drift: Drift = Drift()
    retrain: Retrain = Retrain()

    @property
    def metric(self) -> str:
        """The loss that decides between two models, per row and averaged."""
        return self.gates.metric or ("squared_error" if self.label.type == "regression" else "log_loss")

    @property
    def features(self) -> tuple[str, ...]:
        """Columns the model sees, in order."""
        return tuple(n for n, c in self.columns.items() if c.feature)

    @property
    def scores(self) -> tuple[str, ...]:
        """Published columns of scores: one, one for each class in the order of ``label.classes``, or none."""
        if self.label.type == "regression":
            return ()
        if self.label.type == "multiclass":
            return tuple(f"{self.predict.score}_{name}" for name in self.label.class_names)
        return (self.predict.score,)

    def key(self, dataset: Dataset, partition: str) -> PartitionKey:
        """The address of a night of this model. Raises ``UsageError`` for a partition that is no date."""
        return PartitionKey(dataset, self.name, self.partition.column, partition)

    def labelled_night(self, partition: str) -> str:
        """The night whose labels arrive with the run of ``partition``."""
        return shifted(partition, -self.label.delay_days)

    def with_features(self, names: Collection[str]) -> Self:
        """The same spec as it was when the model saw these of its columns."""
        columns = {name: column.model_copy(update={"feature": name in names}) for name, column in self.columns.items()}
        return self.model_copy(update={"columns": columns})

    @model_validator(mode="after")
    def _names_exist(self) -> Self:
        known = set(self.columns)
        for where, names in (
            ("keys", self.keys),
            ("drift.features", self.drift.features),
            ("gates.slices", self.gates.slices),
            ("night.compare", [name for pair in self.night.compare for name in (pair.left, pair.right)]),
            ("night.references", [reference.column for reference in self.night.references]),
        ):
            if missing := [n for n in names if n not in known]:
                raise ValueError(f"{where} names {', '.join(missing)}, which columns does not have")
        if moments := [n for n in (*self.drift.features, *self.gates.slices) if self.columns[n].type == "timestamp"]:
            raise ValueError(f"{', '.join(moments)}: a timestamp is neither watched for drift nor a slice")
        taken = [*self.columns, self.partition.column, self.label.column, *self.scores, self.predict.prediction]
        taken += RESERVED
        if twice := sorted({name for name in taken if taken.count(name) > 1}):
            raise ValueError(f"{', '.join(twice)} is already the name of another column")
        if not self.features:
            raise ValueError("columns has no feature")
        return self

    @model_validator(mode="after")
    def _fits_the_task(self) -> Self:
        task = self.label.type
        if (self.training.trainer == "ridge") != (task == "regression") and self.training.trainer in {
            "ridge",
            "logistic_regression",
        }:
            raise ValueError(f"training.trainer {self.training.trainer} is not for a {task} label")
        if self.gates.metric is not None and self.gates.metric not in LOSSES[task]:
            raise ValueError(f"gates.metric {self.gates.metric} is not for a {task} label")
        if wrong := sorted(set(self.gates.at_least) - METRICS[task]):
            raise ValueError(f"gates.at_least names {', '.join(wrong)}, allowed: {', '.join(sorted(METRICS[task]))}")
        return self
