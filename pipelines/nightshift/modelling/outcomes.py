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
        counted = _counted("training", rows.train)
        names = ", ".join(map(repr, absent))
        fix = f"{WIDEN}, or take the class out of label.classes"
        raise _useless(spec, f"{counted}, none with {names}", fix)


def _require_two_values(spec: ModelSpec, name: str, rows: LabelledRows) -> None:
    fix = f"{WIDEN}, or look at the source's labels"
    if len(rows.labels) == 0:
        raise _useless(spec, f"the {name} nights have no row with one", fix)
    if rows.labels.min() == rows.labels.max():
        counted = _counted(name, rows)
        value = label_type(spec).text_of(rows.labels[0])
        problem = f"{counted}, all with {value}: a model needs two values to tell apart"
        raise _useless(spec, problem, fix)


def _useless(spec: ModelSpec, problem: str, fix: str) -> DataError:
    column = spec.label.column
    message = f"{spec.name}: label {column}: {problem}"
    return DataError(message, fix=fix)


def _counted(name: str, rows: LabelledRows) -> str:
    count = len(rows.labels)
    return f"the {name} nights have {count:,} labelled rows"
