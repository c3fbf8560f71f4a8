"""The cache on this machine: a file is what its name says, or it is not handed out."""

import os
from pathlib import Path

import pytest

from nightshift.stores.cache import Blob, Cache, link, sealed

HELLO = "5d41402abc4b2a76b9719d911017c592"


@pytest.fixture
def cache(tmp_path: Path) -> Cache:
    return Cache(tmp_path / "cache")


def keep(cache: Cache, body: bytes = b"hello") -> Path:
    with cache.incoming() as file:
        file.write_bytes(body)
        found = cache.find(cache.take(file).md5)
    assert found
    return found


def test_a_file_lies_where_dvc_looks_for_it_and_is_sealed(cache: Cache, tmp_path: Path) -> None:
    with cache.incoming() as file:
        file.write_bytes(b"hello")
        assert cache.take(file) == Blob(HELLO, 5)
    found = tmp_path / "cache" / "files" / "md5" / HELLO[:2] / HELLO[2:]
    assert cache.find(HELLO) == found
    assert sealed(found)
    assert not found.stat().st_mode & 0o222
    assert [path for path in (tmp_path / "cache").rglob("*") if path.is_file()] == [found]


def test_a_home_that_it_makes_is_closed_to_other_users(tmp_path: Path) -> None:
    """On a host that only trains nobody else makes it."""
    keep(Cache(tmp_path / "home" / "dvc-cache"))
    assert (tmp_path / "home").stat().st_mode & 0o777 == 0o700


def test_what_comes_twice_is_one_file(cache: Cache) -> None:
    inode = keep(cache).stat().st_ino
    assert keep(cache).stat().st_ino == inode


def test_a_changed_file_is_not_found_and_one_that_comes_in_again_mends_it(cache: Cache) -> None:
    path = keep(cache)
    path.chmod(0o644)
    path.write_bytes(b"jello")
    assert cache.find(HELLO) is None
    assert keep(cache).read_bytes() == b"hello"


def test_a_change_that_hides_its_time_is_seen_by_who_reads_anew(cache: Cache) -> None:
    path = keep(cache)
    path.chmod(0o644)
    path.write_bytes(b"jello")
    os.utime(path, (0, 0))
    assert cache.find(HELLO, anew=True) is None


def test_where_there_are_no_links_it_is_copied(cache: Cache, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise OSError("no links here")

    monkeypatch.setattr(os, "link", refuse)
    link(keep(cache), tmp_path / "a" / "b")
    assert (tmp_path / "a" / "b").read_bytes() == b"hello"
    assert sealed(tmp_path / "a" / "b")
    assert (tmp_path / "a" / "b").stat().st_nlink == 1


def test_what_is_not_there_cannot_be_linked(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        link(tmp_path / "nothing", tmp_path / "b")
