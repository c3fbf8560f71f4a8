"""A training of a network that is killed goes on from the lake, to the model that it would have been; and it scores."""

import logging
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from nightshift.contracts import Dataset
from nightshift.modelling.label_types import label_type
from nightshift.spec import load_spec
from nightshift.steps import train as training
from nightshift.steps.evaluate import evaluate
from nightshift.steps.load import load
from nightshift.steps.optimize import optimize
from nightshift.steps.predict import predict
from nightshift.steps.promote import promote
from nightshift.steps.snapshot import snapshot
from nightshift.steps.train import read_window, register, train
from nightshift.stores import Stores
from nightshift.stores.checkpoints import LakeCheckpoints
from nightshift.training.recipe import fit, out_of_fold

pytestmark = pytest.mark.stack

LAST, NIGHT = "2024-01-12", "2024-01-13"
NETWORK = {
    "trainer": "tabular_network",
    "parameters": {"hidden_layer_sizes": "12-6", "max_iter": 25, "learning_rate_init": 0.01, "batch_size": 128},
}


class Killed(BaseException):
    """The worker is gone."""


class UntilKilled(LakeCheckpoints):
    """Checkpoints of a process that is killed right after the twelfth."""

    left = 12

    def write(self, name: str, body: bytes) -> None:
        super().write(name, body)
        type(self).left -= 1
        if not self.left:
            raise Killed


def test_a_killed_training_goes_on_from_the_lake_and_its_model_is_published(
    make_project: Callable[..., Path],
    open_stores: Callable[..., Stores],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    pytest.importorskip("torch", reason="torch, of the extra [networks], is not installed")
    folder = make_project(tmp_path, training=NETWORK, optimize={"variants": ["codes"]})
    stores = open_stores(folder.parents[1])
    spec = load_spec(folder / "model.yaml")
    load(spec, "2024-01-01", NIGHT, stores)
    taken = snapshot(spec, LAST, stores)
    monkeypatch.setattr(training, "LakeCheckpoints", partial(UntilKilled, every=0))
    with pytest.raises(Killed):
        train(spec, taken, stores)
    prefix = f"checkpoints/{spec.name}/"
    assert list(stores.lake.objects.keys(prefix))
    monkeypatch.setattr(training, "LakeCheckpoints", partial(LakeCheckpoints, every=0))
    with caplog.at_level(logging.INFO, "nightshift"):
        trained = train(spec, taken, stores)
    assert "the training goes on after epoch" in caplog.text
    assert list(stores.lake.objects.keys(prefix)) == []
    assert {name: trained.metrics[name] for name in ("log_loss", "roc_auc")} == unkilled(spec, taken, stores)
    verdict = evaluate(spec, optimize(spec, register(spec, trained, stores), stores), stores)
    promote(spec, verdict, stores)
    predict(spec, NIGHT, stores)
    manifest = stores.lake.require(spec.key(Dataset.PREDICTIONS, NIGHT))
    scores = stores.lake.read(manifest)[spec.predict.score].to_numpy()
    assert 0 < scores.min() < scores.max() < 1


def unkilled(spec: Any, taken: Any, stores: Stores) -> dict[str, float]:
    """Two metrics of the same training, that nobody killed."""
    written, _, folds = read_window(spec, taken, stores)
    judged = out_of_fold(written, folds, [fit(written, fold.train) for fold in folds])
    metrics = label_type(written).metrics(judged.rows.labels, judged.scores)
    return {name: metrics[name] for name in ("log_loss", "roc_auc")}
