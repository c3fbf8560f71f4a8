"""Starting the groups side by side, and taking back what was started when one fails."""

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path

from nightshift.errors import ServiceDied
from nightshift.stack import processes
from nightshift.stack.files import tail
from nightshift.stack.processes import Running
from nightshift.stack.service import Group, InitTask, Service

PAUSE = 0.25


@dataclass(frozen=True)
class Event:
    """Something to show: ``state`` is starting, ready, failed or stopped."""

    service: str
    state: str
    seconds: float = 0.0


class Cancelled(Exception):
    """Another group failed first."""


class Launch:
    """One ``up``: knows what it started, and can take exactly that back."""

    def __init__(self, home: Path, alive: Mapping[str, Running], on_event: Callable[[Event], None]) -> None:
        self.logs = home / "logs"
        self.records = home / "run"
        self.alive = alive
        self.on_event = on_event
        self.began = time.time()
        self.started: dict[str, Running] = {}
        self._log_starts: dict[str, int] = {}
        self._stopping = threading.Event()

    def run(self, groups: Sequence[Group]) -> None:
        """Start all groups; on the first failure stop what this launch had started."""
        pool = ThreadPoolExecutor(max_workers=max(len(groups), 1))
        try:
            futures = [pool.submit(self._start, group) for group in groups]
            for future in as_completed(futures):
                future.result()
        except BaseException:
            self._stopping.set()
            pool.shutdown(wait=True)
            self.take_back()
            raise
        pool.shutdown(wait=True)

    def take_back(self) -> None:
        """Stop what this launch started."""
        processes.stop(self.started.values())
        for name in self.started:
            processes.forget(self.records, name)

    def _start(self, group: Group) -> None:
        group.prepare()
        for task in group.init_tasks:
            self._run_init_task(task)
        waiting = [(service, self._running(service)) for service in group.services]
        while True:
            waiting = [(service, running) for service, running in waiting if not self._is_ready(service, running)]
            if not waiting:
                return
            self._pause()

    def _running(self, service: Service) -> Running:
        alive = self.alive.get(service.name)
        return alive or self._spawn(service)

    def _spawn(self, service: Service | InitTask) -> Running:
        if self._stopping.is_set():
            raise Cancelled
        self.on_event(Event(service.name, "starting"))
        log = self.logs / f"{service.name}.log"
        self._log_starts[service.name] = _turn_over(log)
        running = processes.spawn(
            service.command,
            env=service.env,
            cwd=service.cwd,
            log=log,
        )
        self.started[service.name] = running
        processes.record(self.records, service.name, running)
        return running

    def _is_ready(self, service: Service, running: Running) -> bool:
        if running.leader is None:
            raise self._died(service.name, f"ended while starting{_code(running)}")
        if service.ready(running):
            service.after_ready()
            self.on_event(Event(service.name, "ready", self._waited(running)))
            return True
        if self._waited(running) > service.patience:
            raise self._died(service.name, f"did not answer within {service.patience:.0f} s")
        return False

    def _run_init_task(self, task: InitTask) -> None:
        if task.done():
            return
        running = self._spawn(task)
        while running.leader is not None:
            self._pause()
        if running.exit_code != 0:
            raise self._died(task.name, f"failed{_code(running)}")
        processes.forget(self.records, task.name)
        del self.started[task.name]
        task.finish()
        self.on_event(Event(task.name, "ready", self._waited(running)))

    def _waited(self, running: Running) -> float:
        waits_since = max(running.started, self.began)
        return time.time() - waits_since

    def _pause(self) -> None:
        if self._stopping.wait(PAUSE):
            raise Cancelled

    def _died(self, name: str, how: str) -> ServiceDied:
        self.on_event(Event(name, "failed"))
        log = self.logs / f"{name}.log"
        last_lines = tail(log, start=self._log_starts[name])
        return ServiceDied(
            f"{name} {how}; its log ends with\n{last_lines}",
            fix=f"read {log}, then `nightshift up`",
        )


def _code(running: Running) -> str:
    if running.exit_code is None:
        return ""
    return f" (exit code {running.exit_code})"


def _turn_over(log: Path, limit: int = 20_000_000) -> int:
    """Rename a big log; where the new lines will begin."""
    size = log.stat().st_size if log.exists() else 0
    if size <= limit:
        return size
    log.replace(log.with_name(f"{log.name}.1"))
    return 0
