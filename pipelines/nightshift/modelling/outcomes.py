"""Do the labels of a snapshot leave anything to learn, and to measure?"""

from nightshift.errors import DataError
from nightshift.modelling.holdout import LabelledRows, Split
from nightshift.modelling.label_types import label_type
from nightshift.spec import ModelSpec

WIDEN = "widen training.window_days"


def check_outcomes(spec: ModelSpec, rows: Split) -> None:
    """Raises ``DataError`` unless training and holdout nights have labels that differ, and training every class."""
    _require_two_values(spec, "training", rows.train)
    _require_two_values(spec, "holdout", rows.holdout)
    absent = label_type(spec).missing_classes(rows.train.labels)
    if absent:
        names = ", ".join(map(repr, absent))
        problem = f"{_counted('training', rows.train)}, none with {names}"
        raise _useless(spec, problem, f"{WIDEN}, or take the class out of label.classes")


def _require_two_values(spec: ModelSpec, name: str, rows: LabelledRows) -> None:
    fix = f"{WIDEN}, or look at the source's labels"
    if len(rows.labels) == 0:
        raise _useless(spec, f"the {name} nights have no row with one", fix)
    if rows.labels.min() == rows.labels.max():
        value = label_type(spec).text_of(rows.labels[0])
        problem = f"{_counted(name, rows)}, all with {value}: a model needs two values to tell apart"
        raise _useless(spec, problem, fix)


def _useless(spec: ModelSpec, problem: str, fix: str) -> DataError:
    return DataError(f"{spec.name}: label {spec.label.column}: {problem}", fix=fix)


def _counted(name: str, rows: LabelledRows) -> str:
    return f"the {name} nights have {len(rows.labels):,} labelled rows"
