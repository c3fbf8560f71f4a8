"""Probes of a store, with real requests, before anything is trusted to it.

Publishing rests on two promises that not every S3 keeps: of many writers that create one key
only one succeeds (``If-None-Match``), and of many that replace one version only one succeeds
(``If-Match``). A store that breaks either is refused. That copies keep the second is a help, not
a need. A probe that breaks hides no verdict of the others. Everything is written under a scratch
prefix of the lake and removed afterwards.
"""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from threading import Barrier
from typing import Literal

from nightshift.errors import LakeUnavailable
from nightshift.s3.scratch import ConditionUnknown, Scratch, scratch
from nightshift.s3.trust import untrusted
from nightshift.settings import Settings
from nightshift.stack.findings import DoctorResult
from nightshift.stack.host_checks import disk, packages, services

WRITERS = 16
ROUNDS = 20
AT_ONCE = 10
KEYS = 1_000
SET_BACK = "readers of the plain prefix may be set back for one run at most"


class BrokenPromise(Exception):
    """A probe saw what a store should not do."""


@dataclass(frozen=True)
class Probe:
    """One check of a store: ``run`` says what it saw, or raises ``BrokenPromise``."""

    check: str
    run: Callable[[Scratch], str]
    fatal: bool = False
    broken: Literal["warning", "failed"] = "failed"
    means: str = ""

    def examine(self, area: Scratch) -> DoctorResult:
        """What the probe says of the store; an error of the store is no verdict on it."""
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            return DoctorResult(self.check, "ok", self.run(area), self.fatal)
        except (BrokenPromise, ConditionUnknown) as error:
            seen = f"{error}: {self.means}" if self.means else str(error)
            return DoctorResult(self.check, self.broken, seen, self.fatal)
        except (BotoCoreError, ClientError) as error:
            return DoctorResult(self.check, "unknown", f"the store broke off: {error}", self.fatal)


def examine(settings: Settings) -> list[DoctorResult]:
    """Every check: the store, the services, the packages, the disk."""
    return [
        *store(settings),
        *services(settings),
        *packages(settings.project),
        disk(settings.home),
    ]


def require_trusted(findings: Sequence[DoctorResult]) -> None:
    """Raise ``StackError`` when a check failed, or broke, without which nothing may be published."""
    broken = [f"{finding.check}: {finding.seen}" for finding in findings if not finding.trusted]
    if broken:
        raise untrusted(broken)


def store(settings: Settings) -> list[DoctorResult]:
    """The probes of the lake's store. Raises ``LakeUnavailable`` when not one of them got an answer."""
    with scratch(settings) as area:
        findings = [probe.examine(area) for probe in PROBES]
    if all(finding.result == "unknown" for finding in findings):
        raise LakeUnavailable(
            f"the lake {settings.lake} at {settings.endpoint or 'AWS'} does not answer: {findings[0].seen}",
            fix="run `nightshift status`, then `nightshift up`",
        )
    return findings


def create_race(area: Scratch) -> str:
    """Many writers create one key: exactly one may succeed, and its bytes are what is read."""

    def contest(key: str) -> list[int]:
        return _compete(lambda writer: area.put(key, _body(writer), IfNoneMatch="*"))

    return _race(area, "create", contest)


def swap_race(area: Scratch) -> str:
    """Many writers replace one version of a key: exactly one may succeed."""

    def contest(key: str) -> list[int]:
        etag = area.put(key, b"first") or ""
        return _compete(lambda writer: area.put(key, _body(writer), IfMatch=etag))

    return _race(area, "swap", contest)


def copy_race(area: Scratch) -> str:
    """Many copies go over one version of a key: where the store looks at the condition, exactly one succeeds."""
    for writer in range(WRITERS):
        area.put(_source(writer), _body(writer))

    def contest(key: str) -> list[int]:
        etag = area.put(key, b"first") or ""
        return _compete(lambda writer: area.copy(_source(writer), key, IfMatch=etag))

    return _race(area, "copy", contest)


def _race(area: Scratch, folder: str, contest: Callable[[str], list[int]]) -> str:
    def wrong_winners(number: int) -> int | None:
        """How many won a round that had not exactly one winner whose bytes are read; None where it had."""
        key = f"{folder}/{number:03}"
        winners = contest(key)
        if len(winners) == 1 and area.get(key) == _body(winners[0]):
            return None
        return len(winners)

    # Rounds side by side: SeaweedFS makes writers that meet on one key wait for whole seconds.
    with ThreadPoolExecutor(AT_ONCE) as pool:
        counts = list(pool.map(wrong_winners, range(ROUNDS)))
    wrong = [count for count in counts if count is not None]
    if wrong:
        winners = ", ".join(str(count) for count in sorted(set(wrong)))
        raise BrokenPromise(f"{len(wrong)} of {ROUNDS} rounds had {winners} winners among {WRITERS} writers")
    return f"one winner of {WRITERS} writers in {ROUNDS} of {ROUNDS} rounds"


def _compete(write: Callable[[int], str | None]) -> list[int]:
    """Those who won, of writers that begin together."""
    gate = Barrier(WRITERS)

    def begin(writer: int) -> str | None:
        gate.wait(timeout=30)
        return write(writer)

    with ThreadPoolExecutor(WRITERS) as pool:
        etags = list(pool.map(begin, range(WRITERS)))
    return [writer for writer, etag in enumerate(etags) if etag is not None]


def _body(writer: int) -> bytes:
    return f"writer {writer}".encode()


def _source(writer: int) -> str:
    return f"sources/{writer}"


def listing(area: Scratch) -> str:
    """A listing right after the writes has every key once, in order."""
    expected = [f"list/{number:05}" for number in range(KEYS)]
    with ThreadPoolExecutor(WRITERS) as pool:
        list(pool.map(lambda key: area.put(key, b"x"), expected))
    listed = area.keys("list/")
    if listed == expected:
        return f"{KEYS:,} of {KEYS:,} keys, in order"
    missing = set(expected) - set(listed)
    raise BrokenPromise(f"{len(listed):,} keys listed of {KEYS:,}, {len(missing):,} missing")


def ranges(area: Scratch) -> str:
    """Parts of an object are the parts that were asked for."""
    body = bytes(range(256)) * 20_000
    area.put("range", body)
    expected = {
        "bytes=0-99": body[:100],
        "bytes=4194300-4194310": body[4_194_300:4_194_311],
        "bytes=-8": body[-8:],
    }
    wrong = [span for span, part in expected.items() if area.get("range", Range=span) != part]
    if wrong:
        raise BrokenPromise(f"wrong bytes for {', '.join(wrong)}")
    return f"{len(expected)} ranges of {len(body):,} bytes"


PROBES = (
    Probe("conditional create", create_race, fatal=True),
    Probe("conditional swap", swap_race, fatal=True),
    Probe("conditional copy", copy_race, broken="warning", means=SET_BACK),
    Probe("list after write", listing),
    Probe("range reads", ranges),
)
