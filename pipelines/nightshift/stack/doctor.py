"""Probes of a store, with real requests, before anything is trusted to it.

Publishing rests on two promises that not every S3 keeps: of many writers that create one key
only one succeeds (``If-None-Match``), and of many that replace one version only one succeeds
(``If-Match``). A store that breaks either is refused. Everything is written under a scratch
prefix of the lake and removed afterwards.
"""

import uuid
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Barrier
from typing import Any

from nightshift.errors import LakeUnavailable, StackError
from nightshift.settings import Settings
from nightshift.stack.findings import DoctorResult
from nightshift.stack.host_checks import disk, packages, services

WRITERS = 16
ROUNDS = 20
AT_ONCE = 10
KEYS = 1_000
PAGE = 1_000  # S3 deletes so many objects in one request


@dataclass(frozen=True)
class Scratch:
    """A prefix of a bucket in which the probes may do what they want."""

    client: Any
    bucket: str
    prefix: str

    def put(self, key: str, body: bytes, **conditions: str) -> str | None:
        """PUT; its ETag, or None when the store says that the condition does not hold."""
        from botocore.exceptions import ClientError

        try:
            response = self.client.put_object(
                Bucket=self.bucket,
                Key=self.prefix + key,
                Body=body,
                **conditions,
            )
        except ClientError as error:
            status = error.response["ResponseMetadata"]["HTTPStatusCode"]
            if status in {409, 412}:
                return None
            raise
        return str(response["ETag"])

    def get(self, key: str, **options: str) -> bytes:
        """GET, whole or a range."""
        response = self.client.get_object(
            Bucket=self.bucket,
            Key=self.prefix + key,
            **options,
        )
        with response["Body"] as body:
            return bytes(body.read())

    def keys(self, under: str = "") -> list[str]:
        """All keys in listing order, without the directory markers that some stores add."""
        paginator = self.client.get_paginator("list_objects_v2")
        keys = []
        for page in paginator.paginate(Bucket=self.bucket, Prefix=self.prefix + under):
            for item in page.get("Contents", []):
                key = item["Key"].removeprefix(self.prefix)
                if not key.endswith("/"):
                    keys.append(key)
        return keys

    def clear(self) -> None:
        """Remove everything under the prefix."""
        objects = [{"Key": self.prefix + key} for key in self.keys()]
        for start in range(0, len(objects), PAGE):
            page = objects[start : start + PAGE]
            self.client.delete_objects(Bucket=self.bucket, Delete={"Objects": page})


def examine(settings: Settings) -> list[DoctorResult]:
    """Every check: the store, the services, the packages, the disk."""
    return [
        *store(settings),
        *services(settings),
        *packages(settings.project),
        disk(settings.home),
    ]


def require_trusted(findings: Sequence[DoctorResult]) -> None:
    """Raise ``StackError`` when a check failed without which nothing may be published."""
    broken = [finding for finding in findings if finding.fatal and finding.result == "failed"]
    if broken:
        reasons = "; ".join(f"{finding.check}: {finding.seen}" for finding in broken)
        raise StackError(
            f"this store cannot be trusted with a commit: {reasons}",
            fix="use another S3 (SeaweedFS 4.48 and AWS S3 pass), then run `nightshift doctor` again",
        )


def store(settings: Settings) -> list[DoctorResult]:
    """The probes of the lake's store."""
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        with scratch(settings) as area:
            return [probe(area) for probe in PROBES]
    except (BotoCoreError, ClientError) as error:
        raise LakeUnavailable(
            f"the lake {settings.lake} at {settings.endpoint or 'AWS'} does not answer: {error}",
            fix="run `nightshift status`, then `nightshift up`",
        ) from error


@contextmanager
def scratch(settings: Settings) -> Iterator[Scratch]:
    """A fresh prefix in the lake, gone afterwards."""
    client = _client(settings)
    bucket, _, root = settings.lake.removeprefix("s3://").partition("/")
    prefix = f"{root.rstrip('/')}/_doctor/{uuid.uuid4().hex}/"
    area = Scratch(client, bucket, prefix.lstrip("/"))
    try:
        yield area
    finally:
        area.clear()
        client.close()


def _client(settings: Settings) -> Any:
    import boto3
    from botocore.config import Config

    config = Config(
        # Without retries: a second try by the SDK would meet the object of the first.
        retries={"total_max_attempts": 1},
        max_pool_connections=AT_ONCE * WRITERS,
        connect_timeout=5,
    )
    secret_key = settings.secret_key
    return boto3.client(
        "s3",
        endpoint_url=settings.endpoint,
        region_name=settings.region,
        aws_access_key_id=settings.access_key,
        aws_secret_access_key=secret_key.get_secret_value() if secret_key else None,
        config=config,
    )


def create_race(area: Scratch, *, rounds: int = ROUNDS) -> DoctorResult:
    """Many writers create one key: exactly one may succeed, and its bytes are what is read."""

    def conditions(_: str) -> dict[str, str]:
        return {"IfNoneMatch": "*"}

    return _race("If-None-Match create", area, rounds, conditions)


def swap_race(area: Scratch, *, rounds: int = ROUNDS) -> DoctorResult:
    """Many writers replace one version of a key: exactly one may succeed."""

    def conditions(key: str) -> dict[str, str]:
        etag = area.put(key, b"first")
        return {"IfMatch": etag or ""}

    return _race("If-Match swap", area, rounds, conditions)


def _race(
    check: str,
    area: Scratch,
    rounds: int,
    conditions: Callable[[str], dict[str, str]],
) -> DoctorResult:
    folder = check.split()[0]

    def wrong_winners(number: int) -> int | None:
        """How many won a round that had not exactly one winner whose bytes are read; None where it had."""
        key = f"{folder}/{number:03}"
        winners = _compete(area, key, conditions(key))
        if len(winners) == 1 and area.get(key) == _body(winners[0]):
            return None
        return len(winners)

    # Rounds side by side: SeaweedFS makes writers that meet on one key wait for whole seconds.
    with ThreadPoolExecutor(AT_ONCE) as pool:
        counts = list(pool.map(wrong_winners, range(rounds)))
    wrong = [count for count in counts if count is not None]
    if wrong:
        seen = f"{len(wrong)} of {rounds} rounds had {wrong} winners among {WRITERS} writers"
        return DoctorResult(check, "failed", seen, fatal=True)
    seen = f"one winner of {WRITERS} writers in {rounds} of {rounds} rounds"
    return DoctorResult(check, "ok", seen, fatal=True)


def _compete(area: Scratch, key: str, conditions: dict[str, str]) -> list[int]:
    gate = Barrier(WRITERS)

    def write(writer: int) -> bool:
        gate.wait(timeout=30)
        etag = area.put(key, _body(writer), **conditions)
        return etag is not None

    with ThreadPoolExecutor(WRITERS) as pool:
        outcomes = list(pool.map(write, range(WRITERS)))
    return [writer for writer, won in enumerate(outcomes) if won]


def _body(writer: int) -> bytes:
    return f"writer {writer}".encode()


def listing(area: Scratch, *, count: int = KEYS) -> DoctorResult:
    """A listing right after the writes has every key once, in order."""
    expected = [f"list/{number:05}" for number in range(count)]
    with ThreadPoolExecutor(WRITERS) as pool:
        list(pool.map(lambda key: area.put(key, b"x"), expected))
    listed = area.keys("list/")
    if listed == expected:
        return DoctorResult("list after write", "ok", f"{count:,} of {count:,} keys, in order")
    missing = set(expected) - set(listed)
    seen = f"{len(listed):,} keys listed of {count:,}, {len(missing):,} missing"
    return DoctorResult("list after write", "failed", seen)


def ranges(area: Scratch) -> DoctorResult:
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
        return DoctorResult("range reads", "failed", f"wrong bytes for {', '.join(wrong)}")
    seen = f"{len(expected)} ranges of {len(body):,} bytes"
    return DoctorResult("range reads", "ok", seen)


PROBES: tuple[Callable[[Scratch], DoctorResult], ...] = (
    create_race,
    swap_race,
    listing,
    ranges,
)
