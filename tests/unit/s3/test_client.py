"""What a mistake in S3's address, keys or bucket is: one clear error at once, never half an hour of tries."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from nightshift.errors import UsageError
from nightshift.stores.objects import Objects
from tests import careless
from tests.careless import S3


@pytest.fixture
def server() -> Iterator[S3]:
    with careless.s3() as running:
        yield running


@pytest.mark.parametrize("act", [
    lambda objects: objects.get("a"),
    lambda objects: objects.put("a", b"x"),
    lambda objects: objects.put_if("a", b"x", None),
    lambda objects: list(objects.listing("")),
])  # fmt: skip
def test_a_bucket_that_is_not_there_is_a_mistake(server: S3, tmp_path: Path, act: Callable[[Objects], object]) -> None:
    settings = server.settings(tmp_path)
    with pytest.raises(UsageError, match=r"there is no such bucket: .*s3://nowhere"):
        act(Objects(settings, "s3://nowhere/lake"))


def test_keys_that_may_write_all_but_a_manifest_are_a_mistake(server: S3, tmp_path: Path) -> None:
    server.hand = careless.breaking("HTTP_IF_NONE_MATCH", status="403 Forbidden", code="AccessDenied")
    settings = server.settings(tmp_path)
    with pytest.raises(UsageError, match=r"S3 refused these keys for writing .*manifests/a\.json \(AccessDenied\)"):
        Objects(settings, settings.lake).put_if("manifests/a.json", b"{}", None)


@pytest.mark.parametrize("address", ["127.0.0.1:8333", "nowhere", "http//x"])
def test_an_address_that_is_none_is_a_mistake(server: S3, tmp_path: Path, address: str) -> None:
    settings = server.settings(tmp_path).model_copy(update={"endpoint": address})
    with pytest.raises(UsageError, match=f"the address of S3 is none: {address}") as error:
        Objects(settings, "s3://lake").get("a")
    assert "AWS_ENDPOINT_URL" in str(error.value.fix)
