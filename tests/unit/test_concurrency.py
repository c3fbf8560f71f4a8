"""Stages overlap, keep order, stay bounded, and hand on what went wrong."""

import threading
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from nightshift import concurrency as stream
from nightshift.concurrency import CELLS_OF_ONE_THREAD, beside, cores, openmp_for, ordered_map, prefetch


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


def test_what_is_given_away_is_done_in_its_order_before_the_block_ends() -> None:
    done: list[str] = []

    def slow() -> None:
        time.sleep(0.05)
        done.append("slow")

    with beside() as give:
        give(slow)
        give(lambda: done.append(threading.current_thread().name))
        done.append("meanwhile")
    assert done[:2] == ["meanwhile", "slow"]
    assert done[2] != threading.current_thread().name


def test_an_error_beside_the_block_is_raised_when_it_ends_and_does_not_hide_its_own() -> None:
    def fail(where: str) -> None:
        raise ValueError(where)

    with pytest.raises(ValueError, match="beside"), beside() as give:
        give(lambda: fail("beside"))

    def fail_itself() -> None:
        with beside() as give:
            give(lambda: fail("beside"))
            fail("own")

    with pytest.raises(ValueError, match="own"):
        fail_itself()


def test_small_fits_get_one_thread_and_come_out_the_same() -> None:
    from sklearn.ensemble import HistGradientBoostingClassifier
    from threadpoolctl import threadpool_info, threadpool_limits

    def threads() -> set[int]:
        return {library["num_threads"] for library in threadpool_info() if library["user_api"] == "openmp"}

    def scores() -> bytes:
        trees = HistGradientBoostingClassifier(max_iter=20, early_stopping=False, random_state=0)
        return bytes(trees.fit(rows, labels).predict_proba(rows).tobytes())

    random = np.random.default_rng(20261127)
    rows = random.normal(size=(3_000, 6)).astype("float32")
    labels = random.random(3_000) < 0.3
    with threadpool_limits(2, user_api="openmp"):
        with openmp_for(CELLS_OF_ONE_THREAD + 1):
            assert threads() == {2}
            by_two = scores()
        with openmp_for(CELLS_OF_ONE_THREAD):
            assert threads() == {1}
            assert scores() == by_two
        assert threads() == {2}
