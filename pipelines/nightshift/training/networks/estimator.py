"""A network for tables as an estimator of scikit-learn: torch to learn, NumPy alone for what it has learnt.

It holds arrays, numbers and texts, nothing that would have to be unpickled.
"""

from collections.abc import Iterator
from typing import Any, Self

import numpy as np

from nightshift.modelling.arrays import Array, Booleans, Float32s, Float64s, Floats, Int64s
from nightshift.training.networks.checkpoints import Checkpoints
from nightshift.training.networks.job import NetworkJob, NetworkRows, Objective
from nightshift.training.networks.learn import LearntNetwork, learn
from nightshift.training.networks.options import NetworkOptions
from nightshift.training.networks.parallel import learn_together
from nightshift.training.networks.scaling import InputScaling
from nightshift.training.networks.start import settled, start_network
from nightshift.training.networks.weights import NetworkWeights

SCORED_AT_ONCE = 16_384


class TabularNetwork:
    """Learns from a matrix (n, c + k): codes of ``categories`` columns, -1 for a value never seen, then numbers."""

    objective: Objective

    def __init__(self, *, categories: int, outputs: int, seed: int, parameters: dict[str, Any]) -> None:
        self.categories = categories
        self.outputs = outputs
        self.seed = seed
        self.parameters = parameters

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """How it learns."""
        return dict(self.parameters)

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "weights_")

    def fit(
        self,
        matrix: Array,
        targets: Array,
        sample_weight: Floats | None = None,
        is_late: Booleans | None = None,
        checkpoints: Checkpoints | None = None,
    ) -> Self:
        """Learn targets (n,); rows of the last nights, by a mask (n,), say when to stop.

        Raises ``ArithmeticError`` where learning leads nowhere.
        """
        codes, numbers = self._split(matrix)
        scaling = InputScaling.of(numbers)
        scaled = scaling(numbers)
        is_used = _changes(scaled)
        rows = NetworkRows(
            scaled=scaled * is_used,
            codes=codes,
            targets=self._standardised(targets),
            weights=_weights(sample_weight, len(codes)),
        )
        job = self._job(rows, is_late)
        learnt = _learn(job, checkpoints)
        self._keep(scaling, settled(learnt.weights, rows, is_used), learnt)
        return self

    def raw_scores(self, matrix: Array) -> Float64s:
        """What the last layer says of n rows, (n, outputs)."""
        parts = list(self._raw_parts(matrix))
        if not parts:
            return np.empty((0, self.outputs))
        return np.concatenate(parts)

    @property
    def scaling(self) -> InputScaling:
        """How it sees numbers."""
        return InputScaling(self.centre_, self.per_width_)

    @property
    def network(self) -> NetworkWeights:
        """What it has learnt."""
        return NetworkWeights(self.tables_, self.weights_, self.biases_)

    def _raw_parts(self, matrix: Array) -> Iterator[Float64s]:
        for start in range(0, len(matrix), SCORED_AT_ONCE):
            codes, numbers = self._split(matrix[start : start + SCORED_AT_ONCE])
            yield self.network.raw_scores(self.scaling(numbers), codes)

    def _split(self, matrix: Array) -> tuple[Int64s, Float32s]:
        codes = matrix[:, : self.categories].astype(np.int64)
        numbers = matrix[:, self.categories :].astype(np.float32)
        return codes, numbers

    def _standardised(self, targets: Array) -> Float32s:
        return targets.astype(np.float32)

    def _unstandardised(self, weights: NetworkWeights) -> NetworkWeights:
        return weights

    def _job(self, rows: NetworkRows, is_late: Booleans | None) -> NetworkJob:
        options = NetworkOptions.of(self.parameters)
        values = [int(column.max(initial=-1)) + 1 for column in rows.codes.T]
        if is_late is None or not _are_learnable(rows, is_late):
            is_late = np.zeros(len(rows), np.bool_)
        return NetworkJob(
            objective=self.objective,
            seed=self.seed,
            options=options,
            rows=rows,
            is_late=is_late.astype(np.int64),
            start=start_network(self.objective, options, rows, values, self.outputs, self.seed),
        )

    def _keep(self, scaling: InputScaling, weights: NetworkWeights, learnt: LearntNetwork) -> None:
        network = self._unstandardised(weights)
        self.centre_ = scaling.centre
        self.per_width_ = scaling.per_width
        self.tables_ = list(network.tables)
        self.weights_ = list(network.weights)
        self.biases_ = list(network.biases)
        self.n_iter_ = learnt.epochs
        self.late_losses_ = list(learnt.losses)


class NetworkClassifier(TabularNetwork):
    """P(class): of two classes by one raw score, of more by one of each."""

    @property
    def objective(self) -> Objective:  # type: ignore[override]
        """By how many scores it has."""
        return "binary" if self.outputs == 1 else "multiclass"

    @property
    def classes_(self) -> Int64s:
        """The places of the classes."""
        return np.arange(max(2, self.outputs))

    def __sklearn_tags__(self) -> Any:
        from sklearn.utils import ClassifierTags, InputTags, Tags, TargetTags

        return Tags(
            estimator_type="classifier",
            target_tags=TargetTags(required=True),
            classifier_tags=ClassifierTags(),
            input_tags=InputTags(allow_nan=True),
        )

    def predict_proba(self, matrix: Array) -> Float64s:
        """(n, classes)."""
        raw = self.raw_scores(matrix)
        if self.outputs == 1:
            # Of two classes, the first has a raw score of 0.
            raw = np.hstack([np.zeros_like(raw), raw])
        raw -= raw.max(axis=1, keepdims=True)
        odds: Float64s = np.exp(raw)
        odds /= odds.sum(axis=1, keepdims=True)
        return odds

    def predict(self, matrix: Array) -> Int64s:
        """The likeliest, (n,)."""
        likeliest: Int64s = self.predict_proba(matrix).argmax(axis=1).astype(np.int64)
        return likeliest


class NetworkRegressor(TabularNetwork):
    """A number, learnt in standard deviations of the targets; its last layer says their units."""

    objective = "regression"

    def __sklearn_tags__(self) -> Any:
        from sklearn.utils import InputTags, RegressorTags, Tags, TargetTags

        return Tags(
            estimator_type="regressor",
            target_tags=TargetTags(required=True),
            regressor_tags=RegressorTags(),
            input_tags=InputTags(allow_nan=True),
        )

    def predict(self, matrix: Array) -> Float64s:
        """(n,)."""
        return self.raw_scores(matrix)[:, 0]

    def _standardised(self, targets: Array) -> Float32s:
        self.mean_ = float(targets.mean())
        self.deviation_ = float(targets.std()) or 1.0
        standardised = (targets - self.mean_) / self.deviation_
        return standardised.astype(np.float32)

    def _unstandardised(self, weights: NetworkWeights) -> NetworkWeights:
        *before, last = weights.weights
        *biases, bias = weights.biases
        in_units = last.astype(np.float64) * self.deviation_
        of_units = bias.astype(np.float64) * self.deviation_ + self.mean_
        return NetworkWeights(
            tables=weights.tables,
            weights=[*before, in_units.astype(np.float32)],
            biases=[*biases, of_units.astype(np.float32)],
        )


def _learn(job: NetworkJob, checkpoints: Checkpoints | None) -> LearntNetwork:
    if job.options.processes > 1:
        return learn_together(job, checkpoints)
    return learn(job, checkpoints)


def _changes(scaled: Float32s) -> Float32s:
    """Of each input, whether it is ever another, (2k,) of 0 and 1: of others nothing can be learnt."""
    low = scaled.min(axis=0)
    high = scaled.max(axis=0)
    changes = high > low
    return np.asarray(changes, np.float32)


def _weights(sample_weight: Floats | None, rows: int) -> Float32s:
    """Around 1, so that they change no rate of learning."""
    if sample_weight is None:
        return np.ones(rows, np.float32)
    mean = sample_weight.mean()
    if not mean > 0:
        raise ValueError("the weights of all rows are 0")
    return np.asarray(sample_weight / mean, np.float32)


def _are_learnable(rows: NetworkRows, is_late: Array) -> bool:
    """Whether what is left without the late rows has several outcomes, and both parts have some weight."""
    early = rows.targets[~is_late]
    if not len(early) or early.min() == early.max():
        return False
    of_early = rows.weights[~is_late].sum()
    of_late = rows.weights[is_late].sum()
    return bool(of_early > 0 and of_late > 0)
