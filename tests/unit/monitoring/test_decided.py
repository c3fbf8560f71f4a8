"""A night is judged by the threshold that it was published with."""

from collections.abc import Callable
from typing import Any

import pytest

from nightshift.contracts import Dataset
from nightshift.monitoring.decided import as_decided
from nightshift.spec import ModelSpec
from nightshift.stores.manifest import Manifest


def published(provenance: dict[str, Any]) -> Manifest:
    return Manifest(
        dataset=Dataset.PREDICTIONS, model="m", column="day", partition="2024-01-01", generation="g", previous=None,
        rows=0, rows_in=0, rows_quarantined=0, columns={}, files=(), provenance=provenance,
    )  # fmt: skip


@pytest.mark.parametrize(("provenance", "threshold"), [({"threshold": 0.0}, 0.0), ({"threshold": 0.3}, 0.3), ({}, 0.5)])
def test_by_the_manifest_and_of_before_by_even_odds(
    spec: ModelSpec, change: Callable[..., ModelSpec], provenance: dict[str, Any], threshold: float
) -> None:
    shared = ModelSpec.model_validate({**spec.model_dump(mode="json"), "predict": {"share": 0.1}})
    assert as_decided(shared, published(provenance)).predict.decides_from == threshold
