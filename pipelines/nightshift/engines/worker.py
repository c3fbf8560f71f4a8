"""A worker that somebody else's scheduler starts: ``python -m nightshift.engines.worker`` makes one call of a launch.

Which launch stands in its environment, and its place in the array in that of AWS Batch. What to do it reads from the
lake of its own settings; of secrets its environment has what it needs for that and nothing of the launch.
"""

import os
import sys
from collections.abc import Mapping

from nightshift.engines.calls import LaunchedCalls, made
from nightshift.errors import NightshiftError, Unavailable, UnsealedRecord, UsageError
from nightshift.settings import Settings, export_env, settings
from nightshift.stores import Stores, layout
from nightshift.stores.lake import Lake
from nightshift.stores.seals import Seals

LAUNCH = "NIGHTSHIFT_LAUNCH"
"""The digest of the launch that a worker is for."""
JOB = "AWS_BATCH_JOB_ID"
INDEX = "AWS_BATCH_JOB_ARRAY_INDEX"
TRY_AGAIN = 1
MISTAKE = 2
"""How a worker ends that another try of it cannot help."""


def main() -> int:
    """Make the call that the environment names; an error of ours is one message, and the exit says whether to retry."""
    try:
        place = settings()
        export_env(place)
        work_off(os.environ, place)
    except NightshiftError as error:
        print(f"error: {error}", file=sys.stderr)
        return TRY_AGAIN if isinstance(error, Unavailable) else MISTAKE
    return 0


def work_off(environment: Mapping[str, str], place: Settings) -> None:
    """Read the call, make it, and write what came of it. Raises ``UsageError``, ``UnsealedRecord``, ``Unavailable``."""
    digest = _told(environment, LAUNCH)
    # A child of an array is called after it: JOB:INDEX.
    job, _, _ = _told(environment, JOB).partition(":")
    index = int(environment.get(INDEX, "0"))
    lake = Stores(place).lake
    seals = Seals.of(place)
    outcome = made(_calls(digest, lake, seals), index)
    key = layout.call_outcome(digest, job, index)
    lake.objects.put_record(key, outcome.under_seal(seals, key))


def _calls(digest: str, lake: Lake, seals: Seals) -> LaunchedCalls:
    key = layout.launched_calls(digest)
    calls = lake.objects.get_record(key, LaunchedCalls)
    if calls is None:
        raise UsageError(
            f"the lake {lake.objects.uri} has no launch {digest}: another lake, or who launched it has ended",
            fix="give driver and workers the same settings",
        )
    if not calls.is_believed(seals, key):
        raise UnsealedRecord(
            f"nobody with the key of this worker wrote the launch {digest}",
            fix="give driver and workers the same NIGHTSHIFT_SEAL_KEY",
        )
    return calls


def _told(environment: Mapping[str, str], name: str) -> str:
    value = environment.get(name, "")
    if not value:
        raise UsageError(f"a worker is started by AWS Batch, and {name} is not set", fix="nightshift predict --engine")
    return value


if __name__ == "__main__":
    sys.exit(main())
