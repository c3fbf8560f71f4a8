"""Objects written as a stream: whole when the block ends well, nothing otherwise."""

import hashlib

import numpy as np
import pytest

from nightshift.errors import LakeUnavailable
from nightshift.s3.upload import PART_BYTES
from nightshift.stores import Stores

pytestmark = pytest.mark.stack

BODY = np.random.default_rng(0).bytes(2 * PART_BYTES + 12_345)


@pytest.mark.parametrize("size", [0, 5, PART_BYTES - 1, PART_BYTES, PART_BYTES + 1, len(BODY)])
def test_what_was_written_is_the_object(stores: Stores, size: int) -> None:
    objects, key = stores.lake.objects, f"streams/{size}"
    with objects.stream(key) as sink:
        for start in range(0, size, 1_000_003):
            sink.write(memoryview(BODY)[start : min(start + 1_000_003, size)])
        assert objects.get(key) is None
    found = objects.get(key)
    assert found is not None
    assert found[0] == BODY[:size]
    assert (sink.bytes, sink.sha256) == (size, hashlib.sha256(BODY[:size]).hexdigest())
    assert list(objects.incomplete_uploads("streams/")) == []


@pytest.mark.parametrize("size", [5, len(BODY)])
def test_an_error_in_the_block_leaves_nothing_and_what_was_there_stays(stores: Stores, size: int) -> None:
    objects = stores.lake.objects
    objects.put("streams/old", b"old")

    def fail() -> None:
        with objects.stream("streams/old") as sink:
            sink.write(BODY[:size])
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert objects.get("streams/old")[0] == b"old"
    assert list(objects.incomplete_uploads("streams/")) == []


def test_an_upload_that_somebody_aborted_is_an_outage_not_a_success(stores: Stores) -> None:
    objects = stores.lake.objects

    def aborted() -> None:
        with objects.stream("streams/gone") as sink:
            sink.write(BODY)
            (upload,) = objects.incomplete_uploads("streams/")
            objects._client.abort_multipart_upload(
                Bucket=objects.bucket, Key=objects._prefix + upload.key, UploadId=upload.upload_id
            )

    with pytest.raises(LakeUnavailable, match="streams/gone"):
        aborted()
    assert objects.get("streams/gone") is None
