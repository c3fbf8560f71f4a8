"""What Compose promises, tried: each act on the project that the act before left.

up        two workers, from nothing
loop      `make demo STACK=compose`
kill      a worker killed while it scores a night: published once, whole
restarts  Redis, Postgres and S3 restarted under running nights
serve     two servers by day behind nginx: a night's rows have its bits, one ended and one killed under callers
down      down and up: everything is still there
backup    one file, into empty volumes
upgrade   volumes of an older image under this one
own       a night on an S3 and a Postgres that are elsewhere: the profile `aws`
"""

import shutil
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from tests.compose.by_day import Callers, ask_all, calling, is_ready, rows_of
from tests.compose.elsewhere import elsewhere
from tests.compose.lake import MODEL, Seen, flights_of, look
from tests.compose.nights import Nights, after
from tests.compose.project import ROOT, Failed, Project, wait_for

RESTARTED = ("redis", "postgres", "s3")
KILL_WITHIN_S = 900
BEFORE = "64411b3"
"""The last commit whose tasks ran in the scheduler's container."""
FIRST = "2013-04-01"
HISTORY = "2013-01-01"
OWN = "nightshift-own"
"""The project whose stores are elsewhere."""
GONE_S = 5
"""For how long a server by day is away, and how long callers go on after it."""


@dataclass
class Drill:
    """The acts, on one project; ``say`` is given each finding as a line."""

    project: Project
    say: Callable[[str], None]
    access: dict[str, str] = field(default_factory=dict)
    last: str = FIRST

    def up(self) -> None:
        """From nothing to two workers that are healthy."""
        self.project.compose("--profile", "keep", "--profile", "monitoring", "--profile", "local", "down", "--volumes")
        self._up("from nothing, images there")

    def loop(self) -> None:
        """The demo of the README."""
        began = time.monotonic()
        printed = self.project.make("demo", STACK="compose")
        self.say(f"loop: {time.monotonic() - began:.0f} s; {printed.strip().splitlines()[-1]}")
        self._look("loop")

    def kill(self) -> None:
        """`docker kill` of a worker in the middle of a night."""
        nights = Nights(self.access)
        night = self._next()
        nights.start(night, "kill")
        wait_for(lambda: bool(nights.running(night)), KILL_WITHIN_S, f"a task of {MODEL}.predict to run", every=0.1)
        running = nights.running(night)
        if not running:
            raise Failed("the task was over before its worker was killed: run this act again")
        task, worker = running[0]["task_id"], running[0]["hostname"]
        self.project.run("docker", "kill", worker)
        self.say(f"kill: {worker} was killed while it ran {MODEL}.predict {task} of {night}")
        seconds = nights.wait(night)
        tries = [f"{each['task_id']} {each['try_number']}" for each in nights.tries(night)]
        self.say(f"kill: published {seconds:.0f} s later by the other worker; tries: {', '.join(tries)}")
        self.project.run("docker", "start", worker)
        self.project.wait_healthy("worker")
        self._look("kill")

    def restarts(self) -> None:
        """Each server away for some seconds while a night is on its way."""
        for service in RESTARTED:
            self._restart(service)
        self._look("restarts")

    def _restart(self, service: str) -> None:
        before = Nights(self.access)
        night = self._next()
        before.start(night, service)
        wait_for(lambda: before.state(night, "ingest") == "running", 300, "the night to begin", 0.2)
        self.project.compose("restart", service)
        self.project.wait_healthy(service)
        wait_for(lambda: _answers(self.access), 300, "Airflow to answer again")
        nights = Nights(self.access)
        seconds = nights.wait(night)
        errors = nights.errors(night)
        self.say(f"restarts: {service}: {night} was published {seconds:.0f} s later; {_counted(errors)}")

    def serve(self) -> None:
        """The profile of its name: every row of the last night, then callers while servers go."""
        self.project.make("compose-up", WORKERS="2", PROFILES="local,serve")
        self.project.compose("up", "-d", "--no-recreate", "--scale", "serve=2", "--scale", "worker=2", "serve")
        self.project.wait_healthy("serve")
        wait_for(is_ready, 120, "a server by day to be ready")
        night = max(look(self.access).digests)
        rows = rows_of(night, self.access)
        callers = Callers()
        ask_all(rows, callers)
        self._tell_callers(f"each row of {night} by itself", callers)
        if not callers.same_bits:
            raise Failed(f"serve: no answer was by the version that scored {night}")
        for verb, gone in zip(("stop", "kill"), self.project.containers("serve"), strict=True):
            callers = Callers()
            with calling(rows, callers):
                self.project.run("docker", verb, gone)
                time.sleep(GONE_S)
                self.project.run("docker", "start", gone)
                self.project.wait_healthy("serve")
                time.sleep(GONE_S)
            self._tell_callers(f"docker {verb} of one of two servers", callers)
        self.project.compose("rm", "--stop", "--force", "serve", "serve-proxy")
        self._up("without servers by day", PROFILES="local")

    def _tell_callers(self, what: str, callers: Callers) -> None:
        self.say(
            f"serve: {what}: {callers.answered:,} answers, {callers.same_bits:,} with the night's bits,"
            f" {callers.other_version:,} by another version, {len(callers.faults)} failed"
        )
        if callers.faults:
            raise Failed(f"serve: {what}: {callers.faults[0]}")

    def down(self) -> None:
        """`docker compose down`, and up again."""
        before = look(self.access)
        self.project.compose("down")
        self._up("with all state")
        self._require_same(before, "down and up")
        self._one_more("down")

    def backup(self) -> None:
        """One file; then nothing; then all of it again."""
        before = look(self.access)
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "nightshift.tar"
            began = time.monotonic()
            self.project.make("backup", TO=str(file))
            self.say(f"backup: {file.stat().st_size / 2**20:,.0f} MiB in {time.monotonic() - began:.0f} s")
            self.project.compose("down", "--volumes")
            began = time.monotonic()
            self.project.make("restore", FROM=str(file))
            self.say(f"backup: restored into empty volumes in {time.monotonic() - began:.0f} s")
            refused = self.project.run("docker/restore", check=False, FROM=str(file))
            assert "all state is back" not in refused
        self._up("from the backup")
        self._require_same(before, "backup and restore")
        self._one_more("backup")

    def upgrade(self) -> None:
        """The image of a commit of before, a champion and a night; then this one over the same volumes."""
        self.project.compose("down", "--volumes")
        with tempfile.TemporaryDirectory() as folder:
            old = Project(Path(folder), {**self.project.env, "COMPOSE_PROFILES": ""})
            self._unpack(old)
            old.compose("up", "-d")
            wait_for(lambda: old.health(old.containers("scheduler")[0]) == "healthy", 900, f"{BEFORE} to be up")
            for verb in self._first_night():
                old.compose("exec", "-T", "scheduler", "with-secrets", "nightshift", *verb)
            self.access = old.access()
            before = look(self.access)
            self.say(f"upgrade: {BEFORE}: {before}")
            old.compose("down")
        self._up(f"over the volumes of {BEFORE}")
        self._require_same(before, "upgrade")
        self.last = FIRST
        self._one_more("upgrade")

    def own(self) -> None:
        """A project without stores of its own, whose `.env` and `own.env` are as docs/compose.md has them."""
        self.project.compose("down")
        with tempfile.TemporaryDirectory() as folder, elsewhere(self.project, Path(folder)) as stores:
            own = Project(env={**self.project.env, **stores.env, "COMPOSE_PROJECT_NAME": OWN})
            # Where it fails its containers stay, with their logs.
            began = time.monotonic()
            own.make("compose-up", WORKERS="1", PROFILES="aws")
            self.say(f"own: up without stores of its own: {time.monotonic() - began:.0f} s")
            for verb in (("doctor",), *self._first_night()):
                own.compose("exec", "-T", "worker", "with-secrets", "nightshift", *verb)
            self._look("own", stores.reader)
            own.compose("down", "--volumes")
        self._up("with stores of its own again", PROFILES="local")

    @staticmethod
    def _first_night() -> tuple[tuple[str, ...], ...]:
        """From nothing to a published night, by verbs."""
        return (("load", MODEL, HISTORY, FIRST), ("train", MODEL, FIRST), ("predict", MODEL, FIRST))

    def _unpack(self, old: Project) -> None:
        archive = self.project.run("git", "archive", "--format=tar", f"--output={old.folder}/it.tar", BEFORE)
        assert not archive
        old.run("tar", "-xf", "it.tar")
        for name in ("compose.sh", "with-access"):
            shutil.copy(ROOT / "docker" / name, old.folder / "docker" / name)
        stand_ins = old.folder / "tests" / "compose"
        stand_ins.mkdir(parents=True)
        text = (ROOT / "tests" / "compose" / "stand_ins.yml").read_text()
        kept = [line for line in text.splitlines() if not line.lstrip().startswith("redis:")]
        (stand_ins / "stand_ins.yml").write_text("\n".join(kept) + "\n")
        file = old.folder / "docker-compose.yml"
        file.write_text(file.read_text().replace("image: nightshift\n", "image: nightshift-before\n"))
        if not self.project.run("docker", "images", "-q", "nightshift-before"):
            network = self.project.env.get("NIGHTSHIFT_BUILD_NETWORK", "default")
            old.run("docker", "build", "--network", network, "-t", "nightshift-before", ".")

    def _up(self, how: str, **env: str) -> None:
        began = time.monotonic()
        printed = self.project.make("compose-up", WORKERS="2", **env)
        self.say(f"up {how}: {time.monotonic() - began:.0f} s")
        assert "Airflow  http://" in printed
        self.access = self.project.access()

    def _next(self) -> str:
        self.last = after(max(look(self.access).digests))
        return self.last

    def _one_more(self, act: str) -> None:
        night = self._next()
        nights = Nights(self.access)
        nights.start(night, act)
        seconds = nights.wait(night)
        self.say(f"{act}: the night after, {night}, was published in {seconds:.0f} s")
        self._look(act)

    def _look(self, act: str, access: Mapping[str, str] | None = None) -> Seen:
        seen = look(access or self.access)
        self.say(f"{act}: {seen}")
        if not seen.is_whole:
            raise Failed(f"{act}: a reader sees rows twice, or empty cells")
        flights = flights_of(seen.digests)
        if seen.rows != flights:
            raise Failed(f"{act}: a reader sees {seen.rows:,} rows of {flights:,} flights")
        return seen

    def _require_same(self, before: Seen, act: str) -> None:
        now = look(self.access)
        if now != before:
            raise Failed(f"{act}: readers saw {before}, and see {now}")
        self.say(f"{act}: every row of {len(now.digests)} nights is the same")


def _answers(access: dict[str, str]) -> bool:
    from nightshift.errors import StackError

    try:
        Nights(access)
    except StackError:
        return False
    return True


def _counted(errors: list[str]) -> str:
    if not errors:
        return "no task logged an error"
    return "the logs say: " + " | ".join(error.splitlines()[0][:160] for error in errors)
