"""What workers do in the tests of engines: modules that they import, as the real work is one."""

import os
import signal
from pathlib import Path

from nightshift.contracts import ShardResult
from nightshift.errors import NightshiftError
from nightshift.steps._engine import ShardCall, score_there

KILLED = "NIGHTSHIFT_TEST_KILLED"
"""A folder in which a worker that is about to die leaves a file for each shard."""


def die_at_the_first_try(call: ShardCall) -> ShardResult | NightshiftError:
    """The worker is killed while it scores; whoever tries again, scores."""
    (shard,) = call.part.shards
    mark = Path(os.environ[KILLED]) / str(shard.index)
    if not mark.exists():
        mark.write_text(str(os.getpid()))
        os.kill(os.getpid(), signal.SIGKILL)
    return score_there(call)


def always_die(_: ShardCall) -> ShardResult:
    """Whoever tries."""
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError


def process_of(_: ShardCall) -> tuple[int, str]:
    """Which process it is, and how many cores it was told that it has."""
    return os.getpid(), os.environ.get("NIGHTSHIFT_CORES", "")


def die_after_scoring(call: ShardCall) -> ShardResult | NightshiftError:
    """The shard is finished, and its worker dies before it can say so; the next finds it."""
    result = score_there(call)
    (shard,) = call.part.shards
    mark = Path(os.environ[KILLED]) / f"after-{shard.index}"
    if not mark.exists():
        mark.write_text("")
        os.kill(os.getpid(), signal.SIGKILL)
    return result
