"""One object written as a stream: parts go up while the rest is still being made.

It appears whole when it is finished, or not at all: S3 shows a multipart upload only once it is
completed. A process that dies leaves an unfinished upload, which nobody can read and ``maintain`` removes.
"""

import hashlib
import io
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from typing import Any

PART_BYTES = 8 * 2**20
PARTS_AT_ONCE = 2


class Upload(io.RawIOBase):
    """A writable file. ``finish`` makes the object, ``abandon`` leaves nothing; memory is a few parts."""

    def __init__(self, client: Any, bucket: str, key: str) -> None:
        self._client = client
        self._where = {"Bucket": bucket, "Key": key}
        self._pool = ThreadPoolExecutor(PARTS_AT_ONCE, thread_name_prefix="upload")
        self._buffer = bytearray()
        self._hash = hashlib.sha256()
        self._upload_id: str | None = None
        self._sent: deque[Future[str]] = deque()
        self._etags: list[str] = []
        self._parts = 0
        self.bytes = 0

    @property
    def sha256(self) -> str:
        """Hex digest of what was written so far."""
        return self._hash.hexdigest()

    def writable(self) -> bool:
        """Always."""
        return True

    def tell(self) -> int:
        """Bytes written so far."""
        return self.bytes

    def write(self, data: Any) -> int:
        """Take bytes; a full part is sent, and waited for when too many are under way."""
        size = memoryview(data).nbytes
        self._hash.update(data)
        self._buffer += data
        self.bytes += size
        while len(self._buffer) >= PART_BYTES:
            self._send(PART_BYTES)
        return size

    def finish(self) -> None:
        """Make the object: one PUT when it is small, else the last part and the completion."""
        try:
            if self._upload_id is None:
                self._client.put_object(**self._where, Body=bytes(self._buffer))
                return
            if self._buffer:
                self._send(len(self._buffer))
            self._collect(0)
        except BaseException:
            self.abandon()
            raise
        finally:
            self._pool.shutdown(wait=True, cancel_futures=True)
        self._complete()

    def abandon(self) -> None:
        """Forget everything that was sent. What the store does not forget, ``maintain`` removes."""
        from botocore.exceptions import BotoCoreError, ClientError

        self._pool.shutdown(wait=True, cancel_futures=True)
        if self._upload_id is not None:
            # Why it is abandoned is the error to be told, not this one.
            with suppress(ClientError, BotoCoreError):
                self._client.abort_multipart_upload(**self._where, UploadId=self._upload_id)

    def _complete(self) -> None:
        # Never aborted from here on: a completion whose answer is lost may have happened, and aborting a
        # completed upload has been seen to take the object's data with it (SeaweedFS issue 10663).
        parts = [{"PartNumber": number, "ETag": etag} for number, etag in enumerate(self._etags, 1)]
        self._client.complete_multipart_upload(
            **self._where, UploadId=self._upload_id, MultipartUpload={"Parts": parts}
        )

    def _send(self, size: int) -> None:
        if self._upload_id is None:
            self._upload_id = self._client.create_multipart_upload(**self._where)["UploadId"]
        self._collect(PARTS_AT_ONCE)
        with memoryview(self._buffer) as content:
            part = bytes(content[:size])
        del self._buffer[:size]
        self._parts += 1
        sent = self._pool.submit(self._put, self._parts, part)
        self._sent.append(sent)

    def _put(self, number: int, part: bytes) -> str:
        answer = self._client.upload_part(
            **self._where,
            UploadId=self._upload_id,
            PartNumber=number,
            Body=part,
        )
        return str(answer["ETag"])

    def _collect(self, left: int) -> None:
        while len(self._sent) > left:
            oldest = self._sent.popleft()
            self._etags.append(oldest.result())
