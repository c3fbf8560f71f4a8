"""Columns that tell the label almost by themselves: mostly they were written after the outcome was known."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from nightshift.contracts import Dataset
from nightshift.errors import MissingPartition
from nightshift.extras import require
from nightshift.modelling.inputs import as_float32
from nightshift.spec import ModelSpec
from nightshift.stores import Stores
from nightshift.stores.types import is_text

if TYPE_CHECKING:
    from sklearn.base import BaseEstimator

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


def look(spec: ModelSpec, stores: Stores) -> list[Leak]:
    """Leaks among the features, on the last labelled nights of the lake. Raises ``MissingPartition`` without any."""
    require("train", "looking for leaks")
    from nightshift.modelling.labelled_night import labelled

    there = set(stores.lake.partitions(Dataset.VALIDATED, spec.name)) & set(
        stores.lake.partitions(Dataset.LABELS, spec.name)
    )
    nights = sorted(there)[-NIGHTS:]
    if not nights:
        raise MissingPartition(
            f"{spec.name} has no validated and labelled night to look for leaks in",
            fix=f"nightshift load {spec.name} {spec.partition.start} {spec.partition.start}",
        )
    table = pa.concat_tables([labelled(spec, night, stores) for night in nights])
    return leaks(strengths(table.select(spec.features), table[spec.label.column], spec.label.type), spec.label.type)


def leaks(strengths: dict[str, float], task: str) -> list[Leak]:
    """Those of the strengths that are suspicious, strongest first."""
    found = [Leak(n, "R2" if task == "regression" else "AUC", v) for n, v in strengths.items() if v > SUSPICIOUS]
    return sorted(found, key=lambda leak: -leak.value)


def strengths(table: pa.Table, label: Any, task: str) -> dict[str, float]:
    """How well each column alone tells the label, by a small tree on rows that it did not learn from.

    AUC for classes (one against the rest, averaged), R² for a regression. Nulls are a value like others. Nothing
    is said of fewer than 40 labelled rows; of more than 20,000 a fixed sample is looked at.
    """
    values = label.combine_chunks() if isinstance(label, pa.ChunkedArray) else label
    known = np.flatnonzero(np.asarray(values.is_valid()))
    if len(known) > MOST_ROWS:
        known = np.sort(np.random.default_rng(0).choice(known, MOST_ROWS, replace=False))
    target, rows = _target(values.take(pa.array(known)), task), table.take(pa.array(known))
    if task != "regression":
        enough = np.isin(target, np.flatnonzero(np.bincount(target) >= 2 * FOLDS)) if len(target) else target > 0
        target, rows = target[enough], rows.filter(pa.array(enough))
    if len(target) < FEWEST_ROWS or len(np.unique(target)) < 2:
        return {}
    return {name: _strength(_numbers(rows[name]), target, task) for name in rows.column_names}


def _target(values: pa.Array, task: str) -> NDArray[Any]:
    if task == "regression":
        return np.asarray(as_float32(values).to_numpy(zero_copy_only=False), np.float64)
    return np.unique(values.cast(pa.string()).to_numpy(zero_copy_only=False).astype(str), return_inverse=True)[1]


def _numbers(values: pa.ChunkedArray) -> NDArray[Any]:
    """A column as the tree takes it, shape (n, 1): strings as codes, the most frequent first."""
    if not is_text(values.type):
        found = np.array(as_float32(values).to_numpy(), np.float32)
        return np.where(np.isinf(found), np.sign(found) * FARTHEST, found).reshape(-1, 1)
    counted = pc.value_counts(values).to_pylist()
    ordered = [c["values"] for c in sorted(counted, key=lambda c: (-c["counts"], str(c["values"])))]
    codes = pc.index_in(values, value_set=pa.array(ordered, values.type))
    return np.array(codes.to_numpy(), np.float32).reshape(-1, 1)


def _strength(numbers: NDArray[Any], target: NDArray[Any], task: str) -> float:
    from sklearn.metrics import r2_score, roc_auc_score
    from sklearn.model_selection import KFold, StratifiedKFold

    split = (KFold if task == "regression" else StratifiedKFold)(FOLDS, shuffle=True, random_state=0)
    found = []
    for train, test in split.split(numbers, target):
        tree = _tree(task, len(train)).fit(numbers[train], target[train])
        if task == "regression":
            found.append(r2_score(target[test], tree.predict(numbers[test])))
        else:
            said = tree.predict_proba(numbers[test])
            two = said.shape[1] == 2
            found.append(roc_auc_score(target[test], said[:, 1] if two else said, multi_class="ovr"))
    return float(np.mean(found))


def _tree(task: str, rows: int) -> "BaseEstimator":
    from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

    kind = DecisionTreeRegressor if task == "regression" else DecisionTreeClassifier
    return kind(max_leaf_nodes=LEAVES, min_samples_leaf=max(2, rows // 500), random_state=0)
