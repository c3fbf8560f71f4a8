"""What a trainer is: a scikit-learn pipeline with the preprocessing inside, so that ONNX carries it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, TypeAlias

from nightshift.concurrency import let_openmp_threads_sleep
from nightshift.errors import SpecError
from nightshift.modelling.arrays import Array
from nightshift.spec import ModelSpec
from nightshift.spec.learning import TRAINER_LABELS, LabelKind, TrainerName

if TYPE_CHECKING:
    import pandas as pd
    from sklearn.pipeline import Pipeline

Layout: TypeAlias = Literal["trees", "network"]


class PipelineParts(NamedTuple):
    """scikit-learn's preprocessing of categories, that of numbers, and the estimator behind both."""

    categories: Any
    numbers: Any
    estimator: Any


def fit_as_it_is(pipeline: "Pipeline", frame: "pd.DataFrame", targets: Array) -> "Pipeline":
    """scikit-learn's own fit."""
    return pipeline.fit(frame, targets)


@dataclass(frozen=True)
class Trainer:
    """One way to train a model, in a file of ``trainers`` of its own.

    ``build`` raises ``TypeError`` for parameters that the estimator has not. ``layout`` is what a trained one is
    made of: trees, or the layers of a network, of which a linear model has one. ``trusted`` are the types that skops
    may construct besides scikit-learn's public ones; nothing is ever pickled.
    """

    name: TrainerName
    layout: Layout
    trusted: tuple[str, ...]
    build: Callable[[ModelSpec], PipelineParts]
    fit_pipeline: Callable[["Pipeline", "pd.DataFrame", Array], "Pipeline"] = fit_as_it_is

    @property
    def labels(self) -> frozenset[LabelKind]:
        """The kinds of label it is for."""
        return TRAINER_LABELS[self.name]

    def pipeline(self, spec: ModelSpec) -> "Pipeline":
        """An unfitted pipeline. Raises ``SpecError`` for parameters it has not."""
        let_openmp_threads_sleep()
        from sklearn.compose import ColumnTransformer
        from sklearn.pipeline import Pipeline

        try:
            parts = self.build(spec)
        except TypeError as error:
            raise SpecError(f"{spec.name}: training.parameters: {error}", fix="correct model.yaml") from error
        categories = [name for name in spec.features if not spec.columns[name].numeric]
        numbers = [name for name in spec.features if spec.columns[name].numeric]
        prepare = ColumnTransformer([
            ("categories", parts.categories, categories),
            ("numbers", parts.numbers, numbers),
        ])
        return Pipeline([("prepare", prepare), ("classify", parts.estimator)])

    def fit(self, spec: ModelSpec, frame: "pd.DataFrame", targets: Array) -> "Pipeline":
        """A pipeline trained on features of n rows and targets (n,). Raises ``SpecError``."""
        unfitted = self.pipeline(spec)
        return self.fit_pipeline(unfitted, frame, targets)


def one_hot_and_scaled(estimator: Any) -> PipelineParts:
    """The parts of an estimator that multiplies: a column for each category, and numbers around 0 without nulls."""
    from sklearn.impute import SimpleImputer
    from sklearn.pipeline import Pipeline
    from sklearn.preprocessing import OneHotEncoder, StandardScaler

    numbers = Pipeline([
        ("impute", SimpleImputer(strategy="median")),
        ("scale", StandardScaler()),
    ])
    return PipelineParts(OneHotEncoder(handle_unknown="ignore"), numbers, estimator)
