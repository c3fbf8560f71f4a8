"""The difference of two models in one metric, night by night; below 0 the challenger is better, in every metric."""

from dataclasses import dataclass

import numpy as np

from nightshift.modelling.arrays import Array, Float64s, Floats, Int64s, Places
from nightshift.modelling.gate.areas import WeightedMetric, f1_by_night, mean_of, score_counts
from nightshift.modelling.gate.bootstrap import Resampling, of_metric
from nightshift.modelling.gate.night_values import NightMeans, of_rows
from nightshift.modelling.gate.thresholds import BY_SPEC, Threshold, Thresholds, decided
from nightshift.modelling.holdout import LabelledRows
from nightshift.modelling.label_types import label_type
from nightshift.modelling.metrics import cost_losses
from nightshift.spec import ModelSpec


def losses_of(spec: ModelSpec, metric: str, labels: Floats, scores: Floats, threshold: Threshold = None) -> Float64s:
    """The loss of each labelled row, (n,), in a metric that is a mean of rows; or what its error costs."""
    costs = spec.predict.costs
    if metric == "cost" and costs is not None:
        predicted = decided(spec, scores, threshold)
        return cost_losses(labels, predicted, false_alarm=costs.false_alarm, miss=costs.miss)
    return label_type(spec).row_losses(metric, labels, scores)


@dataclass(frozen=True)
class Pair:
    """The scores, (n,) or (n, k), that two models give the same n labelled rows, and from where on they mean yes."""

    spec: ModelSpec
    rows: LabelledRows
    challenger: Floats
    champion: Floats
    thresholds: Thresholds = BY_SPEC

    def values(self, metric: str) -> NightMeans | None:
        """The difference by nights; None where the rows do not define it."""
        if metric in self.spec.label.ranks:
            return self._of_ranks(metric)
        of_challenger = self.losses(metric, self.challenger, self.thresholds.challenger)
        of_champion = self.losses(metric, self.champion, self.thresholds.champion)
        return of_rows(of_challenger - of_champion, self.rows.nights)

    def losses(self, metric: str, scores: Floats, threshold: Threshold = None) -> Float64s:
        """The loss of each row, (n,)."""
        return losses_of(self.spec, metric, self.rows.labels, scores, threshold)

    def champions_value(self, metric: str) -> float:
        """The champion's mean loss; of an area or F1 its value, NaN where it is not defined."""
        if metric not in self.spec.label.ranks:
            losses = self.losses(metric, self.champion, self.thresholds.champion)
            return float(losses.mean())
        nights = len(np.unique(self.rows.nights))
        every: Float64s = np.ones((1, nights))
        of_champion = self._metric(metric, self.champion, self.thresholds.champion)
        (value,) = of_champion(every)
        return float(value)

    def _of_ranks(self, metric: str) -> NightMeans | None:
        of_challenger = self._metric(metric, self.challenger, self.thresholds.challenger)
        of_champion = self._metric(metric, self.champion, self.thresholds.champion)
        _, rows = np.unique(self.rows.nights, return_counts=True)
        resampling = Resampling(
            resamples=self.spec.gates.resamples,
            seed=self.spec.training.seed,
        )
        return of_metric(
            lambda weights: of_champion(weights) - of_challenger(weights),
            rows,
            resampling,
        )

    def _metric(self, metric: str, scores: Floats, threshold: Threshold) -> WeightedMetric:
        _, night = np.unique(self.rows.nights, return_inverse=True)
        labels = self.rows.labels.astype(np.int64)
        if metric == "f1":
            return self._f1(labels, decided(self.spec, scores, threshold), night)
        if scores.ndim == 2:
            return self._mean_area(labels, scores, night)
        counts = score_counts(labels == 1, scores, night)
        if metric == "roc_auc":
            return counts.roc_auc
        return counts.pr_auc

    def _f1(self, labels: Int64s, predicted: Array, night: Places) -> WeightedMetric:
        classes = [1]
        if self.challenger.ndim == 2:
            classes = list(range(self.challenger.shape[1]))
        return f1_by_night(labels, predicted.astype(np.int64), night, classes)

    def _mean_area(self, labels: Int64s, scores: Floats, night: Places) -> WeightedMetric:
        """Of each class against the rest, of those that the model knows."""
        is_known = ~np.isnan(scores).all(axis=0)
        label = label_type(self.spec)
        of_classes = []
        for place in np.flatnonzero(is_known):
            has_class = label.has_class(labels.astype(np.float64), int(place))
            counts = score_counts(has_class, scores[:, place], night)
            of_classes.append(counts.roc_auc)
        return mean_of(of_classes)
