"""Readers of a lane: one by the manifest, one of the plain prefix, polling all the time. None sees a night go back."""

from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from typing import Any

import pyarrow as pa

from nightshift.contracts import Dataset
from nightshift.settings import Settings
from tests.faults.chain import PARTITIONS, Made, judged
from tests.faults.readers import KINDS, Tally, look
from tests.faults.worker import CONTEXT
from tests.faults.world import Wrong

WATCHING = ("manifest", "arrow")
PAUSE = 1.0


@dataclass
class NeverBack:
    """Judges what a reader gets; ``may_go_back`` where the store lets a late copy set the plain prefix back."""

    may_go_back: bool
    set_back: int = 0
    _seen: dict[str, Made] = field(default_factory=dict)

    def version(self, partition: str, table: pa.Table) -> str:
        """What the rows were made of. Raises ``Wrong``."""
        made = judged(Dataset.PREDICTIONS, partition, table)
        is_back = made.is_older_than(self._seen.get(partition, made))
        self._seen[partition] = made
        if is_back and not self.may_go_back:
            raise Wrong(f"{partition}: a reader was set back to {made}")
        self.set_back += is_back
        return str(made)


class Watchers:
    """A process for each."""

    def __init__(self, settings: Settings, *, conditional_copies: bool) -> None:
        self._running: list[tuple[Any, Connection]] = []
        for kind in WATCHING:
            mine, theirs = CONTEXT.Pipe()
            may_go_back = kind == "arrow" and not conditional_copies
            process = CONTEXT.Process(target=watch, args=(kind, settings, may_go_back, theirs), daemon=True)
            process.start()
            theirs.close()
            self._running.append((process, mine))

    def stop(self) -> list[tuple[Tally, int]]:
        """What each saw, and how often it was set back."""
        results = []
        for process, link in self._running:
            link.send("stop")
            results.append(link.recv())
            process.join(10)
            process.kill()
            link.close()
        self._running = []
        return results


def watch(kind: str, settings: Settings, may_go_back: bool, link: Connection) -> None:
    """Read night after night until told to stop."""
    tally, judge, seen = Tally(kind), NeverBack(may_go_back), dict[str, str]()
    read = KINDS[kind](settings)
    while not link.poll(PAUSE):
        for partition in PARTITIONS:
            look(read, partition, judge, seen, tally)
    link.send((tally, judge.set_back))
    link.close()
