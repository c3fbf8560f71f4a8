"""TensorFlow loads the SavedModel, and answers by the signature that TensorFlow Serving asks."""

from collections.abc import Callable
from pathlib import Path

import pytest

from nightshift.export.record import ExportRecord
from nightshift.steps.verify_export import verify_export
from tests.exports import NETWORKS

Written = Callable[..., tuple[Path, ExportRecord]]


@pytest.mark.parametrize("kind", NETWORKS)
def test_the_signature_gives_the_golden_scores(written: Written, python_of: Callable[[str], str], kind: str) -> None:
    python = python_of("tfserving")
    folder, record = written("tfserving", kind, python)
    assert (folder / record.model / record.version / "saved_model.pb").is_file()
    verified = verify_export(str(folder), python=python)
    print(f"{kind}: {verified}")
    assert verified.rows == 20
    if record.label.type != "regression":
        assert verified.max_difference < 1e-6
