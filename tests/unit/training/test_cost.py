"""What a stage costs: its own seconds and its own peak, whatever the process held before."""

import time

import numpy as np
import pytest

from nightshift.training.cost import StageCosts


def test_each_stage_has_its_own_seconds_and_peak() -> None:
    with StageCosts() as costs:
        costs.stage("large")
        room = np.ones(20_000_000)
        time.sleep(0.15)
        del room
        costs.stage("waiting")
        time.sleep(0.15)
    large, waiting = costs.of["large"], costs.of["waiting"]
    assert large.peak_bytes - waiting.peak_bytes > 80_000_000
    assert large.cpu_seconds > waiting.cpu_seconds
    assert 0.14 < waiting.seconds < 5
    assert set(costs.metrics()) == {
        f"cost_{stage}_{unit}" for stage in ("large", "waiting") for unit in ("seconds", "cpu_seconds", "peak_mb")
    }


def test_an_error_is_not_held_up_and_leaves_no_thread() -> None:
    costs = StageCosts()

    def fail() -> None:
        with costs:
            costs.stage("broken")
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    assert not costs._watch.is_alive()
    assert set(costs.of) == {"broken"}
