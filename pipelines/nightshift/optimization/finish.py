"""The last nodes of a graph: what a trained model makes of its estimator's scores."""

from typing import TYPE_CHECKING

from nightshift.modelling.label_types import label_type
from nightshift.optimization.calibrated import calibrated
from nightshift.optimization.ordered import ordered
from nightshift.spec import ModelSpec
from nightshift.training.calibration.pipeline import calibration_of_pipeline

if TYPE_CHECKING:
    from sklearn.pipeline import Pipeline


def finished(spec: ModelSpec, pipeline: "Pipeline", body: bytes) -> bytes:
    """A graph of an estimator's scores, calibrated and in order where the model's are."""
    body = calibrated(body, calibration_of_pipeline(pipeline))
    if label_type(spec).is_ordered:
        return ordered(body, spec.label.middle)
    return body
