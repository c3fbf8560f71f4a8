"""The judge of bits: it sees a graph whose scores depend on the size of a call, and what a lone row is padded for."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from nightshift.optimization.export import to_onnx
from nightshift.scoring.bits import BitsAgreement, bits_agree, other_bits
from nightshift.scoring.graph import OnnxGraph


@pytest.fixture
def opened(fitted: Callable[..., Any]) -> Callable[..., tuple[OnnxGraph, pa.Table]]:
    def make(kind: str, trainer: str) -> tuple[OnnxGraph, pa.Table]:
        made = fitted(kind, trainer)
        return OnnxGraph(made.spec, to_onnx(made.spec, made.pipeline)), made.rows.train.table

    return make


@pytest.mark.parametrize(
    ("kind", "trainer"),
    [
        ("binary", "hist_gradient_boosting"),
        ("binary", "logistic_regression"),
        ("multiclass", "logistic_regression"),
        ("regression", "ridge"),
        ("quantile", "hist_gradient_boosting"),
        ("binary", "neural_network"),
    ],
)
def test_a_row_has_the_same_bits_however_many_are_scored_beside_it(
    opened: Callable[..., Any], kind: str, trainer: str
) -> None:
    graph, rows = opened(kind, trainer)
    found = bits_agree(graph, rows)
    assert found.rows == 256
    assert found.sizes == tuple(range(1, 65))
    assert found.is_servable, str(found)
    assert set(found.alone) <= {1}


def test_the_last_row_of_a_night_has_the_bits_that_it_has_elsewhere(opened: Callable[..., Any]) -> None:
    """A call of 2,048 rows and one of the one that is left over: alone, a LinearClassifier gave it other bits."""
    graph, rows = opened("binary", "logistic_regression")
    many = pa.concat_tables([rows] * 4).combine_chunks()
    at_once = graph.score(many.slice(0, 2049))
    assert at_once[-1] == graph.score(many.slice(2040, 9))[-1] == graph.score(many.slice(2048, 1))[0]


class Uneven(OnnxGraph):
    """Scores of a call depend on how many rows it has."""

    least_even = 2

    def run(self, inputs: Any, rows: int, least: int = 2) -> Any:
        scores = super().run(inputs, rows, least)
        return scores if max(rows, least) >= self.least_even else np.nextafter(scores, np.float32(2))


@pytest.mark.parametrize(
    ("least_even", "alone", "padded"), [(1, [], []), (2, [1], []), (3, [1, 2], [1, 2]), (9, [1, 2, 5], [1, 2, 5])]
)
def test_sizes_that_differ_are_named_alone_and_padded(
    fitted: Callable[..., Any], least_even: int, alone: list[int], padded: list[int]
) -> None:
    made = fitted("binary")
    graph = Uneven(made.spec, to_onnx(made.spec, made.pipeline))
    graph.least_even = least_even
    rows = made.rows.holdout.table.slice(0, 40)
    found = bits_agree(graph, rows, sizes=(1, 2, 5, 20, 64))
    assert found.sizes == (1, 2, 5, 20)
    assert (sorted(found.alone), sorted(found.padded)) == (alone, padded)
    assert (found.is_servable, found.needs_padding) == (not padded, bool(alone) and not padded)


class WithoutSomeScores(OnnxGraph):
    """Of rows above a score it gives NaN, whose bits depend on how many rows a call has."""

    most = 2.0
    has_none_alone = False

    def run(self, inputs: Any, rows: int, least: int = 2) -> Any:
        scores = super().run(inputs, rows, least)
        scores.view(np.uint32)[scores > self.most] = 0x7FC00000 + rows
        if rows == 1 and self.has_none_alone:
            scores[:] = np.nan
        return scores


@pytest.mark.parametrize(("has_none_alone", "sizes"), [(False, []), (True, [1])])
def test_rows_without_a_score_at_any_size_agree_and_those_that_have_one_at_some_do_not(
    fitted: Callable[..., Any], has_none_alone: bool, sizes: list[int]
) -> None:
    made = fitted("binary")
    rows = made.rows.holdout.table.slice(0, 40)
    graph = WithoutSomeScores(made.spec, to_onnx(made.spec, made.pipeline))
    graph.most = float(np.median(graph.score(rows)))
    graph.has_none_alone = has_none_alone
    found = bits_agree(graph, rows, sizes=(1, 40))
    assert np.isnan(graph.score(rows)).any()
    assert sorted(found.padded) == sizes


def test_one_nan_is_another_and_zero_is_not_minus_zero() -> None:
    one = np.array([np.nan, 0.0, 0.5, np.nan], np.float32)
    other = np.array([-np.nan, -0.0, 0.5, 0.5], np.float32)
    assert other_bits(one, other).tolist() == [False, True, False, True]
    assert other_bits(one.reshape(2, 2), other.reshape(2, 2)).tolist() == [[False, True], [False, True]]
    # Values that do not lie one behind the other.
    assert other_bits(one.reshape(2, 2).T, other.reshape(2, 2).T).tolist() == [[False, False], [True, True]]


def test_what_was_tried_is_said_in_a_sentence() -> None:
    tried = {"rows": 512, "sizes": (1, 2, 64)}
    assert str(BitsAgreement(**tried, alone={}, padded={})).endswith("calls of 1 to 64: the same bits as at once")
    assert "beside itself" in str(BitsAgreement(**tried, alone={1: 3}, padded={}))
    assert str(BitsAgreement(**tried, alone={}, padded={1: 3, 2: 7})).endswith("calls of 1, 2; in those of 2 of 7 rows")
