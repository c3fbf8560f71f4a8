"""How a network learns: by nights, from where it was killed, with or without help, and from what says something."""

import logging
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nightshift.training.networks.checkpoints import FolderCheckpoints
from nightshift.training.networks.estimator import NetworkClassifier, NetworkRegressor, TabularNetwork
from nightshift.training.networks.options import NetworkOptions

pytest.importorskip("torch", reason="torch, of the extra [networks], is not installed")

ROWS = 600
NIGHTS = np.arange(ROWS) * 12 // ROWS
SMALL = {"hidden_layer_sizes": [8], "max_iter": 6, "batch_size": 128, "learning_rate_init": 0.02}


class Killed(Exception):
    """What a test ends a training with."""


class KilledAfter(FolderCheckpoints):
    """A folder whose process dies after so many checkpoints."""

    def __init__(self, folder: Path, left: int) -> None:
        super().__init__(folder)
        self._left = left

    def write(self, name: str, body: bytes) -> None:
        super().write(name, body)
        self._left -= 1
        if not self._left:
            raise Killed


def made_up(seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """A matrix of two columns of codes and three of numbers, and how rows turned out."""
    rng = np.random.default_rng(seed)
    codes = rng.integers(-1, 5, (ROWS, 2))
    numbers = rng.normal(size=(ROWS, 3))
    numbers[rng.random((ROWS, 3)) < 0.1] = np.nan
    odds = 2 * np.nan_to_num(numbers[:, 0]) + (codes[:, 0] == 2) - np.isnan(numbers[:, 1])
    targets = rng.random(ROWS) < 1 / (1 + np.exp(-odds))
    return np.hstack([codes, numbers]).astype(np.float32), targets.astype(np.float64)


def classifier(**more: Any) -> NetworkClassifier:
    parameters = NetworkOptions.of({**SMALL, **more}).as_parameters()
    return NetworkClassifier(categories=2, outputs=1, seed=3, parameters=parameters)


def learnt(checkpoints: Any = None, **more: Any) -> TabularNetwork:
    matrix, targets = made_up()
    return classifier(**more).fit(matrix, targets, is_late=NIGHTS >= 10, checkpoints=checkpoints)


def bits(network: TabularNetwork) -> list[bytes]:
    return [array.tobytes() for array in network.network.in_order()]


@pytest.mark.parametrize("left", [1, 4, 8])
def test_a_training_that_was_killed_goes_on_to_the_same_bits(
    left: int, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """While it looks for the number of epochs, at the end of that, and while it learns all rows."""
    whole = learnt(dropout=0.2)
    with pytest.raises(Killed):
        learnt(KilledAfter(tmp_path, left), dropout=0.2)
    with caplog.at_level(logging.INFO, "nightshift"):
        resumed = learnt(FolderCheckpoints(tmp_path), dropout=0.2)
    assert "the training goes on after epoch" in caplog.text
    assert bits(resumed) == bits(whole)
    assert resumed.late_losses_ == whole.late_losses_
    assert resumed.n_iter_ == whole.n_iter_


KILLED = """
import os, signal, sys
from pathlib import Path
from nightshift.training.networks.checkpoints import FolderCheckpoints
from tests.unit.training.networks.test_learning import KilledAfter, Killed, learnt
try:
    learnt(KilledAfter(Path(sys.argv[1]), 3))
except Killed:
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_another_process_goes_on_where_one_was_killed(tmp_path: Path, repository: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", KILLED, str(tmp_path)], cwd=repository, capture_output=True, text=True, check=False
    )
    assert done.returncode == -signal.SIGKILL, done.stderr[-2000:]
    assert list(tmp_path.glob("stopping-*.bin"))
    assert bits(learnt(FolderCheckpoints(tmp_path))) == bits(learnt())


@pytest.mark.parametrize("damage", [lambda body: body[:-7], lambda _: b"", lambda _: b"\x80\x04 a pickle"])
def test_a_damaged_checkpoint_costs_the_work_and_nothing_else(
    damage: Callable[[bytes], bytes], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(Killed):
        learnt(KilledAfter(tmp_path, 2))
    for file in tmp_path.glob("*.bin"):
        file.write_bytes(damage(file.read_bytes()))
    assert bits(learnt(FolderCheckpoints(tmp_path))) == bits(learnt())
    assert "the training begins anew" in caplog.text


@pytest.mark.parametrize("other", [{"weight_decay": 0.1}, {"seed": 4}, {"rows": 1}])
def test_a_checkpoint_of_another_training_is_not_gone_on_from(other: dict[str, Any], tmp_path: Path) -> None:
    with pytest.raises(Killed):
        learnt(KilledAfter(tmp_path, 2))
    before = set(tmp_path.glob("*.bin"))
    matrix, targets = made_up(other.get("rows", 0))
    network = classifier(weight_decay=other.get("weight_decay", 1e-4))
    network.seed = other.get("seed", network.seed)
    network.fit(matrix, targets, is_late=NIGHTS >= 10, checkpoints=FolderCheckpoints(tmp_path))
    assert len(network.late_losses_) >= network.n_iter_
    assert before.isdisjoint(set(tmp_path.glob("*.bin")) - before)
    assert len(set(tmp_path.glob("*.bin")) - before) == 2


def test_a_network_that_would_learn_its_nights_by_heart_stops() -> None:
    """Rows of one night share their luck: set aside at random, some of them would say that it helps to learn it."""
    rng = np.random.default_rng(1)
    luck = rng.integers(0, 2, 12)
    matrix = np.column_stack([NIGHTS, np.zeros(ROWS), rng.normal(size=(ROWS, 3))]).astype(np.float32)
    targets = luck[NIGHTS].astype(np.float64)
    network = classifier(max_iter=40, n_iter_no_change=4).fit(matrix, targets, is_late=NIGHTS >= 10)
    assert network.n_iter_ < 6
    assert len(network.late_losses_) == network.n_iter_ + 4
    without = classifier(max_iter=12).fit(matrix, targets)
    assert without.n_iter_ == 12
    assert without.late_losses_ == []


def test_what_scores_has_learnt_the_last_nights_too() -> None:
    """They say for how long to learn, and are learnt then: the newest nights are most like the next one."""
    matrix, targets = made_up()
    is_last = NIGHTS >= 10
    targets[is_last] = matrix[is_last, 4] > 0
    more = {"n_iter_no_change": 6, "max_iter": 30}
    network = classifier(**more).fit(matrix, targets, is_late=NIGHTS >= 10)
    early = classifier(**more)
    early.parameters["max_iter"] = network.n_iter_
    early.fit(matrix[~is_last], targets[~is_last])
    assert loss(network, matrix[is_last], targets[is_last]) < loss(early, matrix[is_last], targets[is_last])


def loss(network: NetworkClassifier, matrix: np.ndarray, targets: np.ndarray) -> float:
    scores = network.predict_proba(matrix)
    return -float(np.log(scores[np.arange(len(targets)), targets.astype(int)]).mean())


def test_gradient_checkpointing_changes_no_bit_and_mixed_precision_little() -> None:
    plain = learnt()
    assert bits(learnt(gradient_checkpointing=True)) == bits(plain)
    mixed = learnt(mixed_precision=True)
    assert bits(mixed) != bits(plain)
    assert min(mixed.late_losses_) == pytest.approx(min(plain.late_losses_), abs=0.02)


def test_two_processes_learn_what_one_does(tmp_path: Path) -> None:
    one = learnt()
    two = learnt(FolderCheckpoints(tmp_path), processes=2)
    assert len(list(tmp_path.glob("*.bin"))) == 2
    assert two.late_losses_ == pytest.approx(one.late_losses_, abs=1e-4)
    matrix, _ = made_up(1)
    assert two.predict_proba(matrix) == pytest.approx(one.predict_proba(matrix), abs=1e-4)


def test_learning_that_leads_nowhere_is_an_error_that_says_what_to_turn() -> None:
    matrix, targets = made_up()
    targets[7] = np.nan
    network = NetworkRegressor(categories=2, outputs=1, seed=0, parameters=dict(SMALL))
    with pytest.raises(ArithmeticError, match="lower learning_rate_init"):
        network.fit(matrix, targets)


@pytest.mark.parametrize("value", [np.inf, -np.inf, 3e38, -1e30])
def test_no_number_is_so_large_that_a_score_is_none(value: float) -> None:
    matrix, _ = made_up()
    matrix[:, 3] = np.float32(value)
    assert np.isfinite(learnt().predict_proba(matrix)).all()


def test_rows_without_weight_are_not_learnt() -> None:
    matrix, targets = made_up()
    wrong = np.concatenate([targets, 1 - targets])
    weights = np.repeat([2.0, 0.0], ROWS)
    network = classifier(max_iter=30).fit(np.tile(matrix, (2, 1)), wrong, sample_weight=weights)
    right = (network.predict_proba(matrix)[:, 1] > 0.5) == targets
    assert right.mean() > 0.75
    with pytest.raises(ValueError, match="weights of all rows are 0"):
        classifier().fit(matrix, targets, sample_weight=np.zeros(ROWS))


def test_that_a_number_is_missing_may_say_everything() -> None:
    matrix, _ = made_up()
    targets = np.isnan(matrix[:, 3]).astype(np.float64)
    network = classifier(max_iter=60).fit(matrix, targets, is_late=NIGHTS >= 10)
    assert ((network.predict_proba(matrix)[:, 1] > 0.5) == targets).all()


def test_a_category_never_seen_is_one_of_which_nothing_is_known() -> None:
    matrix, _ = made_up()
    matrix[:, 0] = np.arange(ROWS) % 4
    targets = (matrix[:, 0] == 3).astype(np.float64)
    network = classifier(max_iter=60).fit(matrix, targets)
    of_known = network.predict_proba(matrix)[:, 1]
    assert of_known[targets == 1].min() > 0.8
    assert of_known[targets == 0].max() < 0.2
    for code in (-1, 4, 99):
        unseen = matrix.copy()
        unseen[:, 0] = code
        assert 0.05 < network.predict_proba(unseen)[:, 1].mean() < 0.6


@pytest.mark.parametrize(
    ("parameters", "reason"),
    [
        ({"hidden_layer_sizes": "64-x"}, "hidden_layer_sizes.*whole numbers.*Got"),
        ({"hidden_layer_sizes": []}, "hidden_layer_sizes.*must be one or more whole numbers"),
        ({"hidden_layer_sizes": [4, 0]}, "hidden_layer_sizes.*Got"),
        ({"dropout": 1.0}, "dropout.*0 to 0.9. Got 1.0"),
        ({"max_iter": 0}, "max_iter.*above 0"),
        ({"max_iter": True}, "max_iter.*above 0"),
        ({"batch_size": "all"}, "batch_size.*whole number"),
        ({"mixed_precision": 1}, "mixed_precision.*true or false"),
        ({"validation_fraction": 0}, "validation_fraction.*0.01 to 0.5"),
    ],
)
def test_a_wrong_option_is_said_by_name(parameters: dict[str, Any], reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        NetworkOptions.of(parameters)


def test_layers_are_written_in_any_way_that_yaml_has() -> None:
    for written in ("64-32", [64, 32], (64, 32)):
        assert NetworkOptions.of({"hidden_layer_sizes": written}).hidden_layer_sizes == (64, 32)
    assert NetworkOptions.of({"hidden_layer_sizes": 16}).hidden_layer_sizes == (16,)
    options = NetworkOptions.of({"hidden_layer_sizes": "8-4"})
    assert NetworkOptions.of(options.as_parameters()) == options
