"""An upload that is abandoned says why, whatever the store says to that."""

from typing import Any

import pytest
from botocore.exceptions import ClientError

from nightshift.s3.upload import PART_BYTES, Upload


class ForgetsNothing:
    """A store that takes parts, and does not answer when it shall forget them."""

    def create_multipart_upload(self, **_: Any) -> dict[str, str]:
        return {"UploadId": "1"}

    def upload_part(self, **_: Any) -> dict[str, str]:
        raise ClientError({"Error": {"Code": "507"}}, "UploadPart")

    def abort_multipart_upload(self, **_: Any) -> None:
        raise ClientError({"Error": {"Code": "500"}}, "AbortMultipartUpload")


def test_an_abort_that_fails_does_not_hide_why_the_upload_failed() -> None:
    upload = Upload(ForgetsNothing(), "lake", "key")
    upload.write(b"x" * PART_BYTES)
    with pytest.raises(ClientError, match="507"):
        upload.finish()
