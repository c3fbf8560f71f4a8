"""Stages overlap, keep order, stay bounded, and hand on what went wrong."""

import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from nightshift import concurrency as stream
from nightshift.concurrency import cores, ordered_map, prefetch


def test_items_come_in_order() -> None:
    assert list(prefetch(range(100), 3)) == list(range(100))
    assert list(prefetch([], 3)) == []
    slow_first = ordered_map(lambda n: time.sleep(0.02 if n % 4 == 0 else 0) or n, range(40), 4, 8)
    assert list(slow_first) == list(range(40))


def test_reading_ahead_stops_at_its_depth() -> None:
    made: list[int] = []

    def source() -> Iterator[int]:
        for number in range(50):
            made.append(number)
            yield number

    for number in prefetch(source(), 3):
        time.sleep(0.001)
        assert len(made) <= number + 4


def test_no_more_results_are_held_than_asked_for() -> None:
    lock, begun, taken = threading.Lock(), 0, 0

    def work(number: int) -> int:
        nonlocal begun
        with lock:
            begun += 1
            assert begun - taken <= 6
        return number

    for _ in ordered_map(work, range(200), 3, 6):
        with lock:
            taken += 1
    assert begun == 200


def test_an_error_of_any_stage_reaches_the_reader() -> None:
    def broken() -> Iterator[int]:
        yield 1
        raise ValueError("torn")

    with pytest.raises(ValueError, match="torn"):
        list(prefetch(broken(), 2))
    with pytest.raises(ZeroDivisionError):
        list(ordered_map(lambda n: 1 // n, [1, 0, 1], 2, 2))


def test_a_reader_that_leaves_early_leaves_no_thread_behind() -> None:
    before = threading.active_count()
    for number in prefetch(range(1000), 4):
        if number == 5:
            break
    stages = ordered_map(lambda n: n, range(1000), 3, 6)
    next(stages)
    stages.close()
    deadline = time.monotonic() + 5
    while threading.active_count() > before and time.monotonic() < deadline:
        time.sleep(0.01)
    assert threading.active_count() == before


@pytest.mark.parametrize(("quota", "expected"), [("max 100000", None), ("150000 100000", 2), ("10000 100000", 1)])
def test_a_quota_counts_as_cores(
    quota: str, expected: int | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream, "CPU_QUOTA", tmp_path / "cpu.max")
    monkeypatch.setattr("os.sched_getaffinity", lambda _: set(range(8)))
    assert cores() == 8
    (tmp_path / "cpu.max").write_text(quota)
    assert cores() == (expected or 8)
