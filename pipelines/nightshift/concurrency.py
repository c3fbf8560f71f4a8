"""Stages that overlap: reading ahead, working side by side, and never holding more than a few items."""

import math
import os
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

T = TypeVar("T")
R = TypeVar("R")
CPU_QUOTA = Path("/sys/fs/cgroup/cpu.max")
CORES = "NIGHTSHIFT_CORES"
"""How many cores a process takes at most, where whoever starts it says so."""
CELLS_OF_ONE_THREAD = 2_000_000
"""As of 100,000 rows with 20 columns: there two threads were seen to need half as long again as one."""


def cores() -> int:
    """The cores this process may use: its affinity, or less where its control group has a quota, or it is told to.

    Libraries count the host's cores, and a container with two of them then runs threads for all.
    """
    affinity = len(os.sched_getaffinity(0))
    told = os.environ.get(CORES, "")
    if told.isdecimal() and int(told) > 0:
        affinity = min(affinity, int(told))
    try:
        quota, period = CPU_QUOTA.read_text().split()
    except (FileNotFoundError, PermissionError):
        return affinity
    if quota == "max":
        return affinity
    allowed = math.ceil(int(quota) / int(period))
    return max(1, min(affinity, allowed))


def let_openmp_threads_sleep() -> None:
    """OpenMP threads that wait shall sleep; to be said before what uses OpenMP is first imported, as scikit-learn.

    By spinning they stall each other when other processes want the same cores: a fit of 3 CPU seconds was seen to
    take 5 minutes.
    """
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")


@contextmanager
def openmp_for(cells: int) -> Iterator[None]:
    """One OpenMP thread inside, where the work is small: so many numbers in rows and columns.

    To wake threads that sleep takes half a millisecond, and trees of a few rows meet a thousand times: fits of 3,000
    rows were seen to take seven times as long with two. What comes out is the same.
    """
    if cells > CELLS_OF_ONE_THREAD:
        yield
        return
    from threadpoolctl import threadpool_limits

    with threadpool_limits(1, user_api="openmp"):
        yield


def prefetch(items: Iterable[T], depth: int) -> Iterator[T]:
    """The same items, made by a thread that is up to ``depth`` of them ahead. Its errors are raised here."""
    source = iter(items)
    end = object()
    with _threads(1) as pool:
        waiting = deque(pool.submit(next, source, end) for _ in range(depth))
        while True:
            item = waiting.popleft().result()
            if item is end:
                return
            waiting.append(pool.submit(next, source, end))
            yield item  # type: ignore[misc]


def in_turn(items: Sequence[T], count: int) -> list[T]:
    """So many of them, others with each second: nobody has to remember which were looked at."""
    if len(items) <= count:
        return list(items)
    first = int(time.monotonic()) * count % len(items)
    around = [*items, *items]
    return around[first : first + count]


def _wait() -> None:
    """Threads end by themselves."""


def ordered_map(
    function: Callable[[T], R],
    items: Iterable[T],
    threads: int,
    depth: int,
    stop: Callable[[], None] = _wait,
) -> Iterator[R]:
    """``map`` by several threads, in order, with up to ``depth`` results made or being made.

    ``stop`` is called when it ends early, by an error or a time limit, and before its threads are waited for: it ends
    what they are at where Python cannot.
    """
    waiting: deque[Future[R]] = deque()
    with _threads(threads, stop) as pool:
        for item in items:
            future = pool.submit(function, item)
            waiting.append(future)
            if len(waiting) >= depth:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()


@contextmanager
def beside() -> Iterator[Callable[[Callable[[], object]], None]]:
    """What the block gives away is done meanwhile, by one thread and in order; the block ends when all of it is done.

    The first error of it is raised then, unless the block itself ended by one.
    """
    given: list[Future[object]] = []

    def give(act: Callable[[], object]) -> None:
        given.append(pool.submit(act))

    with _threads(1) as pool:
        yield give
        for act in given:
            act.result()


@contextmanager
def _threads(count: int, stop: Callable[[], None] = _wait) -> Iterator[ThreadPoolExecutor]:
    """Threads that leave what is queued undone when the block ends early."""
    pool = ThreadPoolExecutor(count, thread_name_prefix="stage")
    try:
        yield pool
    except BaseException:
        stop()
        raise
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
