"""The stack as one object: up, down, status, env."""

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from nightshift.errors import StackError
from nightshift.stack import processes
from nightshift.stack.airflow_services import airflow_env
from nightshift.stack.environment import client_env, write_env
from nightshift.stack.keys import Keys, has_keys, load_keys
from nightshift.stack.launch import Event, Launch
from nightshift.stack.lock import locked
from nightshift.stack.plan import GROUPS, LISTENERS, PROCESSES, STOPPING, build, chosen
from nightshift.stack.ports import (
    DEFAULTS,
    Ports,
    remember_ports,
    remembered_ports,
    requested_ports,
    require_free,
)
from nightshift.stack.processes import Running
from nightshift.stack.service import Group, Service

__all__ = ["Event", "ServiceStatus", "Stack"]


@dataclass(frozen=True)
class ServiceStatus:
    """How one process of the stack is: ``up``, ``not answering``, ``dead`` or ``down``."""

    name: str
    group: str
    state: str
    pid: int | None = None
    started: float | None = None
    url: str = ""


class Stack:
    """All services of one home. Cheap to make; nothing is written before ``up``."""

    def __init__(self, home: Path, project: Path, ports: Ports | None = None) -> None:
        self.home = home.resolve()
        self.project = project.resolve()
        chosen_ports = ports or _ports(self.home)
        self.ports = chosen_ports.check()
        self.records = self.home / "run"

    @cached_property
    def keys(self) -> Keys:
        """The secrets of this home, made at first use."""
        return load_keys(self.home)

    def env(self) -> dict[str, str]:
        """What a client needs, as environment variables."""
        return client_env(self.home, self.project, self.ports, self.keys)

    def airflow_env(self) -> dict[str, str]:
        """The environment in which ``airflow ...`` works on this stack."""
        return airflow_env(
            self.home,
            self.project,
            self.ports,
            self.keys,
            client=self.env(),
        )

    @property
    def exists(self) -> bool:
        """Whether this home was ever started."""
        return has_keys(self.home)

    def up(
        self,
        only: Iterable[str] | None = None,
        on_event: Callable[[Event], None] = lambda _: None,
    ) -> bool:
        """Start what does not run yet and wait until all answers; False when nothing had to start."""
        names = chosen(only)
        with locked(self.home):
            self._require_same_ports()
            wanted = [self._group(name) for name in names]
            groups = [group for group in wanted if not self._answers(group)]
            for group in groups:
                self._clear(group)
            remember_ports(self.home, self.ports)
            write_env(self.home, self.env())
            launch = Launch(self.home, self._alive(), on_event)
            launch.run(groups)
            return bool(groups)

    def down(self, on_event: Callable[[Event], None] = lambda _: None) -> bool:
        """Stop everything, keep all data; False when nothing ran."""
        if not self.records.is_dir():
            return False
        with locked(self.home):
            stopped = [self._stop(wave, on_event) for wave in STOPPING]
        return any(stopped)

    def status(self) -> list[ServiceStatus]:
        """The state of every process, asked now."""
        if not self.exists:
            return [ServiceStatus(name, group, "down") for group in GROUPS for name in PROCESSES[group]]
        statuses = []
        for name in GROUPS:
            group = self._group(name)
            statuses += [self._status(service, name) for service in group.services]
        return statuses

    def healthy(self, only: Iterable[str] | None = None) -> bool:
        """Whether every process of the chosen groups is up."""
        names = chosen(only)
        wanted = [service for service in self.status() if service.group in names]
        return all(service.state == "up" for service in wanted)

    def _group(self, name: str) -> Group:
        return build(
            name,
            self.home,
            self.project,
            self.ports,
            self.keys,
            client=self.env(),
        )

    def _status(self, service: Service, group: str) -> ServiceStatus:
        running = processes.recall(self.records, service.name)
        if running is None:
            return ServiceStatus(service.name, group, "down", url=service.url)
        if running.leader is None:
            return ServiceStatus(service.name, group, "dead", url=service.url)
        return ServiceStatus(
            service.name,
            group,
            state="up" if service.ready(running) else "not answering",
            pid=running.pid,
            started=running.started,
            url=service.url,
        )

    def _answers(self, group: Group) -> bool:
        statuses = (self._status(service, group.name) for service in group.services)
        return all(status.state == "up" for status in statuses)

    def _recorded(self, names: Iterable[str]) -> dict[str, Running]:
        """What was started under these names and not forgotten, dead or alive."""
        recorded = {}
        for name in names:
            running = processes.recall(self.records, name)
            if running:
                recorded[name] = running
        return recorded

    def _alive(self) -> dict[str, Running]:
        names = [name for group in GROUPS for name in PROCESSES[group]]
        recorded = self._recorded(names)
        return {name: running for name, running in recorded.items() if running.leader}

    def _require_same_ports(self) -> None:
        before = Ports(**remembered_ports(self.home))
        if before != self.ports and self._alive():
            raise StackError(
                f"the stack already runs, on other ports: {before}",
                fix="run `nightshift down` first",
            )

    def _clear(self, group: Group) -> None:
        """Stop what a crash left behind, then see that the group's ports are free."""
        alive = self._alive()
        dead = [name for name in PROCESSES[group.name] if name not in alive]
        crashed = bool(self._recorded(dead))
        init_tasks = [task.name for task in group.init_tasks]
        self._stop([*dead, *init_tasks], lambda _: None)
        if LISTENERS[group.name] in dead:
            # The kernel closes the sockets of a killed process a moment after it is gone.
            require_free(group.name, self.ports, patience=3.0 if crashed else 0.0)

    def _stop(self, names: Iterable[str], on_event: Callable[[Event], None]) -> bool:
        recorded = self._recorded(names)
        alive = [name for name, running in recorded.items() if running.leader]
        began = time.time()
        processes.stop(recorded.values())
        for name in recorded:
            processes.forget(self.records, name)
        for name in alive:
            on_event(Event(name, "stopped", time.time() - began))
        return bool(alive)


def _ports(home: Path) -> Ports:
    ports = {
        **DEFAULTS,
        **remembered_ports(home),
        **requested_ports(),
    }
    return Ports(**ports)
