"""The kinds of label. Whatever differs between them is here: the steps ask, and branch nowhere themselves."""

from pipelines.spec import ModelSpec
from pipelines.steps.tasks.base import Task
from pipelines.steps.tasks.binary import Binary
from pipelines.steps.tasks.multiclass import Multiclass
from pipelines.steps.tasks.regression import Regression

__all__ = ["Binary", "Multiclass", "Regression", "Task", "task_of"]

KINDS: dict[str, type[Binary] | type[Multiclass] | type[Regression]] = {
    "binary": Binary,
    "multiclass": Multiclass,
    "regression": Regression,
}


def task_of(spec: ModelSpec) -> Task:
    """What a spec's label asks for."""
    return KINDS[spec.label.type](spec)
