"""The containers of a project, by the commands that people use."""

import os
import subprocess
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).parents[2]
HEALTHY_S = 900


class Failed(Exception):
    """What did not go as it should, in a line."""


@dataclass
class Project:
    """One Compose project in ``folder``; ``env`` is said to every command."""

    folder: Path = ROOT
    env: Mapping[str, str] = field(default_factory=dict)

    def run(self, *words: str, check: bool = True, stdin: bytes | None = None, **env: str) -> str:
        """What a command prints. Raises ``Failed`` with the end of what it said."""
        done = subprocess.run(
            words, cwd=self.folder, env={**os.environ, **self.env, **env}, input=stdin, capture_output=True, check=False
        )
        if check and done.returncode:
            said = (done.stdout + done.stderr).decode(errors="replace")
            raise Failed(f"{' '.join(words)} ended with {done.returncode}:\n{said[-3000:]}")
        return done.stdout.decode(errors="replace")

    def compose(self, *words: str, check: bool = True) -> str:
        """A command of Compose, whichever is here."""
        script = '. docker/compose.sh; compose "$@"'
        return self.run("sh", "-c", script, "sh", *words, check=check)

    def make(self, *words: str, **env: str) -> str:
        """A verb of the Makefile, as a user says it."""
        return self.run("make", "--no-print-directory", *words, **env)

    def access(self) -> dict[str, str]:
        """What a client on this host needs, as ``show`` says it."""
        script = "docker/with-access env -0"
        printed = self.run("sh", "-c", script)
        pairs = [line.partition("=") for line in printed.split("\0") if "=" in line]
        return {name: value for name, _, value in pairs}

    def containers(self, service: str) -> list[str]:
        """The ids of a service's containers."""
        return self.compose("ps", "-q", service).split()

    def wait_healthy(self, service: str) -> None:
        """Until each container of a service answers. Raises ``Failed``."""
        wait_for(
            lambda: all(self.health(container) == "healthy" for container in self.containers(service)),
            HEALTHY_S, f"{service} to be healthy",
        )  # fmt: skip

    def health(self, container: str) -> str:
        """``healthy``, ``starting`` or ``unhealthy``."""
        return self.run("docker", "inspect", "--format", "{{.State.Health.Status}}", container).strip()


def wait_for(is_so: Callable[[], bool], seconds: float, what: str, every: float = 1.0) -> float:
    """Until it is so; how many seconds that took. Raises ``Failed``."""
    began = time.monotonic()
    while not is_so():
        if time.monotonic() - began > seconds:
            raise Failed(f"waited {seconds:.0f} s for {what}")
        time.sleep(every)
    return time.monotonic() - began
