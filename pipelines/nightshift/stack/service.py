"""What one service of the stack is: data that the stack starts, watches and stops."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from nightshift.stack.processes import Running


@dataclass(frozen=True)
class Service:
    """One long-running process. ``ready`` is asked until it holds; ``after_ready`` then runs once."""

    name: str
    command: tuple[str, ...]
    env: Mapping[str, str]
    cwd: Path
    ready: Callable[[Running], bool]
    after_ready: Callable[[], None] = lambda: None
    url: str = ""
    patience: float = 240.0  # a busy machine is slow; a death is seen at once


@dataclass(frozen=True)
class InitTask:
    """A command that must end well before a group's services start, and need not run again."""

    name: str
    command: tuple[str, ...]
    env: Mapping[str, str]
    cwd: Path
    done: Callable[[], bool]
    finish: Callable[[], None]


@dataclass(frozen=True)
class Group:
    """Services that people know by one name."""

    name: str
    services: tuple[Service, ...]
    prepare: Callable[[], None] = lambda: None
    init_tasks: tuple[InitTask, ...] = ()
