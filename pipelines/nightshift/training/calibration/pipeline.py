"""A trained pipeline that calibrates what it says."""

from typing import TYPE_CHECKING, Any, Self

import numpy as np

from nightshift.modelling.arrays import Array, Floats
from nightshift.training.calibration.maps import Calibration

if TYPE_CHECKING:
    import pandas as pd
    from sklearn.pipeline import Pipeline


class CalibratedPipeline:
    """A fitted pipeline of scikit-learn and its calibration, kept as plain arrays; its steps are those of the first."""

    def __init__(self, pipeline: "Pipeline", maps: list[Array], sums_to_one: bool) -> None:
        self.pipeline = pipeline
        self.maps = maps
        self.sums_to_one = sums_to_one

    def __getitem__(self, step: Any) -> Any:
        return self.pipeline[step]

    @property
    def steps(self) -> list[tuple[str, Any]]:
        """Name and part of each."""
        steps: list[tuple[str, Any]] = self.pipeline.steps
        return steps

    @property
    def calibration(self) -> Calibration:
        """What is made of the scores of the last step."""
        return Calibration.of(self.maps, sums_to_one=self.sums_to_one)

    def fit(self, *_: Any) -> Self:
        """It is fitted, and stays as it is; scikit-learn's tools ask for this method."""
        return self

    def predict_proba(self, frame: "pd.DataFrame") -> Floats:
        """As scikit-learn has it, calibrated: of two classes (n, 2), of several (n, k)."""
        raw: Floats = self.pipeline.predict_proba(frame)
        calibration = self.calibration
        if len(calibration.maps) == raw.shape[1]:
            return calibration(raw)
        of_yes = calibration(raw[:, 1])
        return np.stack([1 - of_yes, of_yes], axis=1)


def with_calibration(pipeline: "Pipeline", calibration: Calibration) -> CalibratedPipeline:
    """The same pipeline, calibrated."""
    return CalibratedPipeline(pipeline, calibration.numbers, calibration.sums_to_one)


def calibration_of_pipeline(pipeline: Any) -> Calibration | None:
    """That of a trained pipeline; None for one that has none."""
    if isinstance(pipeline, CalibratedPipeline):
        return pipeline.calibration
    return None


def without_calibration(pipeline: Any) -> Any:
    """The pipeline that was fitted, whose scores are as its estimator gives them."""
    if isinstance(pipeline, CalibratedPipeline):
        return pipeline.pipeline
    return pipeline
