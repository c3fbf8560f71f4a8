import numpy as np
import pyarrow as pa
import pytest

from nightshift.monitoring.drift import DriftResult, FeatureDrift
from nightshift.monitoring.matters.ranking import BinLosses, Importance, bin_losses, rank
from nightshift.profiles.bins import Bins
from nightshift.profiles.profile import Feature


def drifted(name, ratio, counts=(0, 50, 50, 0, 0)):
    return FeatureDrift(
        feature=name, distance=0.1, statistic=1.0, threshold=1.0, ratio=ratio, drifted=ratio > 1, calibrated=True,
        null_share=0.0, reference_null_share=0.0, rows=100, counts=list(counts), reference=[0, 900, 100, 0, 0],
        kind="numeric", edges=[0.0, 1.0, 2.0], categories=[],
    )  # fmt: skip


def result(*features):
    return DriftResult(
        drifted=True, statistic=1.0, threshold=1.0, ratio=1.0, worst="a", rows=100, false_alarm_rate=0.01,
        reference_nights=90, features=list(features),
    )  # fmt: skip


def test_what_the_model_leans_on_comes_before_what_only_drifts_more():
    importance = [
        Importance(name="leant on", loss_added=0.05, error=0.01),
        Importance(name="useless", loss_added=-0.001, error=0.001),
    ]
    night = result(drifted("watched only", 9.0), drifted("useless", 5.0), drifted("leant on", 1.5))
    ranks = rank(night, importance, [])
    assert [one.feature for one in ranks] == ["leant on", "watched only", "useless"]
    assert ranks[0].weight == pytest.approx(0.075)
    assert ranks[1].weight == ranks[2].weight == 0.0


def test_the_expected_loss_moves_with_the_rows_that_move_into_bins_that_lose_more():
    bins = BinLosses(name="a", losses=(0.5, 0.4, 0.9, 0.5, 0.5), moves_usually=0.01)
    (one,) = rank(result(drifted("a", 1.0)), [], [bins])
    assert one.loss_moved == pytest.approx(0.4 * (0.9 - 0.4))
    assert one.loss_moves_usually == 0.01


def test_bins_of_another_profile_say_nothing():
    bins = BinLosses(name="a", losses=(0.5, 0.4), moves_usually=0.01)
    (one,) = rank(result(drifted("a", 1.0)), [], [bins])
    assert one.loss_moved is None


def test_what_a_bin_loses_is_the_mean_of_its_judged_rows_and_of_few_rows_nearly_that_of_all():
    feature = Feature(name="a", bins=Bins(kind="numeric", edges=(0.0, 1.0)), counts=(1, 1, 1, 0), distances=())
    values = pa.array(np.repeat([-1.0, 0.5, 2.0], [1_000, 1_000, 1]))
    losses = np.repeat([0.2, 0.6, 100.0], [1_000, 1_000, 1])
    nights = np.arange(2_001) % 10
    found = bin_losses(feature, values, nights, values, losses)
    assert found.losses[0] == pytest.approx(0.2, abs=0.02)
    assert found.losses[1] == pytest.approx(0.6, abs=0.02)
    assert found.losses[2] < 3
    assert 0 < found.moves_usually < 0.1
