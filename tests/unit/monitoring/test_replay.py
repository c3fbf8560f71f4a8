"""A night scores again what was answered by day, by the digest that answered it, and counts the rows of other bits."""

import datetime as dt
import hashlib
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from nightshift.errors import LaterRecord
from nightshift.monitoring.replay.night import (
    OTHER_COLUMNS,
    OTHER_KERNELS,
    UNKNOWN_VERSION,
    UNREADABLE,
    compared,
    replay_night,
)
from nightshift.monitoring.replay.record import ReplayNight, VersionReplay, newest_replay, record_of
from nightshift.optimization.export import to_onnx
from nightshift.scoring.graph import OnnxGraph
from nightshift.scoring.kept_rows import REQUEST_ID, SCORES, AnsweredRows, KeptColumns, KeptFile, as_parquet
from nightshift.scoring.machine import kernels_here
from nightshift.spec import ModelSpec
from nightshift.stores import layout
from nightshift.stores.objects import ObjectInfo
from tests.champions import seal_version
from tests.unit.steps.governed_lake import MemoryObjects, MemoryWorld

NIGHTS = ("2024-01-15", "2024-01-16", "2024-01-17")
ARRIVED = dt.datetime(2024, 1, 15, 11, 30, tzinfo=dt.UTC)

MADE: list[tuple[ModelSpec, dict[str, bytes], pa.Table]] = []
"""Nothing of them changes, and each takes half a second to fit."""


class ListedObjects(MemoryObjects):
    """With ages: an object is as old as the number of writes before it says."""

    def listing(self, prefix: str, after: str = "") -> Iterator[ObjectInfo]:
        for key in self.keys(prefix):
            body, etag = self.bodies[key]
            yield ObjectInfo(key, len(body), ARRIVED + dt.timedelta(seconds=int(etag)), etag)


class ReplayWorld(MemoryWorld):
    """Two sealed versions with real graphs, and files of rows that they answered."""

    def __init__(self, spec: ModelSpec, bodies: dict[str, bytes], rows: pa.Table) -> None:
        super().__init__(spec)
        self.objects = self.lake.objects = ListedObjects(self.objects.settings)
        self.rows = rows
        self.graphs = {}
        self.digests = {}
        for version, body in bodies.items():
            sha256 = hashlib.sha256(body).hexdigest()
            key = layout.graph(spec.name, sha256)
            self.objects.put(key, body)
            seal_version(self.stores, spec.name, version, onnx_sha256=sha256, onnx_key=key)
            self.graphs[version] = OnnxGraph(spec, body)
            self.digests[version] = sha256

    def keep(self, name: str, version: str = "1", *, wrong: int = 0, rows: int = 8, **said: Any) -> str:
        """A file of rows, of which the first ``wrong`` were answered with the next float32."""
        table = self.rows.slice(0, rows)
        scores = self.graphs[version].score(table)
        scores[:wrong] = np.nextafter(scores[:wrong], np.float32(2))
        answered = AnsweredRows(f"request-{name}", ARRIVED, rows, table.to_pydict(), {"score": scores.tolist()})
        columns = KeptColumns(self.spec, self.graphs[version])
        known = {"version": version, "sha256": self.digests[version], "kernels": kernels_here()}
        file = KeptFile(model=self.spec.name, **(known | said))
        key = layout.requests_file(self.spec.name, "2024-01-15", name)
        self.objects.put(key, as_parquet(columns.as_table([answered]), file))
        return key

    def replay(self, night: str = NIGHTS[0]) -> ReplayNight | None:
        record = replay_night(self.spec, night, self.stores)  # type: ignore[arg-type]
        if record:
            self.objects.put_record(layout.replayed(self.spec.name, night), record)
        return record


@pytest.fixture
def world(fitted: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> ReplayWorld:
    monkeypatch.setattr("nightshift.s3.trust.require", lambda _: None)
    if not MADE:
        one, other = fitted("binary"), fitted("binary", "logistic_regression")
        bodies = {"1": to_onnx(one.spec, one.pipeline), "2": to_onnx(other.spec, other.pipeline)}
        MADE.append((one.spec, bodies, one.rows.holdout.table))
    return ReplayWorld(*MADE[0])


def test_rows_of_each_version_are_scored_by_the_digest_that_answered_them(world: ReplayWorld) -> None:
    world.keep("a")
    world.keep("b", "2", rows=5)
    record = world.replay()
    assert record is not None
    assert record.versions == {"1": VersionReplay(rows=8), "2": VersionReplay(rows=5)}
    assert (record.rows, record.skew_rows, record.not_replayed) == (13, 0, 0)


def test_a_row_of_other_bits_is_counted_and_its_request_is_named(world: ReplayWorld) -> None:
    world.keep("a", wrong=3)
    world.keep("b")
    record = world.replay()
    assert record is not None
    (found,) = record.versions.values()
    assert (found.rows, found.skew_rows, found.examples) == (16, 3, ("request-a",))
    assert found.largest is not None
    assert 0 < found.largest < 1e-6


def test_what_cannot_be_scored_again_is_counted_by_its_reason(world: ReplayWorld) -> None:
    world.keep("a", kernels="onnxruntime 0.1 on another", rows=2)
    world.keep("b", sha256="ab" * 32, rows=3)
    world.keep("c", version="1", sha256=world.digests["2"], rows=1)
    world.objects.put(layout.requests_file(world.spec.name, "2024-01-15", "d"), b"PAR1 it is not")
    gone = world.keep("e", "2", rows=4)
    world.objects.delete(layout.graph(world.spec.name, world.digests["2"]))
    record = world.replay()
    assert record is not None
    assert record.not_replayable == {OTHER_KERNELS: 2, UNKNOWN_VERSION: 8, UNREADABLE: 1}
    assert (record.rows, gone in record.files) == (0, True)


def test_columns_that_model_yaml_has_no_more_are_no_skew(world: ReplayWorld) -> None:
    world.keep("a")
    columns = {name: column for name, column in world.spec.columns.items() if name != "amount"}
    world.spec = world.spec.model_copy(update={"columns": columns})
    record = world.replay()
    assert record is not None
    assert record.not_replayable == {OTHER_COLUMNS: 8}


def test_rows_are_replayed_by_one_night_and_again_when_it_runs_again(world: ReplayWorld) -> None:
    assert world.replay() is None
    world.keep("a")
    first = world.replay()
    assert first is not None
    assert world.replay(NIGHTS[1]) is None
    world.keep("b", wrong=1)
    second = world.replay(NIGHTS[1])
    assert second is not None
    assert (second.rows, second.skew_rows) == (8, 1)
    assert world.replay() == first
    assert world.replay(NIGHTS[1]) == second
    newest = newest_replay(world.spec.name, world.stores)  # type: ignore[arg-type]
    assert newest == second


def test_a_record_stands_when_its_rows_are_gone_and_that_of_a_later_version_is_not_written_over(
    world: ReplayWorld,
) -> None:
    key = world.keep("a", wrong=2)
    first = world.replay()
    world.objects.delete(key)
    world.keep("b")
    assert world.replay() == first
    place = layout.replayed(world.spec.name, NIGHTS[0])
    world.objects.put(place, b'{"format": 9}')
    with pytest.raises(LaterRecord):
        world.replay()
    world.objects.put(place, b"{ broken")
    again = world.replay()
    assert again is not None
    assert (again.rows, again.skew_rows) == (8, 0)


def test_what_two_nights_say_adds_up() -> None:
    one = VersionReplay(rows=2, skew_rows=1, largest=0.1, examples=("a", "b"))
    other = VersionReplay(rows=3, examples=("b", "c", "d", "e", "f"))
    assert one.plus(other) == VersionReplay(rows=5, skew_rows=1, largest=0.1, examples=("a", "b", "c", "d", "e"))
    assert record_of("m", NIGHTS[0], [], []).rows == 0


def test_a_score_that_is_missing_by_day_and_by_night_is_no_skew_and_one_that_is_missing_once_is() -> None:
    """Whatever stands in the NaN: null of the wire and of the lake has nothing of it."""
    by_day = np.array([0x7FC00000, 0xFFC00001, 0x7FC00000, 0x3F000000], np.uint32).view(np.float32)
    by_night = np.array([0xFFC00000, 0x7FC00000, 0x3F000000, 0x7FC00000], np.uint32).view(np.float32)
    scores = pa.StructArray.from_arrays([pa.array(by_day)], names=["score"])
    table = pa.table({REQUEST_ID: ["a", "b", "c", "d"], SCORES: scores})
    assert compared(table, {"score": by_night}) == VersionReplay(rows=4, skew_rows=2, examples=("c", "d"))
    assert compared(table, {}) == VersionReplay(rows=4, skew_rows=1, examples=("d",))
