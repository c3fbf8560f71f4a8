"""What a challenger has to show: a retrain of the same recipe no harm, another recipe a gain."""

import pytest

from nightshift.contracts import Candidate, GraphRef, SnapshotRef, Trained
from nightshift.steps.evaluate import _aim
from nightshift.stores.versions import Twin

SNAPSHOT = SnapshotRef("m", "ab.dir", "2024-01-12", "2024-01-02", "2024-01-11", 10, 900, [])
GRAPH = GraphRef("aa", "models/m/aa/model.onnx", 1000, 0.0, 0, 400, "fp32")


@pytest.mark.parametrize(
    ("challenger", "champion", "aim"),
    [("aa", "aa", "not_worse"), ("aa", "bb", "better"), ("aa", "", "better"), ("", "", "better")],
)
def test_who_is_of_the_same_recipe_must_only_not_be_worse(challenger: str, champion: str, aim: str) -> None:
    trained = Trained("m", "run", "models:/m-1", SNAPSHOT, {}, recipe_sha256=challenger)
    twin = Twin("1", "models/m/bb", "bb", "2024-01-06", champion, is_gated=bool(champion))
    assert _aim(Candidate("m", "2", trained, GRAPH), twin) == aim
