"""Slices: one question however many there are, and what is too small for it."""

from collections.abc import Callable

import numpy as np
import pyarrow as pa
import pytest

from nightshift.modelling.gate.slices import judge_slices
from nightshift.modelling.holdout import LabelledRows
from nightshift.optimization.variants.loss import loss_interval
from nightshift.spec import ModelSpec

NIGHTS = np.repeat(np.arange(10), 60)
Change = Callable[..., ModelSpec]


def rows(sites: list[str | None], nights: np.ndarray = NIGHTS) -> LabelledRows:
    table = pa.table({"site": pa.array(sites, pa.string())})
    return LabelledRows(table, np.zeros(len(sites), np.float32), nights)


THREE = rows(["north", "south", "east"] * 200)


def test_a_slice_that_surely_got_worse_is_named_though_the_whole_got_better(spec: ModelSpec) -> None:
    theirs = np.full(600, 1.0)
    mine = np.where(np.arange(600) % 3 == 0, 1.5, 0.5)
    assert loss_interval(mine - theirs, NIGHTS, spec.gates.confidence).better
    (said,) = judge_slices(spec, ["site"], THREE, mine - theirs).objections
    assert said.startswith("site north: log_loss +0.5000, at least +0.5000 worse (allowed 0.2")


def test_a_slice_within_the_allowance_passes(spec: ModelSpec, change: Change) -> None:
    theirs = np.full(600, 1.0)
    mine = np.where(np.arange(600) % 3 == 0, 1.1, 0.5)
    assert judge_slices(spec, ["site"], THREE, mine - theirs).objections == []
    strict = change(spec, gates={"slice_allowance": 0.05})
    assert len(judge_slices(strict, ["site"], THREE, mine - theirs).objections) == 1


@pytest.mark.parametrize("least", [{"slice_min_rows": 201}, {"slice_min_nights": 11}])
def test_a_slice_of_few_rows_or_nights_is_not_judged_and_the_table_says_so(
    spec: ModelSpec, change: Change, least: dict[str, int]
) -> None:
    worse = np.where(np.arange(600) % 3 == 0, 0.5, -0.5)
    answer = judge_slices(change(spec, gates=least), ["site"], THREE, worse)
    assert answer.objections == []
    assert [(row.name, row.verdict) for row in answer.table] == [("3 small slices", "not judged")]


def test_a_slice_of_noise_is_no_objection(spec: ModelSpec) -> None:
    noise = np.random.default_rng(1).normal(0.3, 5, 600)
    assert judge_slices(spec, ["site"], THREE, noise).objections == []


def test_one_night_of_a_slice_is_no_evidence(spec: ModelSpec) -> None:
    sites = ["north" if night == 3 else "south" for night in NIGHTS]
    worse = np.where(NIGHTS == 3, 9.0, 0.0)
    assert judge_slices(spec, ["site"], rows(list(sites)), worse).objections == []


def test_nulls_are_no_slice(spec: ModelSpec) -> None:
    some = rows([None, "south", "east"] * 200)
    mine = np.where(np.arange(600) % 3 == 0, 9.0, 0.5)
    assert judge_slices(spec, ["site"], some, mine - np.full(600, 1.0)).objections == []


def test_the_table_says_what_could_not_have_been_seen(spec: ModelSpec) -> None:
    noise = np.random.default_rng(1).normal(0.0, 1.0, 600)
    answer = judge_slices(spec, ["site"], THREE, noise)
    assert len(answer.table) == 3
    assert all("is seen in fewer than 8 of 10" in row.needed for row in answer.table)
    assert all(row.low < row.estimate < row.high for row in answer.table)


@pytest.mark.parametrize(("shift", "least", "most"), [(0.0, 0.0, 0.05), (4.0, 0.8, 1.0)])
def test_ten_equal_slices_seldom_refuse_and_a_worse_one_is_mostly_caught(
    spec: ModelSpec, change: Change, shift: float, least: float, most: float
) -> None:
    """The first of ten is worse by so many of its own standard errors."""
    runs, slices, nights = 150, 10, 28
    strict = change(spec, gates={"slice_allowance": 0.0, "slice_min_rows": 1, "slice_min_nights": 5})
    names = [f"s{place}" for place in range(slices)] * nights
    of_rows = rows(list(names), np.repeat(np.arange(nights), slices))
    refused = 0
    for seed in range(runs):
        by_night = np.random.default_rng(seed).normal(size=(nights, slices))
        by_night[:, 0] += shift / nights**0.5
        objections = judge_slices(strict, ["site"], of_rows, by_night.ravel()).objections
        refused += any("site s0:" in said for said in objections) if shift else bool(objections)
    tolerated = 3 * (0.2 * 0.8 / runs) ** 0.5
    assert least - tolerated <= refused / runs <= most + 3 * (0.05 * 0.95 / runs) ** 0.5


def test_a_hundred_slices_fill_no_message(spec: ModelSpec, change: Change) -> None:
    names = [f"s{place}" for place in range(100)] * 10
    of_rows = rows(list(names), np.repeat(np.arange(10), 100))
    loose = change(spec, gates={"slice_min_rows": 1})
    answer = judge_slices(loose, ["site"], of_rows, np.random.default_rng(1).normal(size=1000))
    assert len(answer.table) == 51
    assert answer.table[-1].name == "50 more"
