"""How good scores are, and whether one set of scores is better than another."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Scores = NDArray[np.float32] | NDArray[np.float64]
LOSSES = frozenset({"log_loss", "brier"})


def all_metrics(labels: Scores, scores: Scores, threshold: float) -> dict[str, float]:
    """Metrics of P(label = 1) against labels in {0, 1}, both (n,); the areas are left out for one class."""
    from sklearn.metrics import average_precision_score, f1_score, roc_auc_score

    found = {name: float(row_losses(name, labels, scores).mean()) for name in sorted(LOSSES)}
    found["base_rate"] = float(labels.mean())
    found["base_rate_log_loss"] = float(row_losses("log_loss", labels, np.full_like(labels, labels.mean())).mean())
    found["f1"] = float(f1_score(labels, scores >= threshold, zero_division=0.0))
    if 0 < labels.sum() < len(labels):
        found["roc_auc"] = float(roc_auc_score(labels, scores))
        found["pr_auc"] = float(average_precision_score(labels, scores))
    return found


def row_losses(metric: str, labels: Scores, scores: Scores) -> NDArray[np.float64]:
    """The loss of each row, (n,); lower is better."""
    truth = labels.astype(np.float64)
    p = np.clip(scores.astype(np.float64), 1e-7, 1 - 1e-7)
    if metric == "brier":
        return np.asarray((p - truth) ** 2)
    return np.asarray(-(truth * np.log(p) + (1 - truth) * np.log1p(-p)))


@dataclass(frozen=True)
class Difference:
    """Mean loss of the challenger minus that of the champion, with its interval; below 0 is better."""

    mean: float
    low: float
    high: float

    @property
    def better(self) -> bool:
        """The whole interval says the challenger is better."""
        return self.high < 0

    @property
    def worse(self) -> bool:
        """The whole interval says the challenger is worse."""
        return self.low > 0


def paired_bootstrap(
    challenger: NDArray[np.float64],
    champion: NDArray[np.float64],
    nights: NDArray[np.int64],
    *,
    resamples: int,
    confidence: float,
    seed: int,
) -> Difference:
    """Percentile interval of the mean difference of paired row losses, all (n,).

    Whole nights are resampled, not rows: the rows of one night share its weather, and treating them
    as independent makes any difference look certain (cluster bootstrap, Cameron, Gelbach & Miller,
    Review of Economics and Statistics 90(3), 2008).
    """
    _, night = np.unique(nights, return_inverse=True)
    sums = np.bincount(night, weights=challenger - champion)
    counts = np.bincount(night)
    drawn = np.random.default_rng(seed).integers(0, len(sums), size=(resamples, len(sums)))
    means = sums[drawn].sum(axis=1) / counts[drawn].sum(axis=1)
    low, high = np.quantile(means, [(1 - confidence) / 2, (1 + confidence) / 2])
    return Difference(float(sums.sum() / counts.sum()), float(low), float(high))
