"""One spec, whole. Sections follow the life of a night: source, partition, columns, label, ..., retrain."""

import hashlib
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from typing import Any, Self

from pydantic import Field, PrivateAttr, model_validator

from nightshift.contracts import Dataset, PartitionKey
from nightshift.errors import UsageError
from nightshift.partitions import parse_partition, shifted
from nightshift.spec.base import Frozen, Name
from nightshift.spec.canary import Canary
from nightshift.spec.columns import Column, with_parts_written
from nightshift.spec.drift import Drift
from nightshift.spec.label import CALIBRATED, DECIDED_BY_THRESHOLD, DEFAULT_LOSS, LOSSES, METRICS, Label
from nightshift.spec.learning import Gates, Optimize, Training
from nightshift.spec.night import NightChecks, Partition
from nightshift.spec.parameters import NO, YES, Parameter, named_classes, named_features
from nightshift.spec.predict import EngineName, Predict
from nightshift.spec.reserved import RESERVED
from nightshift.spec.retrain import Retrain
from nightshift.spec.search import Search, recipes
from nightshift.spec.shadow import Shadow
from nightshift.spec.source import Source
from nightshift.spec.trainers import labels_of


class ModelSpec(Frozen):
    """One thing being predicted."""

    name: Name = Field(description="the folder's name under models/")
    description: str = Field(min_length=1, description="what is predicted, for people who do not know it")
    owner: str = Field("nightshift", description="who answers for it, as Airflow and the model card show")
    paused: bool = Field(
        False, description="whether its Dags are paused when Airflow first sees them, whatever airflow.cfg says"
    )
    priority: int = Field(
        5,
        ge=1,
        le=10,
        description="whose tasks begin first where they wait for workers: of 10 before of 1",
    )
    source: Source = Field(description="where the rows of a night come from: one of four kinds")
    partition: Partition
    keys: tuple[Name, ...] = Field(min_length=1, description="columns that tell the rows of a night apart")
    night: NightChecks = NightChecks()
    columns: dict[Name, Column] = Field(min_length=1, description="what a night has, and what is expected of it")
    label: Label
    training: Training
    search: Search | None = Field(None, description="what is tried before a training; none: training as it stands")
    gates: Gates = Gates()
    shadow: Shadow | None = None
    canary: Canary | None = None
    optimize: Optimize = Optimize()
    predict: Predict = Predict()
    drift: Drift = Drift()
    retrain: Retrain = Retrain()

    # Of the file's bytes; a spec that came from no file has none.
    _file_sha256: str | None = PrivateAttr(None)

    @property
    def file_sha256(self) -> str | None:
        """The digest of the model.yaml that it was read from, as ``sha256sum`` prints it."""
        return self._file_sha256

    def read_from(self, body: bytes) -> Self:
        """The same spec, saying which file it was read from."""
        spec = self.model_copy()
        spec._file_sha256 = hashlib.sha256(body).hexdigest()
        return spec

    @property
    def metric(self) -> str:
        """The loss of a row: what is averaged over nights and slices."""
        kind = self.label.type
        named = self.gates.metric
        return named if named in LOSSES[kind] else DEFAULT_LOSS[kind]

    @property
    def judged_by(self) -> str:
        """What decides between two models: a mean loss, a cost, an area or F1."""
        return self.gates.metric or DEFAULT_LOSS[self.label.type]

    @property
    def features(self) -> tuple[str, ...]:
        """Columns the model sees, in order."""
        return tuple(name for name, column in self.columns.items() if column.feature)

    @property
    def scores(self) -> tuple[str, ...]:
        """Published columns of scores: one, one for each class in the order of ``label.classes``, or none."""
        return self.label.score_columns(self.predict.score)

    def key(self, dataset: Dataset, partition: str) -> PartitionKey:
        """The address of a night of this model. Raises ``UsageError`` for a partition that is no date."""
        return PartitionKey(dataset, self.name, self.partition.column, partition)

    def is_too_early(self, partition: str) -> bool:
        """Whether a night is before the first there can be. Raises ``UsageError`` for what is no date."""
        return parse_partition(partition) < self.partition.start

    def require_night(self, partition: str) -> None:
        """Raises ``UsageError`` for a night before the first there can be: nothing is to be made of it."""
        if self.is_too_early(partition):
            raise UsageError(
                f"{self.name} has no night {partition}: model.yaml has partition.start {self.partition.start}",
                fix="give a later night, or an earlier partition.start in model.yaml",
            )

    def labelled_night(self, partition: str) -> str:
        """The last night whose labels arrive with the run of ``partition``."""
        return shifted(partition, -self.label.delay_days)

    def labelled_nights(self, partition: str) -> list[str]:
        """The nights whose labels the run of ``partition`` fetches, newest first.

        Those that became due since the run before, and those whose labels may still come or change.
        """
        newest = self.labelled_night(partition)
        oldest = newest
        for run_before in self.partition.nights_before(partition, 1):
            oldest = shifted(self.labelled_night(run_before), 1)
        fetched_again = shifted(oldest, -self.label.corrected_within)
        nights = self.partition.nights_between(fetched_again, newest)
        return sorted({*nights, newest}, reverse=True)

    def nights_through(self, partition: str, count: int) -> list[str]:
        """So many nights by the clock of the schedule, the last of them ``partition`` or before it; oldest first."""
        return self.partition.nights_before(shifted(partition, 1), count)

    @property
    def label_source(self) -> Source:
        """Where labels come from."""
        return self.label.own_source or self.source

    def with_classes(self, classes: Collection[str]) -> Self:
        """The same spec as it was when the label had these of its classes, in their order."""
        kept = tuple(name for name in self.label.classes if name in classes)
        label = self.label.model_copy(update={"classes": kept})
        return self.model_copy(update={"label": label})

    def with_threshold(self, threshold: float | None) -> Self:
        """The same spec where a training says from which score on means yes; None changes nothing."""
        if threshold is None:
            return self
        predict = self.predict.model_copy(update={"threshold": threshold})
        return self.model_copy(update={"predict": predict})

    def with_engine(self, engine: EngineName) -> Self:
        """The same spec where a person says whose workers score a night."""
        predict = self.predict.model_copy(update={"engine": engine})
        return self.model_copy(update={"predict": predict})

    def with_features(self, names: Collection[str]) -> Self:
        """The same spec as it was when the model saw these of its columns."""
        columns = {}
        for name, column in self.columns.items():
            columns[name] = column.model_copy(update={"feature": name in names})
        return self.model_copy(update={"columns": columns})

    @model_validator(mode="before")
    @classmethod
    def _write_parts(cls, raw: Any) -> Any:
        """A column for each part of a timestamp, behind it, so that everything else sees columns alone."""
        if not isinstance(raw, dict) or not isinstance(raw.get("columns"), dict):
            return raw
        return {**raw, "columns": with_parts_written(raw["columns"])}

    @model_validator(mode="after")
    def _parts_exist(self) -> Self:
        for name, column in self.columns.items():
            if column.of is None:
                continue
            moment = self.columns.get(column.of)
            if moment is None or moment.type != "timestamp":
                raise ValueError(f"columns.{name}.of names {column.of}, which is no timestamp of columns")
            if name in self.keys:
                raise ValueError(f"keys names {name}, a part of {column.of}, which the source does not have")
        return self

    @model_validator(mode="after")
    def _names_exist(self) -> Self:
        compared = [name for pair in self.night.compare for name in (pair.left, pair.right)]
        referring = [reference.column for reference in self.night.references]
        self._require_columns("keys", self.keys)
        self._require_columns("drift.features", self.drift.features)
        self._require_columns("gates.slices", self.gates.slices)
        self._require_columns("night.compare", compared)
        self._require_columns("night.references", referring)
        grouped = [*self.drift.features, *self.gates.slices]
        moments = [name for name in grouped if self.columns[name].type == "timestamp"]
        if moments:
            raise ValueError(f"{', '.join(moments)}: a timestamp is neither watched for drift nor a slice")
        if not self.features:
            raise ValueError("columns has no feature")
        return self

    @model_validator(mode="after")
    def _parameters_name_what_there_is(self) -> Self:
        for where, _, parameters in recipes(self.training, self.search):
            self._require_named(where, parameters)
        return self

    def _require_named(self, where: str, parameters: Mapping[str, Parameter]) -> None:
        features = [name for name in named_features(parameters) if name not in self.features]
        if features:
            raise ValueError(f"{where}.parameters names {', '.join(features)}, which is no feature")
        known = self.label.classes or {*YES, *NO, *self.label.texts}
        classes = [name for name in named_classes(parameters) if name not in known]
        if classes:
            raise ValueError(f"{where}.parameters names {', '.join(classes)}, which is no class of the label")

    @model_validator(mode="after")
    def _weight_is_a_number(self) -> Self:
        name = self.training.weight
        if name is None:
            return self
        self._require_columns("training.weight", [name])
        column = self.columns[name]
        if not column.numeric or column.type == "timestamp":
            raise ValueError(f"training.weight names {name}, which is no column of numbers")
        if column.nullable:
            raise ValueError(f"training.weight names {name}, which may be null: make it nullable: false")
        return self

    def _require_columns(self, where: str, names: Iterable[str]) -> None:
        missing = [name for name in names if name not in self.columns]
        if missing:
            raise ValueError(f"{where} names {', '.join(missing)}, which columns does not have")

    @model_validator(mode="after")
    def _names_are_different(self) -> Self:
        owners: defaultdict[str, list[str]] = defaultdict(list)
        for name in self.columns:
            owners[name].append(f"columns.{name}")
        owners[self.partition.column].append("partition.column")
        owners[self.label.column].append("label.column")
        for name in self.scores:
            owners[name].append("predict.score")
        owners[self.predict.prediction].append("predict.prediction")
        for name in RESERVED:
            owners[name].append("what Nightshift adds to each row")
        twice = sorted(name for name, of in owners.items() if len(of) > 1)
        if twice:
            raise ValueError(
                f"{', '.join(twice)} is already the name of another column: {' and '.join(owners[twice[0]])};"
                " call one otherwise, a column of the data with source: and its name there"
            )
        return self

    @model_validator(mode="after")
    def _fits_the_label(self) -> Self:
        kind = self.label.type
        metric = self.gates.metric
        for where, trainer, _ in recipes(self.training, self.search):
            if kind not in labels_of(trainer):
                raise ValueError(f"{where}.trainer {trainer} is not for a {kind} label")
        if self.training.calibration is not None and kind not in CALIBRATED:
            raise ValueError(f"training.calibration is for scores that are probabilities, not for a {kind} label")
        if self.predict.share is not None and kind not in DECIDED_BY_THRESHOLD:
            raise ValueError("predict.share is for a binary label")
        if self.predict.learn_threshold and kind not in DECIDED_BY_THRESHOLD:
            raise ValueError("predict.learn_threshold is for a binary label")
        if metric is not None and metric != "cost" and metric not in LOSSES[kind] | self.label.ranks:
            raise ValueError(f"gates.metric {metric} is not for a {kind} label")
        if metric == "cost" and (kind not in DECIDED_BY_THRESHOLD or self.predict.costs is None):
            raise ValueError("gates.metric cost is for a binary label with predict.costs")
        unknown = sorted(set(self.gates.at_least) - METRICS[kind])
        if unknown:
            allowed = ", ".join(sorted(METRICS[kind]))
            raise ValueError(f"gates.at_least names {', '.join(unknown)}, allowed: {allowed}")
        return self
