"""The rows that a trainer learns from, and what is known of each besides its features."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from nightshift.modelling.arrays import Array, Floats, Int64s
from nightshift.training.networks.checkpoints import Checkpoints

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class FitTargets:
    """What an estimator learns of the n rows of its matrix: ``targets`` (n,), of ``nights`` (n,), day ordinals.

    ``weights`` (n,) say how much each row counts; None: all alike. ``checkpoints`` is a place in which an estimator
    that takes long may keep how far it came; None: nowhere.
    """

    targets: Array
    nights: Int64s
    weights: Floats | None = None
    checkpoints: Checkpoints | None = None


@dataclass(frozen=True)
class TrainingRows:
    """Features of n rows, ``targets`` (n,), ``nights`` (n,), day ordinals, and ``weights`` (n,), None for all alike."""

    frame: "pd.DataFrame"
    targets: Array
    nights: Int64s
    weights: Floats | None = None

    def for_estimator(self, checkpoints: Checkpoints | None = None) -> FitTargets:
        """All but the features, which an estimator sees as a matrix."""
        return FitTargets(
            targets=self.targets,
            nights=self.nights,
            weights=self.weights,
            checkpoints=checkpoints,
        )
