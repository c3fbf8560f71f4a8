"""S3 by boto3: how it is reached, what it tells of objects, and what its refusals mean."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import cache, partial
from typing import Any

from nightshift.errors import LakeUnavailable, UsageError
from nightshift.settings import Settings

NOT_THERE = {"NoSuchKey", "NoSuchUpload", "404", "NotFound"}
DENIED = {
    "AccessDenied",
    "403",
    "InvalidAccessKeyId",
    "SignatureDoesNotMatch",
    "Forbidden",
    "ExpiredToken",
    "InvalidToken",
}
NO_BUCKET = {"NoSuchBucket", "InvalidBucketName"}
NO_SUCH_BUCKET = "there is no such bucket"
CONNECTIONS = 32
# One of its own: botocore makes up its own anew for each request, a seventh of what a small request costs.
USER_AGENT = "nightshift"
# The condition does not hold, or somebody writes there at this moment.
CONFLICTS = {409, 412}
NOT_FOUND = 404
# The store does not know the condition.
UNKNOWN = 501


class ConditionFailed(Exception):
    """A conditional write did not say yes. It may still have happened: read back before believing it."""


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


class NoSuchObject(Exception):
    """There is no object under a key. Whether that is an answer or a fault, the caller knows."""


def connect(settings: Settings, attempts: int) -> Any:
    """A client that sends a request up to ``attempts`` times."""
    from botocore.config import Config

    addressing = {"addressing_style": "path"} if settings.endpoint else None
    client = partial(
        session().create_client,
        "s3",
        endpoint_url=settings.endpoint,
        **credentials(settings),
        config=Config(
            connect_timeout=5,
            read_timeout=60,
            max_pool_connections=CONNECTIONS,
            retries={"mode": "standard", "total_max_attempts": attempts},
            s3=addressing,
            user_agent=USER_AGENT,
        ),
    )
    try:
        return client()
    except ValueError as error:
        raise UsageError(
            f"the address of S3 is none: {settings.endpoint}", fix="correct AWS_ENDPOINT_URL: http://host:port"
        ) from error


def credentials(settings: Settings) -> dict[str, str | None]:
    """Region and keys as clients of AWS take them; without keys it is the role of who calls."""
    secret = settings.secret_key
    return {
        "region_name": settings.region,
        "aws_access_key_id": settings.access_key,
        "aws_secret_access_key": secret.get_secret_value() if secret else None,
    }


def session() -> Any:
    """A session of its own, since one may not be used by several threads at once."""
    from botocore.session import get_session

    separate = get_session()
    separate.register_component("data_loader", service_models())
    return separate


def read_service_models() -> None:
    """Read them now, for this process and its forks. No connection is made."""
    nobody = {"aws_access_key_id": "nobody", "aws_secret_access_key": "nothing"}
    client = session().create_client("s3", region_name="us-east-1", **nobody)
    client.close()


@cache
def service_models() -> Any:
    """What botocore knows of S3 and its endpoints: megabytes of JSON, nearly all that a client costs, read once."""
    from botocore.session import get_session

    return get_session().get_component("data_loader")


def arrow_filesystem(settings: Settings) -> Any:
    """The store as pyarrow reads it."""
    from pyarrow.fs import S3FileSystem

    secret = settings.secret_key
    scheme, _, host = (settings.endpoint or "").rpartition("://")
    return S3FileSystem(
        access_key=settings.access_key,
        secret_key=secret.get_secret_value() if secret else None,
        region=settings.region,
        endpoint_override=host or None,
        scheme=scheme or "https",
    )


@contextmanager
def explained(where: str) -> Iterator[None]:
    """Requests about ``where`` inside; ``NoSuchObject`` where it is not there, all else is one of our errors."""
    from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError

    try:
        yield
    except ClientError as error:
        raise _meaning(error, where) from error
    except NoCredentialsError as error:
        raise UsageError("no S3 keys in the environment", fix='nightshift up; eval "$(nightshift env)"') from error
    except BotoCoreError as error:
        raise LakeUnavailable(f"S3 does not answer for {where}: {error}", fix="nightshift status") from error


def _meaning(refusal: Any, where: str) -> Exception:
    code = _code(refusal)
    if code in NOT_THERE:
        return NoSuchObject(where)
    return _mistake(refusal, where) or LakeUnavailable(f"S3 answered {code} for {where}", fix="nightshift status")


def _code(refusal: Any) -> str:
    return str(refusal.response.get("Error", {}).get("Code"))


def _mistake(refusal: Any, where: str) -> UsageError | None:
    """What a person has to mend, or None."""
    code = _code(refusal)
    if code in DENIED:
        return UsageError(f"S3 refused these keys for {where} ({code})", fix='eval "$(nightshift env)"')
    if code in NO_BUCKET:
        return UsageError(f"{NO_SUCH_BUCKET}: {where} ({code})", fix="make it, or correct NIGHTSHIFT_LAKE")
    return None


def condition(etag: str | None) -> dict[str, str]:
    """Write only over the object with this ETag; None: only where there is none."""
    return {"IfNoneMatch": "*"} if etag is None else {"IfMatch": etag}


@contextmanager
def refusable(where: str) -> Iterator[None]:
    """A conditional write inside: every answer but a clear yes, or a person's mistake, is ``ConditionFailed``."""
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        yield
    except ClientError as error:
        raise _mistake(error, f"writing {where}") or ConditionFailed(str(error)) from error
    except BotoCoreError as error:
        raise ConditionFailed(str(error)) from error


def status_of(refusal: Any) -> int:
    """The HTTP status of what boto3 raised."""
    return int(refusal.response["ResponseMetadata"]["HTTPStatusCode"])
