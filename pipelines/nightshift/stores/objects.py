"""Objects in one S3 bucket: get, put, conditional put, copy, list. Nothing here knows of nights."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

from nightshift.errors import LakeUnavailable, UnreadableRecord
from nightshift.s3.client import (
    CONFLICTS,
    NOT_FOUND,
    UNKNOWN,
    ConditionFailed,
    IncompleteUpload,
    NoSuchObject,
    ObjectHead,
    ObjectInfo,
    arrow_filesystem,
    condition,
    connect,
    explained,
    refusable,
    status_of,
)
from nightshift.s3.upload import Upload
from nightshift.settings import Settings
from nightshift.stores.records import MOST_BYTES, MOST_RECORD_BYTES, Record, require_size

R = TypeVar("R", bound=Record)
T = TypeVar("T")
JSON = "application/json"
BYTES = "application/octet-stream"
ANYTHING = "*"
PIECE = 2**20
# A bit that flipped on the way is right the next time; one that flipped in the store is not.
READINGS = 3


__all__ = ["ConditionFailed", "IncompleteUpload", "ObjectHead", "ObjectInfo", "Objects"]


class Objects:
    """One bucket, under an optional prefix. Keys are relative to ``s3://bucket/prefix``."""

    def __init__(self, settings: Settings, uri: str) -> None:
        self.settings = settings
        self.uri = uri.rstrip("/")
        bucket, _, prefix = self.uri.removeprefix("s3://").partition("/")
        self.bucket = bucket
        self._prefix = f"{prefix}/" if prefix else ""

    def path(self, key: str) -> str:
        """``bucket/prefix/key``, as pyarrow's filesystem wants it."""
        return f"{self.bucket}/{self._prefix}{key}"

    def get(self, key: str, most: int = MOST_BYTES) -> tuple[bytes, str] | None:
        """Body and ETag, or None when there is no such object. Raises ``UnreadableRecord`` for one of more bytes."""
        with suppress(NoSuchObject), self._explained(key):
            answer = self._client.get_object(**self._at(key))
            require_size(answer.get("ContentLength", 0), most, f"{self.uri}/{key}")
            return answer["Body"].read(), answer["ETag"]
        return None

    def download(self, key: str, file: Path) -> bool:
        """The body into a local file, a piece at a time; False when there is no such object."""
        with suppress(NoSuchObject), self._explained(key):
            answer = self._client.get_object(**self._at(key))
            with file.open("wb") as sink:
                sink.writelines(answer["Body"].iter_chunks(PIECE))
            return True
        return False

    def pieces(self, key: str) -> Iterator[bytes]:
        """The body, a piece at a time. Raises ``NoSuchObject``."""
        with self._explained(key):
            answer = self._client.get_object(**self._at(key))
            while piece := answer["Body"].read(PIECE):
                yield piece

    def head(self, key: str) -> ObjectHead | None:
        """ETag, size and metadata, or None when there is no such object."""
        with suppress(NoSuchObject), self._explained(key):
            answer = self._client.head_object(**self._at(key))
            return ObjectHead(
                etag=answer["ETag"],
                size=answer["ContentLength"],
                metadata=answer["Metadata"],
                modified=answer["LastModified"],
            )
        return None

    def put(self, key: str, body: bytes, content_type: str = BYTES, **headers: str) -> None:
        """Write an object, whatever was there; ``headers`` in the words of boto3."""
        with self._explained(key):
            self._client.put_object(**self._at(key), Body=body, ContentType=content_type, **headers)

    def put_record(self, key: str, record: Record) -> None:
        """Write a record, whatever was there."""
        self.put(key, record.to_json(), JSON)

    def get_record(self, key: str, kind: type[R]) -> R | None:
        """A record, or None when there is none. Raises ``UnreadableRecord``."""
        stored = self.get_tagged(key, kind)
        if stored is None:
            return None
        record, _ = stored
        return record

    def get_tagged(self, key: str, kind: type[R]) -> tuple[R, str] | None:
        """A record and its ETag, or None when there is none. Raises ``UnreadableRecord``."""
        return self.get_opened(key, lambda body: kind.from_json(body, f"{self.uri}/{key}"))

    def get_opened(self, key: str, opened: Callable[[bytes], T]) -> tuple[T, str] | None:
        """What ``opened`` makes of a body, fetched again while it cannot be read, and its ETag; None for no object."""
        for reading in range(1, READINGS + 1):
            stored = self.get(key, MOST_RECORD_BYTES)
            if stored is None:
                return None
            body, etag = stored
            try:
                return opened(body), etag
            except UnreadableRecord:
                if reading == READINGS:
                    raise
        return None

    def put_if(self, key: str, body: bytes, etag: str | None) -> None:
        """Write only if the object is still the one with ``etag`` (None: only if there is none).

        One small PUT, SDK retries off: a retried success looks like a lost race. Raises ``UsageError`` for a
        person's mistake, and ``ConditionFailed`` for every other answer but a clear yes.
        """
        with refusable(f"{self.uri}/{key}"):
            self._single_try.put_object(**self._at(key), Body=body, ContentType=JSON, **condition(etag))

    @contextmanager
    def stream(self, key: str) -> Iterator[Upload]:
        """A writable file that becomes the object when the block ends well, and nothing when it does not."""
        try:
            with self._explained(key):
                sink = Upload(self._client, self.bucket, self._prefix + key)
                try:
                    yield sink
                except BaseException:
                    sink.abandon()
                    raise
                sink.finish()
        except NoSuchObject as error:
            raise LakeUnavailable(f"the upload of {self.uri}/{key} was gone before it was complete") from error

    def copy(self, source: str, target: str, metadata: dict[str, str], over: str | None = ANYTHING) -> None:
        """Copy inside the store: atomic, nothing travels through here. For objects up to 5 GiB.

        ``over``: the ETag of the only object that it may replace, None for none at all. Some stores copy all the same
        (``nightshift doctor`` tells). Raises ``ConditionFailed`` when the answer is no, ``NoSuchObject`` when the
        source is gone.
        """
        from botocore.exceptions import ClientError

        allowed = {} if over == ANYTHING else condition(over)
        with self._explained(source):
            try:
                self._client.copy_object(**self._copying(source, target, metadata), **allowed)
            except ClientError as error:
                is_unmet = status_of(error) in CONFLICTS
                # Of a condition on what has just gone some stores say that they do not find it.
                is_gone = bool(allowed) and status_of(error) == NOT_FOUND and self.head(source) is not None
                if is_unmet or is_gone:
                    raise ConditionFailed(str(error)) from error
                if status_of(error) != UNKNOWN or not allowed:
                    raise
                self._client.copy_object(**self._copying(source, target, metadata))

    def delete(self, key: str) -> None:
        """Remove an object; nothing happens when it is not there."""
        with suppress(NoSuchObject), self._explained(key):
            self._client.delete_object(**self._at(key))

    def keys(self, prefix: str) -> Iterator[str]:
        """Keys under a prefix, sorted."""
        return (item.key for item in self.listing(prefix))

    def keys_after(self, prefix: str, key: str) -> list[str]:
        """Keys under a prefix that come behind one of them, sorted: what is before it is not even listed."""
        return [item.key for item in Objects.listing(self, prefix, after=key)]

    def prefixes(self, prefix: str, delimiter: str) -> list[str]:
        """What the keys under a prefix begin with, up to and with a delimiter, sorted. One page for all their keys."""
        place = self._prefix + prefix
        listed = self._listed("list_objects_v2", "CommonPrefixes", Prefix=place, Delimiter=delimiter)
        return [item["Prefix"].removeprefix(self._prefix) for item in listed]

    def listing(self, prefix: str, after: str = "") -> Iterator[ObjectInfo]:
        """Objects under a prefix, sorted by key, from the beginning or after a key, a page of 1,000 at a time.

        Directory markers, which some stores add, are left out.
        """
        begin = {"StartAfter": self._prefix + after} if after else {}
        for item in self._listed("list_objects_v2", "Contents", Prefix=self._prefix + prefix, **begin):
            key = item["Key"].removeprefix(self._prefix)
            if key.endswith("/"):
                continue
            yield ObjectInfo(
                key,
                size=item["Size"],
                modified=item["LastModified"],
                etag=item["ETag"],
            )

    def first_key(self, prefix: str, after: str = "") -> str | None:
        """The first key under a prefix, or the first behind ``after``; None where there is none. One small request."""
        folder = self._prefix + prefix
        start = self._prefix + (after or prefix)
        query = {"StartAfter": start, "PaginationConfig": {"MaxItems": 1, "PageSize": 1}}
        for item in self._listed("list_objects_v2", "Contents", Prefix=folder, **query):
            return str(item["Key"]).removeprefix(self._prefix)
        return None

    def delete_once(self, key: str) -> None:
        """One DELETE, never sent again: a late second one could take what was written there since."""
        with suppress(NoSuchObject), self._explained(key):
            self._single_try.delete_object(**self._at(key))

    def incomplete_uploads(self, prefix: str) -> Iterator[IncompleteUpload]:
        """Multipart uploads under a prefix that were neither completed nor aborted."""
        for item in self._listed("list_multipart_uploads", "Uploads", Prefix=self._prefix + prefix):
            key = item["Key"].removeprefix(self._prefix)
            yield IncompleteUpload(
                key,
                upload_id=item["UploadId"],
                started=item["Initiated"],
            )

    def uploaded_bytes(self, upload: IncompleteUpload) -> int:
        """Bytes of the parts that have arrived; 0 when the upload has ended since."""
        key = self._prefix + upload.key
        with suppress(NoSuchObject), self._explained(upload.key):
            parts = self._pages("list_parts", "Parts", Key=key, UploadId=upload.upload_id)
            return sum(part["Size"] for part in parts)
        return 0

    def abort(self, upload: IncompleteUpload) -> None:
        """Give up an unfinished upload and its parts; nothing happens when it has ended since."""
        with suppress(NoSuchObject), self._explained(upload.key):
            self._client.abort_multipart_upload(**self._at(upload.key), UploadId=upload.upload_id)

    def open(self, key: str) -> Any:
        """A random-access pyarrow file. Raises ``NoSuchObject``, ``LakeUnavailable``."""
        try:
            return self.filesystem.open_input_file(self.path(key))
        except FileNotFoundError as error:
            raise NoSuchObject(key) from error
        except OSError as error:
            raise LakeUnavailable(f"cannot open {self.uri}/{key}: {error}", fix="nightshift status") from error

    @cached_property
    def filesystem(self) -> Any:
        """The store as pyarrow's filesystem, for paths as ``path`` gives them."""
        return arrow_filesystem(self.settings)

    def _listed(self, operation: str, field: str, Prefix: str, **query: Any) -> Iterator[dict[str, Any]]:  # noqa: N803
        """What S3 lists under a prefix. A page that is not there is no end of the list."""
        try:
            with self._explained(Prefix.removeprefix(self._prefix)):
                yield from self._pages(operation, field, Prefix=Prefix, **query)
        except NoSuchObject as error:
            raise LakeUnavailable(f"S3 lost a page of its listing of {error}", fix="nightshift status") from error

    def _pages(self, operation: str, field: str, **query: Any) -> Iterator[dict[str, Any]]:
        paginator = self._client.get_paginator(operation)
        for page in paginator.paginate(Bucket=self.bucket, **query):
            yield from page.get(field, ())

    def _at(self, key: str) -> dict[str, str]:
        """Where an object lies, in the words of boto3."""
        return {
            "Bucket": self.bucket,
            "Key": self._prefix + key,
        }

    def _copying(self, source: str, target: str, metadata: dict[str, str]) -> dict[str, Any]:
        """What a copy is, in the words of boto3."""
        return {
            **self._at(target),
            "CopySource": self._at(source),
            "Metadata": metadata,
            "MetadataDirective": "REPLACE",
        }

    @cached_property
    def _client(self) -> Any:
        return connect(self.settings, attempts=4)

    @cached_property
    def _single_try(self) -> Any:
        return connect(self.settings, attempts=1)

    def _explained(self, key: str) -> AbstractContextManager[None]:
        return explained(f"{self.uri}/{key}")
