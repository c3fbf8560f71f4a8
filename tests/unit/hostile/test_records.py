"""Small files of the lake that are none: each is one clear error, of an object of any size and any depth."""

from pathlib import Path

import pytest

from nightshift.errors import DataError, UnreadableRecord
from nightshift.profiles.profile import Profile
from nightshift.stores import dvc_listing, objects
from nightshift.stores.manifest import Manifest
from nightshift.stores.records import Record
from tests import careless

DEEP = b"[" * 100_000 + b"]" * 100_000
BODIES = {
    "deep list": DEEP,
    "deep object": b'{"a":' * 100_000 + b"1" + b"}" * 100_000,
    "deep below a key": b'{"provenance": ' + DEEP + b"}",
    "a list": b"[]",
    "a number of a million digits": b'{"rows": ' + b"9" * 1_000_000 + b"}",
    "no text": b"\xff\xfe\x00",
    "nothing": b"",
}


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
@pytest.mark.parametrize("kind", [Manifest, Profile])
def test_a_record_that_is_none_is_unreadable(kind: type[Record], body: bytes) -> None:
    with pytest.raises(UnreadableRecord, match=r"^s3://lake/x is not "):
        kind.from_json(body, "s3://lake/x")


@pytest.mark.parametrize("body", [*BODIES.values(), b'[{"md5": "a"}]', b"[1]"])
def test_a_listing_of_a_snapshot_that_is_none_is_no_list_of_files(body: bytes) -> None:
    if body == b"[]":
        return
    with pytest.raises(DataError, match="no list of files"):
        dvc_listing.from_bytes(body, "s3://dvc/x.dir")


def test_a_record_of_too_many_bytes_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(objects, "MOST_RECORD_BYTES", 99)
    with careless.s3() as server:
        lake = objects.Objects(server.settings(tmp_path), "s3://lake")
        lake.put("x.json", b" " * 100)
        with pytest.raises(UnreadableRecord, match=r"^s3://lake/x\.json has 100 bytes, allowed 99"):
            lake.get_record("x.json", Manifest)
