"""Do the labels of a snapshot leave anything to learn, and to measure?"""

from nightshift.errors import DataError
from nightshift.modelling.holdout import LabelledRows, Split
from nightshift.modelling.label_types import label_type
from nightshift.spec import ModelSpec

WIDEN = "widen training.window_days"


def check_outcomes(spec: ModelSpec, rows: Split) -> None:
    """Raises ``DataError`` unless training and holdout nights have labels that differ, and enough classes."""
    _require_two_values(spec, "training", rows.train)
    _require_two_values(spec, "holdout", rows.holdout)
    classes = spec.label.classes
    left = learnable_classes(spec, rows)
    fewest = label_type(spec).fewest_classes
    if classes and len(left) < fewest:
        counted = _counted("training", rows.train)
        names = ", ".join(repr(name) for name in classes if name not in left)
        problem = f"{counted}, none with {names}, or one alone: {len(left)} classes are left"
        raise _useless(spec, problem, f"{WIDEN} until {fewest} classes have rows")


def learnable_classes(spec: ModelSpec, rows: Split) -> tuple[str, ...]:
    """The classes of which the training nights have rows enough, in the order of the spec; none without classes."""
    scarce = label_type(spec).scarce_classes(rows.train.labels)
    return tuple(name for name in spec.label.classes if name not in scarce)


def unknown_classes(spec: ModelSpec, rows: Split) -> dict[str, int]:
    """How many rows that are used for nothing have a label of a class that the spec does not name, by its text."""
    return label_type(spec).unknown(rows.unlabelled.table[spec.label.column])


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
