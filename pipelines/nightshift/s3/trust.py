"""Whether a store keeps the two promises that a commit rests on: tried once per process, before its first commit.

Of many writers that create one key only one may succeed (``If-None-Match``), and of many that replace one version
only one (``If-Match``). ``nightshift doctor`` tries the same for longer, and more. Here a request is begun, another
is made from beginning to end, then the first one is ended: a store that looks at the condition before it has the
whole body, as careless ones do, lets both win, every time and at once. A race of many writers finds it by luck, and
SeaweedFS lets each of them wait for a second.
"""

from collections.abc import Callable, Iterable
from threading import Lock

from nightshift.errors import LakeUnavailable, StackError, UsageError
from nightshift.s3.client import DENIED
from nightshift.s3.scratch import ConditionUnknown, Scratch, scratch
from nightshift.settings import Settings

BODIES = (b"slow writer", b"quick writer", b"late writer")
_verdicts: dict[tuple[str | None, str], list[str]] = {}
_one_at_a_time = Lock()


def require(settings: Settings) -> None:
    """Let nothing be committed to a store that breaks a promise; once tried, the verdict stays.

    Raises ``StackError``, or ``LakeUnavailable`` where there is no verdict.
    """
    bucket, _, _ = settings.lake.removeprefix("s3://").partition("/")
    place = (settings.endpoint, bucket)
    with _one_at_a_time:
        if place not in _verdicts:
            _verdicts[place] = breaches(settings)
    if _verdicts[place]:
        raise untrusted(_verdicts[place])


def untrusted(breaches: Iterable[str]) -> StackError:
    """The one clear error of a store to which nothing is published."""
    reasons = "; ".join(breaches)
    return StackError(
        f"this store cannot be trusted with a commit: {reasons}",
        fix="use another S3 (SeaweedFS 4.48 and AWS S3 pass), then run `nightshift doctor`",
    )


def breaches(settings: Settings) -> list[str]:
    """The broken promises of the lake's store, in words; mostly none. Raises ``LakeUnavailable``."""
    from botocore.exceptions import BotoCoreError, ClientError

    where = f"{settings.lake} at {settings.endpoint or 'AWS'}"
    try:
        with scratch(settings) as area:
            return [seen for probe in PROBES if (seen := probe(area))]
    except ClientError as error:
        code = str(error.response["Error"]["Code"])
        if code in DENIED:
            raise UsageError(
                f"S3 refused these keys when {where} was tried before a commit ({code})",
                fix="let them write, copy, list and delete under the whole prefix of the lake",
            ) from error
        raise _no_verdict(where, f"S3 answered {code}") from error
    except BotoCoreError as error:
        raise _no_verdict(where, str(error)) from error


def creates_once(area: Scratch) -> str | None:
    """What breaks the promise that a key is created once; None when it is kept."""
    return _one_winner(area, "conditional create", {"IfNoneMatch": "*"})


def swaps_once(area: Scratch) -> str | None:
    """What breaks the promise that a version is replaced once; None when it is kept."""
    etag = area.put("conditional swap", b"first")
    return _one_winner(area, "conditional swap", {"IfMatch": etag or ""})


def _one_winner(area: Scratch, promise: str, condition: dict[str, str]) -> str | None:
    try:
        winners = _compete(area, promise, condition)
    except ConditionUnknown as error:
        return f"{promise}: {error}"
    if not winners:
        raise LakeUnavailable(f"S3 refused all {len(BODIES)} writers of a {promise}", fix="nightshift doctor")
    if len(winners) > 1:
        return f"{promise}: {len(winners)} of {len(BODIES)} writers won"
    if area.get(promise) != winners[0]:
        return f"{promise}: the bytes of a writer that had lost are read"
    return None


def _compete(area: Scratch, key: str, condition: dict[str, str]) -> list[bytes]:
    """The bodies of those who won: of a slow writer, of one within its request, and of one after both."""
    slow, quick, late = BODIES
    etags: dict[bytes, str | None] = {}

    def write(body: bytes) -> None:
        etags[body] = area.put(key, body, **condition)

    etags[slow] = area.put_around(key, slow, lambda: write(quick), **condition)
    write(late)
    return [body for body, etag in etags.items() if etag is not None]


def _no_verdict(where: str, reason: str) -> LakeUnavailable:
    return LakeUnavailable(f"{where} could not be tried before a commit: {reason}", fix="nightshift status")


PROBES: tuple[Callable[[Scratch], str | None], ...] = (creates_once, swaps_once)
