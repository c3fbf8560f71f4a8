"""How costs are compared: by turns, by median and upper quartile, without ONNX Runtime where that is asked."""

import time
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from benchmarks import results
from benchmarks.cpu import OnnxRuntimeClock, TimedSession, by_turns, median_and_upper_quartile, onnxruntime_timed
from benchmarks.two_workers import in_shards
from nightshift.contracts import Pin, Plan, Shard
from nightshift.scoring import graph

PIN = Pin("m", "1", "r", "ab", "k", "5f.dir", "2023-12-31")


def test_runs_take_turns_and_every_second_round_begins_with_the_last() -> None:
    calls: list[str] = []

    def run(name: str) -> float:
        calls.append(name)
        return float(len(calls))

    turns = by_turns(2, {"a": lambda: run("a"), "b": lambda: run("b")})
    # The first two warm up.
    assert calls == ["a", "b", "a", "b", "b", "a"]
    assert turns == {"a": [3.0, 6.0], "b": [4.0, 5.0]}


def test_quartiles_are_of_the_ratios_that_were_seen() -> None:
    assert median_and_upper_quartile([1.0, 1.2, 1.1, 1.4, 1.3, 1.6, 1.5]) == (1.3, pytest.approx(1.45))


def test_what_a_session_takes_is_counted_and_waiting_is_not() -> None:
    class Session:
        def run(self, outputs: list[str], inputs: dict[str, float]) -> tuple[list[str], dict[str, float]]:
            time.sleep(inputs["wait"])
            while time.thread_time() < until:
                np.sort(np.random.default_rng(0).random(1000))
            return outputs, inputs

    clock = OnnxRuntimeClock()
    until = time.thread_time() + 0.05
    assert TimedSession(Session(), clock).run(["score"], {"wait": 0.3}) == (["score"], {"wait": 0.3})
    assert 0.04 <= clock.seconds < 0.25


def test_graphs_are_opened_as_before_once_the_clock_is_gone() -> None:
    before = graph.open_session
    with onnxruntime_timed():
        assert graph.open_session is not before
    assert graph.open_session is before


def test_a_night_in_shards_has_each_row_group_once(tmp_path: Path) -> None:
    pq.write_table(pa.table({"x": range(1000)}), tmp_path / "night.parquet", row_group_size=90)
    footer = pq.ParquetFile(tmp_path / "night.parquet").metadata

    class Source:
        metadata = footer

        def open(self) -> "Source":
            return self

    class Lake:
        def source(self, shard: Shard) -> Source:
            return Source()

    class World:
        stores = type("Stores", (), {"lake": Lake()})

    night = Shard(0, "night.parquet", "ab", 0, footer.num_row_groups, 1000, 1)
    plan = Plan("m", "2024-01-01", PIN, "g", "d", 1000, None, [night])
    shards = in_shards(World(), plan, 5).shards  # type: ignore[arg-type]  # All of it that is used.
    assert [shard.index for shard in shards] == list(range(5))
    assert [group for shard in shards for group in range(shard.first, shard.last)] == list(range(12))
    assert [shard.rows for shard in shards] == [180, 180, 270, 180, 190]
    assert len(in_shards(World(), plan, 99).shards) == 12  # type: ignore[arg-type]


def test_why_a_figure_is_absent_is_kept_and_older_results_have_none(tmp_path: Path) -> None:
    file = tmp_path / "results.json"
    results.write("workers", results.part({}, seconds=1, absent={"score.two_workers_ray": "no ray"}), file)
    results.write("score", results.part({"a": 1.0}, seconds=1), file)
    parts = results.read(file).parts
    assert parts["workers"].absent == {"score.two_workers_ray": "no ray"}
    assert parts["score"].absent == {}
    assert file.read_text().count("absent") == 1
