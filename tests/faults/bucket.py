"""A bucket seen with plain boto3, so that what is checked is not read by what is checked."""

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeVar

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from nightshift.settings import Settings

PATIENCE = 60
GONE = {"NoSuchKey", "404"}
R = TypeVar("R")


@dataclass(frozen=True)
class Bucket:
    """The objects of one lake. A store that was killed is asked until it finds its data again."""

    settings: Settings

    def get(self, key: str) -> bytes | None:
        """A body, or None."""

        def ask() -> bytes | None:
            try:
                body: bytes = self._client.get_object(Bucket=self._bucket, Key=self._prefix + key)["Body"].read()
            except ClientError as error:
                if error.response["Error"]["Code"] in GONE:
                    return None
                raise
            return body

        return _patiently(ask)

    def json(self, key: str) -> Any:
        """What a JSON says, or None."""
        body = self.get(key)
        return None if body is None else json.loads(body)

    def keys(self, prefix: str) -> dict[str, str]:
        """All keys under a prefix, without markers of folders, and their ETags."""

        def ask() -> dict[str, str]:
            pages = self._client.get_paginator("list_objects_v2")
            listed = pages.paginate(Bucket=self._bucket, Prefix=self._prefix + prefix).search("Contents[]")
            objects = {item["Key"].removeprefix(self._prefix): item["ETag"] for item in listed if item}
            return {key: etag for key, etag in objects.items() if not key.endswith("/")}

        return _patiently(ask)

    @cached_property
    def _client(self) -> Any:
        secret = self.settings.secret_key
        assert secret is not None
        return boto3.client(
            "s3",
            endpoint_url=self.settings.endpoint,
            region_name=self.settings.region,
            aws_access_key_id=self.settings.access_key,
            aws_secret_access_key=secret.get_secret_value(),
            config=Config(s3={"addressing_style": "path"}),
        )

    @property
    def _bucket(self) -> str:
        return self.settings.lake.removeprefix("s3://").partition("/")[0]

    @property
    def _prefix(self) -> str:
        return self.settings.lake.removeprefix("s3://").partition("/")[2] + "/"


def _patiently(ask: Callable[[], R]) -> R:
    end = time.monotonic() + PATIENCE
    while True:
        try:
            return ask()
        except (ClientError, BotoCoreError):
            if time.monotonic() > end:
                raise
            time.sleep(0.2)
