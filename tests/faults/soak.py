"""Lanes of trouble side by side for as long as asked, in rounds; what they did is added to benchmarks/soak.json."""

import datetime as dt
import fcntl
import json
import os
import re
import threading
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from nightshift.settings import _git
from tests.faults.lane import Lane
from tests.faults.troubles import TROUBLES, Trouble, store_killed

ROOT = Path(__file__).parents[2]
RESULT = ROOT / "benchmarks" / "soak.json"
PACKAGE = "pipelines/nightshift"
LANES, ROUND_SECONDS = 2, 150.0
# Of n faults of which none did harm, fewer than 3 / n of all such faults do, with 95 % confidence.
RULE_OF_THREE = 3
# After how many troubles in a row a clean run must heal what they left.
MOST_IN_A_ROW = 3
SUMMED = ("faults", "tasks", "clean_runs", "looks", "reads", "failed_reads", "set_back", "violations")


def round_of(store: str, seed: int, seconds: float, troubles: dict[Trouble, int]) -> dict[str, Any]:
    """Troubles in a new lake until the time is up; then silence, clean runs, and nothing left over."""
    with Lane(store, seed) as lane:
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            partition = lane.partition()
            for _ in range(lane.rng.randint(1, MOST_IN_A_ROW)):
                befall(lane, partition, lane.rng.choices(list(troubles), list(troubles.values()))[0])
            before = len(lane.violations)
            lane.heal(partition)
            named(lane, before, "the clean runs")
        return lane.close()


def befall(lane: Lane, partition: str, trouble: Trouble) -> None:
    """One trouble, and a look at what stands; what is wrong says after which."""
    before = len(lane.violations)
    trouble(lane, partition)
    lane.checks.look(partition)
    named(lane, before, trouble.__name__)


def named(lane: Lane, before: int, what: str) -> None:
    """Put a name, seed and place to the violations since."""
    place = f"{lane.store_name}, seed {lane.seed}, after {sum(lane.faults.values())} faults, {what}"
    lane.violations[before:] = [f"{place}: {wrong}" for wrong in lane.violations[before:]]


@dataclass
class Soak:
    """One long run: its seed, store and code, and the sums of its rounds, saved after each."""

    seed: int
    store: str
    minutes: float
    only: tuple[str, ...] = ()
    result: Path = RESULT
    sums: dict[str, Any] = field(default_factory=dict)
    began: dict[str, str] = field(default_factory=lambda: {"began": now(), **code()})
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def run(self) -> dict[str, Any]:
        """All lanes until the time is up."""
        began = time.monotonic()
        with ThreadPoolExecutor(LANES) as pool:
            futures = [pool.submit(self._lane, number, began) for number in range(LANES)]
        for future in futures:
            future.result()
        return self.sums

    def _lane(self, number: int, began: float) -> None:
        end = began + self.minutes * 60
        rounds = 0
        while (left := end - time.monotonic()) > 0:
            seed = self.seed * 10_000 + number * 1_000 + rounds
            rounds += 1
            try:
                done = round_of(self.store, seed, min(left, ROUND_SECONDS), self._troubles())
            except Exception:  # noqa: BLE001 - a round that cannot go on is a violation, the next one begins
                done = {"violations": [f"{self.store}, seed {seed}: {traceback.format_exc()}"]}
            with self._lock:
                self._add(done, round(time.monotonic() - began))

    def _troubles(self) -> dict[Trouble, int]:
        able = {trouble: weight for trouble, weight in TROUBLES.items() if self._can(trouble)}
        return {trouble: weight for trouble, weight in able.items() if not self.only or trouble.__name__ in self.only}

    def _can(self, trouble: Trouble) -> bool:
        # moto keeps its data in memory: killed, it has none.
        return self.store != "moto" or trouble is not store_killed

    def _add(self, done: dict[str, Any], seconds: int) -> None:
        for name in SUMMED:
            if name in done:
                self.sums[name] = plus(self.sums.get(name), done[name])
        self.sums |= {"seed": self.seed, "store": self.store, "seconds": seconds, **self.began}
        save(self.sums, self.result)


def plus(before: Any, more: Any) -> Any:
    """Sums of numbers, lists and dictionaries of numbers."""
    if isinstance(more, dict):
        return dict(Counter(before or {}) + Counter(more))
    return more if before is None else before + more


def now() -> str:
    """The time, which tells a run from others."""
    return dt.datetime.now(dt.UTC).isoformat(timespec="microseconds")


# What is kept is read on other machines: a traceback names files below the package, the tests or a library.
FOLDERS = re.compile(r'File "[^"]*/(?:site-packages/|lib/python3\.\d+/|(?=(?:tests|pipelines)/))')


def save(run: dict[str, Any], result: Path = RESULT) -> None:
    """Add a run, or say more of it; others may save theirs at the same time."""
    run = {**run, "violations": [FOLDERS.sub('File "', violation) for violation in run.get("violations", ())]}
    with _locked(result.parent):
        every = [*(other for other in runs(result) if other["began"] != run["began"]), run]
        same = [other for other in every if other["code"] == run["code"]]
        content = {"kinds": kinds(same), "code": run["code"], "runs": every}
        result.write_text(json.dumps(content, indent=1) + "\n")


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    lock = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
    finally:
        os.close(lock)


def kinds(same: list[dict[str, Any]]) -> dict[str, dict[str, float]]:
    """Faults of each kind over runs of one code, those on moto, and the share that does harm, at most."""
    faults, second = Counter[str](), Counter[str]()
    for run in same:
        for name, count in run.get("faults", {}).items():
            kind = name.partition(":")[0]
            faults[kind] += count
            second[kind] += count if run["store"] == "moto" else 0
    table = {kind: _row(count, second[kind]) for kind, count in faults.most_common()}
    return table | {"all": _row(faults.total(), second.total())}


def _row(faults: int, second: int) -> dict[str, float]:
    bound = round(RULE_OF_THREE / faults, 5) if faults else 1.0
    return {"faults": faults, "on_moto": second, "bound": bound}


def runs(result: Path = RESULT) -> list[dict[str, Any]]:
    """All long runs so far."""
    return list(json.loads(result.read_text()).get("runs", ())) if result.exists() else []


def code() -> dict[str, str]:
    """The commit, and the package as it is in it: runs of one package are summed."""
    ask: Callable[..., str | None] = _git
    changed = "+changed" if ask(ROOT, "status", "--porcelain", "--", PACKAGE) else ""
    return {
        "commit": f"{ask(ROOT, 'rev-parse', 'HEAD')}{changed}",
        "code": f"{ask(ROOT, 'rev-parse', f'HEAD:{PACKAGE}')}{changed}",
    }
