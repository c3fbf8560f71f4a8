"""From which score on a published night means yes."""

from nightshift.spec import ModelSpec
from nightshift.spec.predict import EVEN_ODDS
from nightshift.stores.manifest import Manifest


def as_decided(spec: ModelSpec, predictions: Manifest) -> ModelSpec:
    """The spec with the threshold that a night was published by, where only a version has one.

    Nights of before manifests said it had the usual one.
    """
    threshold = predictions.provenance.get("threshold")
    return decided_from(spec, threshold)


def decided_from(spec: ModelSpec, threshold: float | None) -> ModelSpec:
    """The spec with a version's threshold, where only versions have one."""
    if not spec.predict.learnt_by:
        return spec
    decided_by = EVEN_ODDS if threshold is None else threshold
    return spec.with_threshold(decided_by)
