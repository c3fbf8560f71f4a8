"""Do the labels of a snapshot leave anything to learn, and to measure?"""

import numpy as np

from nightshift.errors import DataError
from nightshift.modelling.holdout import LabelledRows, Split
from nightshift.spec import ModelSpec


def check_outcomes(spec: ModelSpec, rows: Split) -> None:
    """Raises ``DataError`` unless training and holdout nights have labels that differ, and training every class."""
    for name, part in (("training", rows.train), ("holdout", rows.holdout)):
        if len(part.labels) == 0:
            raise _useless(spec, f"the {name} nights have no row with one")
        if part.labels.min() == part.labels.max():
            value = _shown(spec, part.labels[0])
            raise _useless(spec, f"{_counted(name, part)}, all with {value}: a model needs two values to tell apart")
    present = set(rows.train.labels.astype(np.int64).tolist()) if spec.label.classes else set()
    if absent := [c for place, c in enumerate(spec.label.classes) if place not in present]:
        raise _useless(
            spec, f"{_counted('training', rows.train)}, none with {', '.join(map(repr, absent))}",
            "widen training.window_days, or take the class out of label.classes",
        )  # fmt: skip


def _useless(
    spec: ModelSpec, found: str, fix: str = "widen training.window_days, or look at the source's labels"
) -> DataError:
    return DataError(f"{spec.name}: label {spec.label.column}: {found}", fix=fix)


def _counted(name: str, part: LabelledRows) -> str:
    return f"the {name} nights have {len(part.labels):,} labelled rows"


def _shown(spec: ModelSpec, label: float) -> str:
    return repr(spec.label.classes[int(label)]) if spec.label.classes else f"{label:g}"
