"""Objects in one S3 bucket: get, put, conditional put, copy, list. Nothing here knows of nights."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

from nightshift.errors import LakeUnavailable, UsageError
from nightshift.settings import Settings
from nightshift.stores.records import Record
from nightshift.stores.upload import Upload

R = TypeVar("R", bound=Record)
JSON = "application/json"
PIECE = 2**20
NOT_THERE = {"NoSuchKey", "NoSuchUpload", "404", "NotFound"}
DENIED = {"AccessDenied", "403", "InvalidAccessKeyId", "SignatureDoesNotMatch", "Forbidden"}


class ConditionFailed(Exception):
    """A conditional PUT did not say yes. It may still have happened: read back before believing it."""


@dataclass(frozen=True)
class ObjectHead:
    """What HEAD tells of an object."""

    etag: str
    size: int
    metadata: dict[str, str]
    modified: datetime


@dataclass(frozen=True)
class ObjectInfo:
    """What a listing tells of an object; ``modified`` by the store's clock."""

    key: str
    size: int
    modified: datetime
    etag: str


@dataclass(frozen=True)
class IncompleteUpload:
    """A multipart upload that was never completed: invisible to readers, but it takes room."""

    key: str
    upload_id: str
    started: datetime


class Objects:
    """One bucket, under an optional prefix. Keys are relative to ``s3://bucket/prefix``."""

    def __init__(self, settings: Settings, uri: str) -> None:
        self._settings = settings
        self.uri = uri.rstrip("/")
        bucket, _, prefix = self.uri.removeprefix("s3://").partition("/")
        self.bucket = bucket
        self._prefix = f"{prefix}/" if prefix else ""

    def path(self, key: str) -> str:
        """``bucket/prefix/key``, as pyarrow's filesystem wants it."""
        return f"{self.bucket}/{self._prefix}{key}"

    def get(self, key: str) -> tuple[bytes, str] | None:
        """Body and ETag, or None when there is no such object."""
        with self._explained(key):
            answer = self._client.get_object(**self._at(key))
            return answer["Body"].read(), answer["ETag"]
        return None

    def download(self, key: str, file: Path) -> bool:
        """The body into a local file, a piece at a time; False when there is no such object."""
        with self._explained(key):
            answer = self._client.get_object(**self._at(key))
            with file.open("wb") as sink:
                sink.writelines(answer["Body"].iter_chunks(PIECE))
            return True
        return False

    def head(self, key: str) -> ObjectHead | None:
        """ETag, size and metadata, or None when there is no such object."""
        with self._explained(key):
            answer = self._client.head_object(**self._at(key))
            return ObjectHead(
                etag=answer["ETag"],
                size=answer["ContentLength"],
                metadata=answer["Metadata"],
                modified=answer["LastModified"],
            )
        return None

    def put(self, key: str, body: bytes, content_type: str = "application/octet-stream") -> None:
        """Write an object, whatever was there."""
        with self._explained(key):
            self._client.put_object(**self._at(key), Body=body, ContentType=content_type)

    def put_record(self, key: str, record: Record) -> None:
        """Write a record, whatever was there."""
        self.put(key, record.to_json(), JSON)

    def get_record(self, key: str, kind: type[R]) -> R | None:
        """A record, or None when there is none. Raises ``UnreadableRecord``."""
        stored = self.get(key)
        if stored is None:
            return None
        body, _ = stored
        return kind.from_json(body, f"{self.uri}/{key}")

    def put_if(self, key: str, body: bytes, etag: str | None) -> None:
        """Write only if the object is still the one with ``etag`` (None: only if there is none).

        One small PUT, SDK retries off: a retried success looks like a lost race. Raises
        ``ConditionFailed`` for every answer but a clear yes.
        """
        from botocore.exceptions import BotoCoreError, ClientError

        condition = {"IfNoneMatch": "*"} if etag is None else {"IfMatch": etag}
        try:
            self._single_try.put_object(**self._at(key), Body=body, ContentType=JSON, **condition)
        except (ClientError, BotoCoreError) as error:
            raise ConditionFailed(str(error)) from error

    @contextmanager
    def stream(self, key: str) -> Iterator[Upload]:
        """A writable file that becomes the object when the block ends well, and nothing when it does not."""
        finished = False
        with self._explained(key):
            sink = Upload(self._client, self.bucket, self._prefix + key)
            try:
                yield sink
            except BaseException:
                sink.abandon()
                raise
            sink.finish()
            finished = True
        if not finished:
            raise LakeUnavailable(f"the upload of {self.uri}/{key} was gone before it was complete")

    def copy(self, source: str, target: str, metadata: dict[str, str]) -> None:
        """Copy inside the store: atomic, nothing travels through here. For objects up to 5 GiB."""
        with self._explained(source):
            self._client.copy_object(
                **self._at(target),
                CopySource=self._at(source),
                Metadata=metadata,
                MetadataDirective="REPLACE",
            )

    def delete(self, key: str) -> None:
        """Remove an object; nothing happens when it is not there."""
        with self._explained(key):
            self._client.delete_object(**self._at(key))

    def keys(self, prefix: str) -> Iterator[str]:
        """Keys under a prefix, sorted."""
        return (item.key for item in self.listing(prefix))

    def keys_after(self, prefix: str, key: str) -> Iterator[str]:
        """Keys under a prefix that come behind one of them, sorted: what is before it is not even listed."""
        start = self._prefix + key
        with self._explained(prefix):
            for item in self._listed("list_objects_v2", "Contents", Prefix=self._prefix + prefix, StartAfter=start):
                yield item["Key"].removeprefix(self._prefix)

    def listing(self, prefix: str) -> Iterator[ObjectInfo]:
        """Objects under a prefix, sorted by key. Directory markers, which some stores add, are left out."""
        with self._explained(prefix):
            for item in self._listed("list_objects_v2", "Contents", Prefix=self._prefix + prefix):
                key = item["Key"].removeprefix(self._prefix)
                if key.endswith("/"):
                    continue
                yield ObjectInfo(
                    key,
                    size=item["Size"],
                    modified=item["LastModified"],
                    etag=item["ETag"],
                )

    def delete_once(self, key: str) -> None:
        """One DELETE, never sent again: a late second one could take what was written there since."""
        with self._explained(key):
            self._single_try.delete_object(**self._at(key))

    def incomplete_uploads(self, prefix: str) -> Iterator[IncompleteUpload]:
        """Multipart uploads under a prefix that were neither completed nor aborted."""
        with self._explained(prefix):
            for item in self._listed("list_multipart_uploads", "Uploads", Prefix=self._prefix + prefix):
                key = item["Key"].removeprefix(self._prefix)
                yield IncompleteUpload(
                    key,
                    upload_id=item["UploadId"],
                    started=item["Initiated"],
                )

    def uploaded_bytes(self, upload: IncompleteUpload) -> int:
        """Bytes of the parts that have arrived; 0 when the upload has ended since."""
        with self._explained(upload.key):
            key = self._prefix + upload.key
            parts = self._listed("list_parts", "Parts", Key=key, UploadId=upload.upload_id)
            return sum(part["Size"] for part in parts)
        return 0

    def abort(self, upload: IncompleteUpload) -> None:
        """Give up an unfinished upload and its parts; nothing happens when it has ended since."""
        with self._explained(upload.key):
            self._client.abort_multipart_upload(**self._at(upload.key), UploadId=upload.upload_id)

    def open(self, key: str) -> Any:
        """A random-access pyarrow file. Raises ``LakeUnavailable``."""
        try:
            return self.filesystem.open_input_file(self.path(key))
        except OSError as error:
            raise LakeUnavailable(f"cannot open {self.uri}/{key}: {error}", fix="nightshift status") from error

    @cached_property
    def filesystem(self) -> Any:
        """The store as pyarrow's filesystem, for paths as ``path`` gives them."""
        from pyarrow.fs import S3FileSystem

        scheme, _, host = (self._settings.endpoint or "").rpartition("://")
        return S3FileSystem(
            access_key=self._settings.access_key,
            secret_key=self._secret,
            region=self._settings.region,
            endpoint_override=host or None,
            scheme=scheme or "https",
        )

    def _listed(self, operation: str, field: str, **query: str) -> Iterator[dict[str, Any]]:
        """What S3 lists, page after page."""
        paginator = self._client.get_paginator(operation)
        for page in paginator.paginate(Bucket=self.bucket, **query):
            yield from page.get(field, ())

    def _at(self, key: str) -> dict[str, str]:
        """Where an object lies, in the words of boto3."""
        return {
            "Bucket": self.bucket,
            "Key": self._prefix + key,
        }

    @property
    def _secret(self) -> str | None:
        return self._settings.secret_key.get_secret_value() if self._settings.secret_key else None

    @cached_property
    def _client(self) -> Any:
        return self._connect(attempts=4)

    @cached_property
    def _single_try(self) -> Any:
        return self._connect(attempts=1)

    def _connect(self, attempts: int) -> Any:
        import boto3
        from botocore.config import Config

        return boto3.client(
            "s3",
            endpoint_url=self._settings.endpoint,
            region_name=self._settings.region,
            aws_access_key_id=self._settings.access_key,
            aws_secret_access_key=self._secret,
            config=Config(
                connect_timeout=5,
                read_timeout=60,
                retries={"mode": "standard", "total_max_attempts": attempts},
                s3={"addressing_style": "path"} if self._settings.endpoint else None,
            ),
        )

    @contextmanager
    def _explained(self, key: str) -> Iterator[None]:
        """Not-there ends the block quietly (the caller then returns None); all else becomes our error."""
        from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError

        where = f"{self.uri}/{key}"
        try:
            yield
        except ClientError as error:
            code = str(error.response.get("Error", {}).get("Code"))
            if code in NOT_THERE:
                return
            if code in DENIED:
                raise UsageError(
                    f"S3 refused these keys for {where} ({code})", fix='eval "$(nightshift env)"'
                ) from error
            raise LakeUnavailable(f"S3 answered {code} for {where}", fix="nightshift status") from error
        except NoCredentialsError as error:
            raise UsageError("no S3 keys in the environment", fix='nightshift up; eval "$(nightshift env)"') from error
        except BotoCoreError as error:
            raise LakeUnavailable(f"S3 does not answer for {where}: {error}", fix="nightshift status") from error
