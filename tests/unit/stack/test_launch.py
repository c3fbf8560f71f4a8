"""Groups start side by side; a failure takes back what was started."""

import os
import sys
import time
from pathlib import Path

import pytest

from nightshift.errors import ServiceDied
from nightshift.stack.launch import Event, Launch
from nightshift.stack.processes import Running, recall, stop
from nightshift.stack.service import Group, InitTask, Service

SLEEP = "import time; time.sleep(60)"


class Bench:
    """A folder in which made-up services run."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.events: list[Event] = []

    def service(self, name: str, code: str = SLEEP, patience: float = 20.0, ready: bool | Path = True) -> Service:
        def check(_: Running) -> bool:
            return ready if isinstance(ready, bool) else ready.exists()

        return Service(name, (sys.executable, "-c", code), os.environ, self.home / name, check, patience=patience)

    def launch(self, *groups: Group) -> Launch:
        launch = Launch(self.home, {}, self.events.append)
        launch.run(groups)
        return launch


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


def test_all_groups_start_and_are_recorded(bench: Bench) -> None:
    launch = bench.launch(Group("a", (bench.service("a"),)), Group("b", (bench.service("b1"), bench.service("b2"))))
    try:
        assert set(launch.started) == {"a", "b1", "b2"}
        assert all(recall(launch.records, name) == running for name, running in launch.started.items())
        assert {event.service for event in bench.events if event.state == "ready"} == {"a", "b1", "b2"}
    finally:
        stop(launch.started.values())


def test_death_shows_the_last_lines_and_stops_the_others(bench: Bench) -> None:
    dying = bench.service("dying", "for i in range(30): print('line', i)\nraise SystemExit(3)", ready=False)
    with pytest.raises(ServiceDied) as error:
        bench.launch(Group("a", (bench.service("well"),)), Group("b", (dying,)))
    message = str(error.value)
    assert "dying ended while starting (exit code 3)" in message
    assert "line 15\n" in message
    assert "line 29" in message
    assert "line 14\n" not in message
    assert "dying.log" in message
    assert list((bench.home / "run").iterdir()) == []
    assert Event("dying", "failed") in bench.events


def test_silence_is_an_error_with_the_log(bench: Bench) -> None:
    deaf = bench.service("deaf", "print('hm', flush=True)\n" + SLEEP, patience=0.5, ready=False)
    with pytest.raises(ServiceDied, match=r"deaf did not answer within \d s"):
        bench.launch(Group("a", (deaf,)))


def test_only_the_last_start_is_in_the_message(bench: Bench) -> None:
    (bench.home / "logs").mkdir()
    (bench.home / "logs" / "dying.log").write_text("of another day\n")
    with pytest.raises(ServiceDied) as error:
        bench.launch(Group("a", (bench.service("dying", "print('today'); raise SystemExit(1)", ready=False),)))
    assert "today" in str(error.value)
    assert "another day" not in str(error.value)


def test_an_init_task_comes_first_and_only_once(bench: Bench) -> None:
    made = bench.home / "made"
    code = f"import time, pathlib; time.sleep(0.2); pathlib.Path({str(made)!r}).touch()"
    migrate = InitTask("migrate", (sys.executable, "-c", code), os.environ, bench.home, made.exists, lambda: None)
    group = Group("a", (bench.service("a", ready=made),), init_tasks=(migrate,))
    for expected in (["migrate", "a"], ["a"]):
        bench.events.clear()
        stop(bench.launch(group).started.values())
        assert [event.service for event in bench.events if event.state == "ready"] == expected


def test_a_failed_init_task_starts_nothing(bench: Bench) -> None:
    migrate = InitTask(
        "migrate", (sys.executable, "-c", "raise SystemExit('no disk')"), os.environ, bench.home, bool, lambda: None
    )
    with pytest.raises(ServiceDied, match=r"migrate failed \(exit code 1\)") as error:
        bench.launch(Group("a", (bench.service("a"),), init_tasks=(migrate,)))
    assert "no disk" in str(error.value)
    assert [event.service for event in bench.events] == ["migrate", "migrate"]


def test_failure_does_not_wait_for_slow_groups(bench: Bench) -> None:
    began = time.monotonic()
    slow = bench.service("slow", ready=False, patience=60)
    with pytest.raises(ServiceDied):
        bench.launch(Group("a", (slow,)), Group("b", (bench.service("dying", "raise SystemExit(1)", ready=False),)))
    assert time.monotonic() - began < 15


def test_big_logs_are_turned_over(bench: Bench) -> None:
    log = bench.home / "logs" / "a.log"
    log.parent.mkdir()
    with log.open("wb") as file:
        file.truncate(21_000_000)
    stop(bench.launch(Group("a", (bench.service("a"),))).started.values())
    assert log.stat().st_size < 1_000
    assert log.with_name("a.log.1").stat().st_size == 21_000_000
