"""LiteRT's own interpreter scores the file."""

import pytest

from tests.export.conftest import WriteElsewhere, require_golden_scores
from tests.exports import NETWORKS


@pytest.mark.parametrize("kind", NETWORKS)
def test_the_interpreter_gives_the_golden_scores(written_elsewhere: WriteElsewhere, kind: str) -> None:
    require_golden_scores(written_elsewhere("litert", kind), kind)
