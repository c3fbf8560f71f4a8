"""From which score on a published night means yes."""

from nightshift.spec import ModelSpec
from nightshift.spec.predict import EVEN_ODDS
from nightshift.stores.manifest import Manifest


def as_decided(spec: ModelSpec, predictions: Manifest) -> ModelSpec:
    """The spec with the threshold that a night was published by, where only a version has one.

    Nights of before manifests said it had the usual one.
    """
    if not spec.predict.learnt_by:
        return spec
    threshold = predictions.provenance.get("threshold")
    return spec.with_threshold(EVEN_ODDS if threshold is None else threshold)
