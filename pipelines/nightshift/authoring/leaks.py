"""Columns that tell the label almost by themselves: mostly they were written after the outcome was known."""

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from nightshift.authoring.sums import sum_leaks
from nightshift.contracts import Dataset
from nightshift.errors import MissingPartition
from nightshift.extras import require
from nightshift.modelling.arrays import Array, Booleans, Places
from nightshift.modelling.inputs import as_float32
from nightshift.modelling.label_types import LABEL_TYPES
from nightshift.modelling.label_types.base import EstimatorType
from nightshift.spec import ModelSpec
from nightshift.spec.label import LabelKind
from nightshift.stores import Stores
from nightshift.stores.types import is_text

SUSPICIOUS = 0.98
"""An AUC, or for a regression an R², that one column alone seldom has honestly; R² 0.98 is a correlation of 0.99."""
MOST_ROWS = 20_000
FEWEST_ROWS = 40
NIGHTS = 30
LEAVES = 32
FOLDS = 2
FARTHEST = 1e30


@dataclass(frozen=True)
class Leak:
    """One column and how well it alone tells the label, on rows that it was not learnt from."""

    column: str
    measure: str
    value: float

    @property
    def told(self) -> str:
        """The finding, without the advice."""
        return f"alone tells the label with {self.measure} {self.value:.3f}"

    def __str__(self) -> str:
        return f"{self.column} {self.told}: was it written after the outcome was known? If so, give it feature: false"


def look(spec: ModelSpec, stores: Stores) -> list[str]:
    """Leaks among the features, on the last labelled nights of the lake: alone, or as a sum.

    Raises ``MissingPartition`` without any such night.
    """
    from nightshift.modelling.labelled_night import labelled

    validated = stores.lake.partitions(Dataset.VALIDATED, spec.name, spec.partition.column)
    with_labels = stores.lake.partitions(Dataset.LABELS, spec.name, spec.partition.column)
    both = sorted(set(validated) & set(with_labels))
    nights = both[-NIGHTS:]
    if not nights:
        raise MissingPartition(
            f"{spec.name} has no validated and labelled night to look for leaks in",
            fix=f"nightshift load {spec.name} {spec.partition.start} {spec.partition.start}",
        )
    table = pa.concat_tables([labelled(spec, night, stores) for night in nights])
    kind = spec.label.type
    strength = strengths(table.select(spec.features), table[spec.label.column], kind)
    alone = leaks(strength, kind)
    told = {leak.column for leak in alone}
    others = [name for name in spec.features if name not in told]
    together = sum_leaks(table.select(others), table[spec.label.column], kind)
    return [*map(str, alone), *map(str, together)]


def leaks(strengths: dict[str, float], kind: LabelKind) -> list[Leak]:
    """Those of the strengths that are suspicious, strongest first."""
    measure = _probe(kind).measure
    suspicious = []
    for name, value in strengths.items():
        if value > SUSPICIOUS:
            suspicious.append(Leak(name, measure, value))
    return sorted(suspicious, key=lambda leak: -leak.value)


def strengths(table: pa.Table, label: Any, kind: LabelKind) -> dict[str, float]:
    """How well each column alone tells the label, by a small tree on rows that it did not learn from.

    AUC for classes (one against the rest, averaged), R² for a regression. Nulls are a value like others. Nothing
    is said of fewer than 40 labelled rows; of more than 20,000 a fixed sample is looked at.
    Raises ``UsageError`` without the extra ``train``.
    """
    require("train", "looking for columns that tell the label")
    probe = _probe(kind)
    values = label.combine_chunks() if isinstance(label, pa.ChunkedArray) else label
    places = _labelled_places(values)
    target = probe.target(values.take(pa.array(places)))
    usable = probe.usable(target)
    target = target[usable]
    rows = table.take(pa.array(places[usable]))
    if len(target) < FEWEST_ROWS or len(np.unique(target)) < 2:
        return {}
    strength = {}
    for name in rows.column_names:
        numbers = _numbers(rows[name])
        strength[name] = _strength(numbers, target, probe)
    return strength


def _labelled_places(values: pa.Array) -> Places:
    is_labelled = np.asarray(values.is_valid())
    places = np.flatnonzero(is_labelled)
    if len(places) <= MOST_ROWS:
        return places
    rng = np.random.default_rng(0)
    sample = rng.choice(places, MOST_ROWS, replace=False)
    return np.sort(sample)


def _numbers(values: pa.ChunkedArray) -> Array:
    """A column as the tree takes it, shape (n, 1): strings as codes, the most frequent first."""
    if is_text(values.type):
        codes = pc.index_in(values, value_set=_most_frequent_first(values))
        numbers = np.array(codes.to_numpy(), np.float32)
    else:
        numbers = _without_infinite(as_float32(values))
    return numbers.reshape(-1, 1)


def _most_frequent_first(texts: pa.ChunkedArray) -> pa.Array:
    counted = pc.value_counts(texts).to_pylist()
    counted.sort(key=lambda count: (-count["counts"], str(count["values"])))
    distinct = [count["values"] for count in counted]
    return pa.array(distinct, texts.type)


def _without_infinite(values: pa.ChunkedArray) -> Array:
    numbers = np.array(values.to_numpy(), np.float32)
    return np.clip(numbers, -FARTHEST, FARTHEST)


def _strength(numbers: Array, target: Array, probe: "_Probe") -> float:
    folds = probe.folds().split(numbers, target)
    values = []
    for train, test in folds:
        tree = probe.tree(
            max_leaf_nodes=LEAVES,
            min_samples_leaf=max(2, len(train) // 500),
            random_state=0,
        )
        tree.fit(numbers[train], target[train])
        value = probe.score(tree, numbers[test], target[test])
        values.append(value)
    by_tree = float(np.mean(values))
    return max(by_tree, probe.by_rank(numbers[:, 0], target))


class _Probe(Protocol):
    """How a column is asked what it tells of a label."""

    measure: str

    def target(self, labels: pa.Array) -> Array:
        """Labels without nulls as the tree takes them, (n,)."""

    def usable(self, target: Array) -> Booleans:
        """Rows that can be learnt from and told, (n,)."""

    def folds(self) -> Any:
        """scikit-learn's way of dividing rows."""

    def tree(self, **parameters: Any) -> Any:
        """An unfitted tree."""

    def score(self, tree: Any, numbers: Array, target: Array) -> float:
        """How well a fitted tree tells a target."""

    def by_rank(self, numbers: Array, target: Array) -> float:
        """How well the order of numbers (n,) tells that of the target, where a tree's few leaves cannot show it."""


class _Classes:
    measure = "AUC"

    def target(self, labels: pa.Array) -> Array:
        texts = labels.cast(pa.string()).to_numpy(zero_copy_only=False)
        _, codes = np.unique(texts.astype(str), return_inverse=True)
        return codes

    def usable(self, target: Array) -> Booleans:
        """Those of classes with rows enough for every fold."""
        rows_of_class = np.bincount(target)
        return np.asarray(rows_of_class[target] >= 2 * FOLDS)

    def folds(self) -> Any:
        from sklearn.model_selection import StratifiedKFold

        return StratifiedKFold(FOLDS, shuffle=True, random_state=0)

    def tree(self, **parameters: Any) -> Any:
        from sklearn.tree import DecisionTreeClassifier

        return DecisionTreeClassifier(**parameters)

    def score(self, tree: Any, numbers: Array, target: Array) -> float:
        from sklearn.metrics import roc_auc_score

        probabilities = tree.predict_proba(numbers)
        if probabilities.shape[1] == 2:
            probabilities = probabilities[:, 1]
        auc = roc_auc_score(target, probabilities, multi_class="ovr")
        return float(auc)

    def by_rank(self, numbers: Array, target: Array) -> float:
        """A tree sees the order of a few classes by itself."""
        return 0.0


class _Numbers:
    measure = "R2"

    def target(self, labels: pa.Array) -> Array:
        numbers = as_float32(labels).to_numpy(zero_copy_only=False)
        return np.asarray(numbers, np.float64)

    def usable(self, target: Array) -> Booleans:
        return np.ones(len(target), np.bool_)

    def folds(self) -> Any:
        from sklearn.model_selection import KFold

        return KFold(FOLDS, shuffle=True, random_state=0)

    def tree(self, **parameters: Any) -> Any:
        from sklearn.tree import DecisionTreeRegressor

        return DecisionTreeRegressor(**parameters)

    def score(self, tree: Any, numbers: Array, target: Array) -> float:
        from sklearn.metrics import r2_score

        predictions = tree.predict(numbers)
        return float(r2_score(target, predictions))

    def by_rank(self, numbers: Array, target: Array) -> float:
        """The square of Spearman's correlation, over rows that have a number."""
        from scipy.stats import rankdata

        known = np.isfinite(numbers)
        if known.sum() < FEWEST_ROWS or len(np.unique(numbers[known])) < 2 or len(np.unique(target[known])) < 2:
            return 0.0
        ranks = rankdata(numbers[known])
        correlation = np.corrcoef(ranks, rankdata(target[known]))[0, 1]
        return float(correlation**2)


def _probe(kind: LabelKind) -> _Probe:
    probes: dict[EstimatorType, _Probe] = {"classifier": _Classes(), "regressor": _Numbers()}
    return probes[LABEL_TYPES[kind].estimator_type]
