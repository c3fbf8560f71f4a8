"""What a trainer is: a scikit-learn pipeline with the preprocessing inside, so that ONNX carries it."""

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, TypeAlias

import numpy as np

from nightshift.concurrency import let_openmp_threads_sleep
from nightshift.errors import DataError, SpecError
from nightshift.modelling.arrays import Array
from nightshift.modelling.label_types import label_type
from nightshift.spec import ModelSpec
from nightshift.spec.label import LabelKind
from nightshift.spec.trainers import labels_of
from nightshift.training.forest import Forest, side_by_side
from nightshift.training.left_out import left_out, sentence, without
from nightshift.training.networks.checkpoints import Checkpoints
from nightshift.training.several import Several
from nightshift.training.training_rows import FitTargets, TrainingRows
from nightshift.training.unseen import with_unseen

if TYPE_CHECKING:
    import pandas as pd
    from sklearn.pipeline import Pipeline

Layout: TypeAlias = Literal["trees", "network"]
WRONG_VALUE = re.compile(r"The '(?P<name>\w+)' parameter of \w+ (?P<rest>.+)")
WRONG_NAME = re.compile(r"(unexpected|multiple values for) keyword argument '(?P<name>\w+)'")
GIVEN_ELSEWHERE = {"random_state": "training.seed"}


class PipelineParts(NamedTuple):
    """scikit-learn's preprocessing of categories, that of numbers, and the estimator behind both."""

    categories: Any
    numbers: Any
    estimator: Any


def fit_as_it_is(estimator: Any, matrix: Any, rows: FitTargets) -> None:
    """scikit-learn's own fit."""
    estimator.fit(matrix, rows.targets, sample_weight=rows.weights)


def no_forest(_estimator: Any) -> None:
    """Of what is no boosted trees."""


def in_alphabet(_spec: ModelSpec, _encoder: Any, _texts: "pd.DataFrame", _targets: Array) -> None:
    """As scikit-learn numbers categories."""


def no_quantile(_level: float) -> dict[str, Any]:
    """Of what learns none."""
    return {}


@dataclass(frozen=True)
class Trainer:
    """One way to train a model, in a file of ``trainers`` of its own.

    ``build`` raises ``TypeError`` for parameters that the estimator has not, and ``fit_estimator`` trains it on what
    the preprocessing made of n rows, (n, columns); ``fit_categories`` may number the fitted encoder's categories anew.
    ``layout`` is what a trained one is made of: trees, or the layers of a network, of which a linear model has one.
    ``quantile`` gives the parameters by which it learns one.
    ``trusted`` are the types that skops may construct besides scikit-learn's public ones; nothing is ever pickled.
    ``forest`` reads the trees of a fitted estimator, None where it has none that are boosted, and raises ``NoTable``.
    ``packages`` have to be there to read one back, and ``rounds`` is the parameter with how long it trains, if any.
    """

    name: str
    layout: Layout
    trusted: tuple[str, ...]
    build: Callable[[ModelSpec], PipelineParts]
    fit_estimator: Callable[[Any, Any, FitTargets], None] = fit_as_it_is
    fit_categories: Callable[[ModelSpec, Any, "pd.DataFrame", Array], None] = in_alphabet
    forest: Callable[[Any], Forest | None] = no_forest
    packages: tuple[str, ...] = ("scikit-learn", "skops")
    rounds: str = "max_iter"
    quantile: Callable[[float], dict[str, Any]] = no_quantile

    @property
    def labels(self) -> frozenset[LabelKind]:
        """The kinds of label it is for."""
        return labels_of(self.name)

    def pipeline(self, spec: ModelSpec) -> "Pipeline":
        """An unfitted pipeline. Raises ``SpecError`` for parameters it has not."""
        let_openmp_threads_sleep()
        from sklearn.compose import ColumnTransformer
        from sklearn.pipeline import Pipeline

        try:
            parts = self._parts(spec)
        except (ArithmeticError, LookupError, MemoryError, TypeError, ValueError) as error:
            raise refused(spec, error) from error
        categories = [name for name in spec.features if not spec.columns[name].numeric]
        numbers = [name for name in spec.features if spec.columns[name].numeric]
        prepare = ColumnTransformer([
            ("categories", parts.categories, categories),
            ("numbers", parts.numbers, numbers),
        ])
        return Pipeline([("prepare", prepare), ("classify", parts.estimator)])

    def trees(self, estimator: Any) -> Forest | None:
        """Those of a fitted estimator, or of several by turns; None without any. Raises ``NoTable``."""
        if not isinstance(estimator, Several):
            return self.forest(estimator)
        forests = []
        for one in estimator.estimators:
            forest = self.forest(one)
            if forest is None:
                return None
            forests.append(forest)
        return side_by_side(forests)

    def _parts(self, spec: ModelSpec) -> PipelineParts:
        """As it is built for the label; where that has parts, with an estimator for each."""
        of_parts = [self.build(self._for_quantile(part)) for part in label_type(spec).parts]
        if not of_parts:
            return self.build(spec)
        estimators = [parts.estimator for parts in of_parts]
        return of_parts[0]._replace(estimator=Several(estimators))

    def _for_quantile(self, part: ModelSpec) -> ModelSpec:
        parameters = dict(part.training.parameters)
        for level in part.label.quantiles:
            parameters |= self.quantile(level)
        training = part.training.model_copy(update={"parameters": parameters})
        return part.model_copy(update={"training": training})

    def _fit_last(self, spec: ModelSpec, estimator: Any, matrix: Any, rows: FitTargets) -> None:
        """The estimator, or each of several, on its part of the label."""
        if not isinstance(estimator, Several):
            self.fit_estimator(estimator, matrix, rows)
            return
        label = label_type(spec)
        for place, one in enumerate(estimator.estimators):
            targets = label.part_targets(rows.targets, place)
            self.fit_estimator(one, matrix, replace(rows, targets=targets))

    def fit(self, spec: ModelSpec, rows: TrainingRows, checkpoints: Checkpoints | None = None) -> "Pipeline":
        """A pipeline trained on n rows; what it keeps on its way is in ``checkpoints``.

        Raises ``SpecError``, ``DataError``.

        The encoders learn every category there is; what follows sees a few rows as if theirs were none of them, and
        nothing of a feature that these rows leave out (``left_out``).
        """
        frame = rows.frame
        pipeline = self.pipeline(spec)
        prepare, estimator = (step for _, step in pipeline.steps)
        reasons = left_out(spec, frame)
        _require_some(spec, reasons)
        try:
            known = without(spec, frame, reasons)
            prepare.fit(_with_texts_of(spec, known, frame))
            self._fit_categories(spec, prepare, frame, label_type(spec).ordering(rows.targets))
            masked = without(spec, with_unseen(spec, frame), reasons)
            self._fit_last(spec, estimator, prepare.transform(masked), rows.for_estimator(checkpoints))
        except (ArithmeticError, LookupError, MemoryError, TypeError, ValueError) as error:
            _require_finite(spec, known, error)
            # scikit-learn looks at the values of parameters here, not before; and at the labels beside them.
            raise refused(spec, error) from error
        return pipeline

    def _fit_categories(self, spec: ModelSpec, prepare: Any, frame: "pd.DataFrame", targets: Array) -> None:
        texts = [name for name in spec.features if not spec.columns[name].numeric]
        if texts:
            encoder = prepare.named_transformers_["categories"]
            self.fit_categories(spec, encoder, frame[texts], targets)


def _require_some(spec: ModelSpec, reasons: dict[str, str]) -> None:
    """Raises ``DataError`` when nothing is left to learn from."""
    if len(reasons) == len(spec.features):
        raise DataError(
            f"{spec.name}: no feature says anything of the training rows: {sentence(reasons)}",
            fix="look at the source, or widen training.window_days",
        )


def _with_texts_of(spec: ModelSpec, numbers: "pd.DataFrame", texts: "pd.DataFrame") -> "pd.DataFrame":
    """One frame's numbers with another one's texts."""
    names = [name for name in spec.features if not spec.columns[name].numeric]
    return numbers.assign(**texts[names])


def _require_finite(spec: ModelSpec, frame: "pd.DataFrame", error: Exception) -> None:
    """Raises ``DataError`` when it may be the rows that were refused: numbers that are infinite as float32."""
    numbers = frame.select_dtypes("number")
    infinite = [str(name) for name, values in numbers.items() if np.isinf(values).any()]
    if infinite:
        raise DataError(
            f"{spec.name}: {', '.join(infinite)} has numbers that float32 cannot hold, and {spec.training.trainer}"
            " learns from none of these",
            fix="give the column min and max, or feature: false; or take trees",
        ) from error


def refused(spec: ModelSpec, error: Exception) -> SpecError:
    """What scikit-learn says of a spec's parameters, in one line that names the key."""
    first_line = str(error).strip().split("\n", maxsplit=1)[0]
    value = WRONG_VALUE.match(first_line)
    name = WRONG_NAME.search(first_line)
    if value:
        reason = f"{value['name']} {value['rest']}"
    elif name and name["name"] in GIVEN_ELSEWHERE:
        reason = f"{name['name']} is {GIVEN_ELSEWHERE[name['name']]} in model.yaml"
    elif name:
        reason = f"{spec.training.trainer} has no {name['name']}"
    else:
        reason = f"{spec.training.trainer} cannot be trained so: {first_line}"
    return SpecError(
        f"{spec.name}: training.parameters: {reason}",
        fix="correct model.yaml, then `nightshift check`",
    )


def one_hot_and_scaled(estimator: Any) -> PipelineParts:
    """The parts of an estimator that multiplies: a column for each category, and numbers around 0 without nulls."""
    from sklearn.impute import SimpleImputer
    from sklearn.pipeline import Pipeline
    from sklearn.preprocessing import OneHotEncoder, StandardScaler

    numbers = Pipeline([
        # A column without a value in the training nights is one of zeros, and stays a column.
        ("impute", SimpleImputer(strategy="median", keep_empty_features=True)),
        ("scale", StandardScaler()),
    ])
    return PipelineParts(OneHotEncoder(handle_unknown="ignore"), numbers, estimator)
