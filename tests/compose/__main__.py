"""Run the drill, or some of its acts: ``tests/compose/run [--stand-ins] [ACT ...]``; what it found, a line each."""

import argparse
import datetime as dt
import sys
import time

from tests.compose.drill import Drill
from tests.compose.project import Failed, Project

ACTS = ("up", "loop", "kill", "restarts", "serve", "down", "backup", "upgrade", "own")
STAND_INS = {
    "COMPOSE_FILE": "docker-compose.yml:tests/compose/stand_ins.yml",
    "DOCKER_BUILDKIT": "0",
    "COMPOSE_DOCKER_CLI_BUILD": "0",
    "NIGHTSHIFT_BUILD_NETWORK": "host",
}


def main() -> int:
    """0 when every act went as it should."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("acts", nargs="*", choices=[[], *ACTS], help="which of them, in this order; all by default")
    parser.add_argument("--stand-ins", action="store_true", help="Postgres and Redis are Debian's, and start as root")
    chosen = parser.parse_args()
    env = {"COMPOSE_PROJECT_NAME": "nightshift", **(STAND_INS if chosen.stand_ins else {})}
    drill = Drill(Project(env=env), say)
    acts = chosen.acts or ACTS
    try:
        if acts[0] not in {"up", "upgrade"}:
            drill.access = drill.project.access()
        for act in acts:
            began = time.monotonic()
            getattr(drill, act)()
            say(f"{act}: went as it should, {time.monotonic() - began:.0f} s")
    except Failed as failure:
        say(f"FAILED: {failure}")
        return 1
    return 0


def say(line: str) -> None:
    """With the time of day, since the acts take long."""
    print(f"{dt.datetime.now(dt.UTC):%H:%M:%S} {line}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
