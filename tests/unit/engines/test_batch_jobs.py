"""What AWS Batch answers is a person's mistake, or an outage that is tried again."""

import pytest
from botocore.exceptions import ClientError

from nightshift.engines.batch_jobs import _explained
from nightshift.errors import EngineUnavailable, NightshiftError, UsageError


@pytest.mark.parametrize(
    ("code", "status", "kind"),
    [
        ("ThrottlingException", 400, EngineUnavailable),
        ("RequestTimeout", 400, EngineUnavailable),
        ("TooManyRequestsException", 429, EngineUnavailable),
        ("ServerException", 500, EngineUnavailable),
        ("ClientException", 400, UsageError),
        ("AccessDeniedException", 403, UsageError),
    ],
)
def test_a_request_that_was_put_off_is_tried_again(code: str, status: int, kind: type[NightshiftError]) -> None:
    answer = {"Error": {"Code": code, "Message": "no"}, "ResponseMetadata": {"HTTPStatusCode": status}}
    with pytest.raises(kind, match=code), _explained("nights"):
        raise ClientError(answer, "ListJobs")
