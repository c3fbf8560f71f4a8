"""TensorFlow loads the SavedModel, and answers by the signature that TensorFlow Serving asks."""

import pytest

from tests.export.conftest import WriteElsewhere, require_golden_scores
from tests.exports import NETWORKS


@pytest.mark.parametrize("kind", NETWORKS)
def test_the_signature_gives_the_golden_scores(written_elsewhere: WriteElsewhere, kind: str) -> None:
    network = written_elsewhere("tfserving", kind)
    record = network.record
    assert (network.folder / record.model / record.version / "saved_model.pb").is_file()
    require_golden_scores(network, kind)
