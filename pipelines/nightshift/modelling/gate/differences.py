"""The difference of two models in one metric, night by night; below 0 the challenger is better, in every metric."""

from dataclasses import dataclass

import numpy as np

from nightshift.modelling.arrays import Float64s, Floats, Int64s, Places
from nightshift.modelling.gate.areas import WeightedMetric, f1_by_night, mean_of, score_counts
from nightshift.modelling.gate.bootstrap import Resampling, of_metric
from nightshift.modelling.gate.night_values import NightMeans, of_rows
from nightshift.modelling.holdout import LabelledRows
from nightshift.modelling.label_types import label_type
from nightshift.modelling.metrics import cost_losses, row_losses
from nightshift.spec import ModelSpec


@dataclass(frozen=True)
class Pair:
    """The scores, (n,) or (n, k), that two models give the same n labelled rows."""

    spec: ModelSpec
    rows: LabelledRows
    challenger: Floats
    champion: Floats

    def values(self, metric: str) -> NightMeans | None:
        """The difference by nights; None where the rows do not define it."""
        if metric in self.spec.label.ranks:
            return self._of_ranks(metric)
        of_challenger = self.losses(metric, self.challenger)
        of_champion = self.losses(metric, self.champion)
        return of_rows(of_challenger - of_champion, self.rows.nights)

    def losses(self, metric: str, scores: Floats) -> Float64s:
        """The loss of each row, (n,)."""
        labels = self.rows.labels
        costs = self.spec.predict.costs
        if metric == "cost" and costs is not None:
            predicted = label_type(self.spec).decide(scores)
            return cost_losses(labels, predicted, false_alarm=costs.false_alarm, miss=costs.miss)
        return row_losses(metric, labels, scores)

    def champions_value(self, metric: str) -> float:
        """The champion's mean loss; of an area or F1 its value, NaN where it is not defined."""
        if metric not in self.spec.label.ranks:
            losses = self.losses(metric, self.champion)
            return float(losses.mean())
        nights = len(np.unique(self.rows.nights))
        every: Float64s = np.ones((1, nights))
        of_champion = self._metric(metric, self.champion)
        (value,) = of_champion(every)
        return float(value)

    def _of_ranks(self, metric: str) -> NightMeans | None:
        of_challenger = self._metric(metric, self.challenger)
        of_champion = self._metric(metric, self.champion)
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

    def _metric(self, metric: str, scores: Floats) -> WeightedMetric:
        _, night = np.unique(self.rows.nights, return_inverse=True)
        labels = self.rows.labels.astype(np.int64)
        if metric == "f1":
            return self._f1(labels, scores, night)
        if scores.ndim == 2:
            return self._mean_area(labels, scores, night)
        counts = score_counts(labels == 1, scores, night)
        if metric == "roc_auc":
            return counts.roc_auc
        return counts.pr_auc

    def _f1(self, labels: Int64s, scores: Floats, night: Places) -> WeightedMetric:
        decided = label_type(self.spec).decide(scores)
        classes = [1]
        if scores.ndim == 2:
            classes = list(range(scores.shape[1]))
        return f1_by_night(labels, decided.astype(np.int64), night, classes)

    def _mean_area(self, labels: Int64s, scores: Floats, night: Places) -> WeightedMetric:
        """Of each class against the rest, of those that the model knows."""
        is_known = ~np.isnan(scores).all(axis=0)
        of_classes = []
        for place in np.flatnonzero(is_known):
            counts = score_counts(labels == place, scores[:, place], night)
            of_classes.append(counts.roc_auc)
        return mean_of(of_classes)
