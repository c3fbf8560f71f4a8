"""A corner of the lake in which a store is tried: what is written there is removed afterwards."""

import io
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from typing import Any

from nightshift.s3.client import CONFLICTS, session, status_of
from nightshift.settings import Settings

# As the map of the lake has it: stores/layout.py.
FOLDER = "_doctor/"
PAGE = 1_000  # S3 deletes so many objects in one request
CONNECTIONS = 160
LONGEST_PAUSE = 1.0
UNKNOWN = {"405", "501", "InvalidArgument", "InvalidRequest", "MethodNotAllowed", "NotImplemented"}


class ConditionUnknown(Exception):
    """The store does not know the condition that a request carries."""


@dataclass(frozen=True)
class Scratch:
    """A prefix of a bucket in which probes may do what they want."""

    client: Any
    bucket: str
    prefix: str

    def put(self, key: str, body: bytes, **conditions: str) -> str | None:
        """PUT; its ETag, or None when the store says that the condition does not hold."""
        return self._put(key, body, conditions)

    def put_around(self, key: str, body: bytes, meanwhile: Callable[[], object], **conditions: str) -> str | None:
        """PUT whose last bytes are sent after ``meanwhile``: the store has begun with it by then."""
        others: list[Future[object]] = []
        with ThreadPoolExecutor(1) as pool:

            def pause() -> None:
                others.append(pool.submit(meanwhile))
                # A store may make the other request wait for this one: then both go on.
                wait(others, timeout=LONGEST_PAUSE)

            etag = self._put(key, _PausedBody(body, pause), conditions)
        for other in others:
            other.result()
        return etag

    def copy(self, source: str, key: str, **conditions: str) -> str | None:
        """Copy inside the store; its ETag, or None when the store says that the condition does not hold."""
        origin = self._at(source)
        copied = _unless_unmet(self.client.copy_object, CopySource=origin, **self._at(key), **conditions)
        return None if copied is None else str(copied["CopyObjectResult"]["ETag"])

    def get(self, key: str, **options: str) -> bytes:
        """GET, whole or a range."""
        response = self.client.get_object(**self._at(key), **options)
        # Not as a context: that is the stream below, whose errors are not those of boto3.
        with closing(response["Body"]) as body:
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

    def _put(self, key: str, body: object, conditions: dict[str, str]) -> str | None:
        written = _unless_unmet(self.client.put_object, Body=body, **self._at(key), **conditions)
        return None if written is None else str(written["ETag"])

    def _at(self, key: str) -> dict[str, str]:
        return {
            "Bucket": self.bucket,
            "Key": self.prefix + key,
        }


@contextmanager
def scratch(settings: Settings) -> Iterator[Scratch]:
    """A fresh prefix in the lake, gone afterwards; an outage may leave a few bytes behind."""
    from botocore.exceptions import BotoCoreError, ClientError

    bucket, _, root = settings.lake.removeprefix("s3://").partition("/")
    prefix = f"{root.rstrip('/')}/{FOLDER}{uuid.uuid4().hex}/"
    client = _connect(settings)
    area = Scratch(client, bucket, prefix.lstrip("/"))
    try:
        yield area
    finally:
        with suppress(BotoCoreError, ClientError):
            area.clear()
        client.close()


class _PausedBody(io.BytesIO):
    """The body of a request that sends one byte, pauses, and sends the rest."""

    def __init__(self, body: bytes, pause: Callable[[], None]) -> None:
        super().__init__(body)
        self._pause = pause
        self._paused = False
        # Before it is sent, a body is read to be signed.
        self.sending = False

    def read(self, size: int | None = -1) -> bytes:
        if not self.sending or self._paused:
            return super().read(size)
        if self.tell() == 0:
            return super().read(1)
        self._paused = True
        self._pause()
        return super().read(size)


def _on_its_way(request: Any, **_: object) -> None:
    if isinstance(request.body, _PausedBody):
        request.body.sending = True


def _unless_unmet(request: Callable[..., dict[str, Any]], **arguments: Any) -> dict[str, Any] | None:
    """What the store answers, or None when it says that the condition does not hold."""
    from botocore.exceptions import ClientError

    try:
        return request(**arguments)
    except ClientError as error:
        if status_of(error) in CONFLICTS:
            return None
        code = str(error.response["Error"]["Code"])
        if code in UNKNOWN:
            raise ConditionUnknown(f"S3 answers {code}") from error
        raise


def _connect(settings: Settings) -> Any:
    from botocore.config import Config

    config = Config(
        # Without retries: a second try by the SDK would meet the object of the first.
        retries={"total_max_attempts": 1},
        # A checksum in a trailer would need a body that is sent in pieces, which not every S3 takes.
        request_checksum_calculation="when_required",
        max_pool_connections=CONNECTIONS,
        connect_timeout=5,
        read_timeout=60,
    )
    secret_key = settings.secret_key
    client = session().create_client(
        "s3",
        endpoint_url=settings.endpoint,
        region_name=settings.region,
        aws_access_key_id=settings.access_key,
        aws_secret_access_key=secret_key.get_secret_value() if secret_key else None,
        config=config,
    )
    client.meta.events.register("before-send.s3.PutObject", _on_its_way)
    return client
