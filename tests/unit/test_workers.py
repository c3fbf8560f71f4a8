"""Parts are dealt with side by side; it reads as if one process had dealt with them one after the other."""

import logging
import multiprocessing
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from nightshift import workers
from nightshift.errors import DataError, NightshiftError
from nightshift.workers import Workers, free_bytes

log = logging.getLogger("nightshift")


def squaring() -> Callable[[int], tuple[int, int]]:
    """What squares numbers, and says in which process; the early ones take longest."""

    def square(number: int) -> tuple[int, int]:
        time.sleep(0.05 if number < 3 else 0)
        log.warning("number %s", number)
        return number**2, os.getpid()

    return square


def failing() -> Callable[[int], int]:
    """What refuses 4, meets a fault at 5, is killed at 6, and ends itself at 7."""

    def fail(number: int) -> int:
        if number == 4:
            raise DataError("4 is refused", fix="mend it")
        if number == 5:
            raise KeyError("unheard of")
        if number == 6:
            os.kill(os.getpid(), signal.SIGKILL)
        if number == 7:
            os._exit(3)
        return number

    return fail


def writing() -> Callable[[str], None]:
    """What writes a file, slowly."""

    def write(file: str) -> None:
        Path(file).write_text(str(os.getpid()))
        time.sleep(1)

    return write


def side_by_side(start: Callable[[], Callable[[Any], Any]], most: int = 2) -> Workers[Any, Any]:
    return Workers(start, most, (), lambda number: f"number {number}")


@pytest.fixture
def children() -> Iterator[Callable[[], int]]:
    """How many processes the test has besides those that serve all tests; none is left of it."""
    yield lambda: len(multiprocessing.active_children())
    assert multiprocessing.active_children() == []


def test_results_and_lines_of_the_log_come_in_order_from_several_processes(
    children: Callable[[], int], caplog: pytest.LogCaptureFixture
) -> None:
    results = list(side_by_side(squaring).map(range(12)))
    assert [square for square, _ in results] == [number**2 for number in range(12)]
    assert len({process for _, process in results}) == 2
    assert os.getpid() not in {process for _, process in results}
    assert [record.getMessage() for record in caplog.records] == [f"number {number}" for number in range(12)]
    assert children() == 0


def test_the_first_error_in_order_is_raised_as_it_was_after_all_before_it(children: Callable[[], int]) -> None:
    results = side_by_side(failing).map([0, 1, 2, 3, 4, 0, 1, 2])
    assert [next(results) for _ in range(4)] == [0, 1, 2, 3]
    with pytest.raises(DataError, match="4 is refused") as error:
        next(results)
    assert error.value.fix == "mend it"


def test_a_fault_that_nobody_explains_keeps_where_it_was_raised(children: Callable[[], int]) -> None:
    with pytest.raises(RuntimeError, match="5: KeyError") as error:
        list(side_by_side(failing).map([5]))
    assert "in fail" in str(error.value)


def test_a_worker_that_is_killed_is_an_error_that_names_its_part(children: Callable[[], int]) -> None:
    with pytest.raises(NightshiftError, match=r"worked on number 6 was ended by SIGKILL") as error:
        list(side_by_side(failing).map([1, 6, 2]))
    assert "NIGHTSHIFT_CORES=1" in str(error.value.fix)
    assert "no memory left" in error.value.message


def test_of_a_worker_that_ended_itself_nobody_says_that_memory_was_short(children: Callable[[], int]) -> None:
    with pytest.raises(NightshiftError, match=r"worked on number 7 ended with 3\n") as error:
        list(side_by_side(failing).map([1, 7, 2]))
    assert "memory" not in error.value.message


def test_who_stops_listening_leaves_no_process(children: Callable[[], int], tmp_path: Path) -> None:
    results = side_by_side(squaring).map(range(100))
    next(results)
    assert children()
    results.close()  # type: ignore[attr-defined]


def test_no_further_worker_begins_while_memory_is_short(
    children: Callable[[], int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(workers, "free_bytes", lambda: 0)
    results = list(side_by_side(squaring).map(range(6)))
    assert len({process for _, process in results}) == 1


def test_the_memory_that_is_free_is_that_of_the_control_group_where_it_is_less(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    limit, used = tmp_path / "memory.max", tmp_path / "memory.current"
    monkeypatch.setattr(workers, "MEMORY_LIMIT", limit)
    monkeypatch.setattr(workers, "MEMORY_USED", used)
    unlimited = free_bytes()
    assert unlimited > 2**20
    used.write_text("3000\n")
    limit.write_text("max\n")
    assert free_bytes() > 2**20
    limit.write_text("5000\n")
    assert free_bytes() == 2000


@pytest.mark.parametrize("ended_by", [signal.SIGINT, signal.SIGKILL])
def test_workers_end_with_their_parent_however_it_ends(ended_by: signal.Signals, tmp_path: Path) -> None:
    files = [str(tmp_path / name) for name in ("first", "second", "third", "fourth")]
    code = (
        # What a shell started in the background ignores it.
        "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "from nightshift.workers import Workers\n"
        "from tests.unit.test_workers import writing\n"
        f"list(Workers(writing, 2, (), str).map({files!r}))\n"
    )
    root = Path(__file__).parents[2]
    parent = subprocess.Popen([sys.executable, "-c", code], cwd=root, stderr=subprocess.DEVNULL, start_new_session=True)
    second = Path(files[1])
    deadline = time.monotonic() + 60
    while not (second.exists() and second.read_text()) and time.monotonic() < deadline:
        time.sleep(0.05)
    worker = int(second.read_text())
    if ended_by == signal.SIGINT:
        # As a terminal does it: everybody in the foreground hears of it.
        os.killpg(parent.pid, ended_by)
    else:
        parent.kill()
    assert parent.wait(30) != 0
    while psutil.pid_exists(worker) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not psutil.pid_exists(worker)
