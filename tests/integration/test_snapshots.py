"""Snapshots in DVC over a real S3: content decides the md5, and the md5 brings back every byte."""

import errno
import hashlib
import multiprocessing
import shutil
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from nightshift.errors import DataError, MissingPartition, OutOfSpace, UsageError
from nightshift.settings import Settings
from nightshift.stores import Stores, remote
from nightshift.stores.objects import ObjectInfo, Objects
from nightshift.stores.remote import Remote
from nightshift.stores.snapshots import Snapshots, read_md5

pytestmark = pytest.mark.stack

FILES = {"day=2024-01-01/part-00000.parquet": b"one", "day=2024-01-02/part-00000.parquet": b"two" * 1000}


def write(folder: Path, files: dict[str, bytes] = FILES) -> None:
    for name, body in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(body)


def read(folder: Path) -> dict[str, bytes]:
    return {str(file.relative_to(folder)): file.read_bytes() for file in folder.rglob("*") if file.is_file()}


def add(versions: Snapshots, files: dict[str, bytes] = FILES) -> str:
    return versions.freeze({name: versions.keep(lambda file, body=body: file.write_bytes(body))[0]
                            for name, body in files.items()})  # fmt: skip


def own(number: int) -> dict[str, bytes]:
    return {**FILES, "own": str(number).encode()}


def add_in_process(settings: Settings, number: int) -> str:
    return add(Snapshots(settings), own(number))


def dvc_repository(folder: Path, settings: Settings) -> Any:
    """A repository of DVC itself, with the same remote and a cache of its own."""
    from dvc.repo import Repo

    Repo.init(str(folder), no_scm=True).close()
    assert settings.secret_key
    remote = {
        "url": settings.dvc_remote,
        "endpointurl": settings.endpoint,
        "region": settings.region,
        "access_key_id": settings.access_key,
        "secret_access_key": settings.secret_key.get_secret_value(),
    }
    return Repo(str(folder), config={"core": {"analytics": False, "remote": "lake"}, "remote": {"lake": remote}})


def remote_objects(stores: Stores) -> dict[str, ObjectInfo]:
    return {item.key: item for item in Objects(stores.settings, stores.settings.dvc_remote).listing("")}


@pytest.fixture
def elsewhere(stores: Stores, tmp_path: Path) -> Snapshots:
    """The same remote, seen from a machine that has nothing yet."""
    return Snapshots(stores.settings.model_copy(update={"home": tmp_path / "other-home"}))


def test_the_same_bytes_have_the_same_md5_and_come_back_anywhere(stores: Stores, elsewhere: Snapshots) -> None:
    md5 = add(stores.snapshots)
    assert md5.endswith(".dir")
    assert add(stores.snapshots) == md5
    assert read(stores.snapshots.checkout(md5)) == FILES
    assert read(elsewhere.checkout(md5)) == FILES
    assert elsewhere.checkout(md5) == elsewhere.checkout(md5)


def test_dvc_gives_a_folder_the_same_md5_and_brings_ours_back(stores: Stores, tmp_path: Path) -> None:
    md5 = add(stores.snapshots)
    stores.snapshots.export(md5)
    (tmp_path / "dvc").mkdir()
    with dvc_repository(tmp_path / "dvc", stores.settings) as repo:
        shutil.copy(stores.settings.project / "data.dvc", tmp_path / "dvc" / "data.dvc")
        repo.pull()
        assert read(tmp_path / "dvc" / "data") == FILES
        repo.add([str(tmp_path / "dvc" / "data")])
        assert (tmp_path / "dvc" / "data.dvc").read_text() == (stores.settings.project / "data.dvc").read_text()


def test_what_dvc_pushed_is_checked_out(stores: Stores, tmp_path: Path) -> None:
    (tmp_path / "dvc").mkdir()
    with dvc_repository(tmp_path / "dvc", stores.settings) as repo:
        write(tmp_path / "dvc" / "data", own(7))
        repo.add([str(tmp_path / "dvc" / "data")])
        repo.push()
    assert read(stores.snapshots.checkout(read_md5(tmp_path / "dvc" / "data.dvc"))) == own(7)


def test_only_what_the_remote_lacks_is_pushed(stores: Stores, elsewhere: Snapshots) -> None:
    add(stores.snapshots)
    before = remote_objects(stores)
    add(elsewhere, own(1))
    after = remote_objects(stores)
    assert len(after.keys() - before.keys()) == 2
    assert {key: after[key] for key in before} == before


def test_in_a_remote_of_many_objects_each_is_asked_for(stores: Stores, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remote, "LISTED_PER_QUESTION", 1)
    files = {f"night={number}": str(number).encode() for number in range(40)}
    blobs = {stores.snapshots.keep(lambda file, body=body: file.write_bytes(body))[0] for body in files.values()}
    add(stores.snapshots, dict(list(files.items())[:20]))
    there, asked = Remote(stores.settings), set(list(sorted(blobs, key=lambda blob: blob.md5))[::4])
    inside = {blob for blob in asked if f"files/md5/{blob.md5[:2]}/{blob.md5[2:]}" in remote_objects(stores)}
    assert inside
    assert there.lacking(asked) == asked - inside
    assert add(stores.snapshots, files) == add(stores.snapshots, files)
    assert there.lacking(blobs) == set()


def test_a_truncated_object_of_the_remote_is_pushed_again(stores: Stores, elsewhere: Snapshots) -> None:
    md5 = add(stores.snapshots)
    body = FILES["day=2024-01-02/part-00000.parquet"]
    name = hashlib.md5(body).hexdigest()
    objects = Objects(stores.settings, stores.settings.dvc_remote)
    objects.put(f"files/md5/{name[:2]}/{name[2:]}", body[:-1])
    with pytest.raises(MissingPartition, match=f"{name} of snapshot {md5} is not in s3://dvc/.*, or not whole"):
        elsewhere.checkout(md5)
    assert add(stores.snapshots) == md5
    assert read(elsewhere.checkout(md5)) == FILES


@pytest.mark.parametrize("damage", [b"ONE", b"longer than before", b""])
def test_a_damaged_file_of_this_machine_is_never_handed_out(stores: Stores, damage: bytes) -> None:
    md5 = add(stores.snapshots)
    file = stores.snapshots.checkout(md5) / "day=2024-01-01" / "part-00000.parquet"
    file.chmod(0o644)
    file.write_bytes(damage)
    (file.parent / "more").write_text("a file that nobody asked for")
    assert read(stores.snapshots.checkout(md5)) == FILES
    assert add(stores.snapshots) == md5


def test_without_its_cache_a_machine_fetches_again(stores: Stores) -> None:
    md5 = add(stores.snapshots)
    for folder in ("dvc-cache", "snapshots"):
        shutil.rmtree(stores.settings.home / folder, ignore_errors=True)
    assert read(stores.snapshots.checkout(md5)) == FILES


def test_a_file_that_was_only_touched_is_still_known(stores: Stores) -> None:
    md5 = add(stores.snapshots)
    file = stores.snapshots.checkout(md5) / "day=2024-01-01" / "part-00000.parquet"
    file.touch()
    assert read(stores.snapshots.checkout(md5)) == FILES
    assert file.stat().st_mtime == 0


def test_a_snapshot_that_leads_out_of_its_folder_is_refused(stores: Stores) -> None:
    blob, _ = stores.snapshots.keep(lambda file: file.write_bytes(b"x"))
    md5 = stores.snapshots.freeze({"../x": blob})
    with pytest.raises(DataError, match=r"names the file ../x, which lies outside of it"):
        stores.snapshots.checkout(md5)


@pytest.mark.parametrize("md5", ["", "abc", "../../etc/passwd", "0" * 32, "Z" * 32 + ".dir"])
def test_what_is_no_md5_is_refused_before_anything_is_asked(stores: Stores, md5: str) -> None:
    with pytest.raises(UsageError, match="is not the md5 of a snapshot"):
        stores.snapshots.checkout(md5)


def test_other_bytes_or_names_have_another_md5(stores: Stores) -> None:
    one, two = (add(stores.snapshots, own(number)) for number in (1, 2))
    moved = add(stores.snapshots, {"day=2024-01-03/x": b"one"})
    assert len({one, two, moved}) == 3
    assert read(stores.snapshots.checkout(one))["own"] == b"1"


def test_nothing_is_left_over(stores: Stores) -> None:
    md5 = add(stores.snapshots)
    stores.snapshots.checkout(md5)
    with pytest.raises(RuntimeError, match="half way"):
        stores.snapshots.keep(lambda file: (_ for _ in ()).throw(RuntimeError("half way")))
    assert [path.name for path in (stores.settings.home / "snapshots").iterdir()] == [md5]
    cached = [path for path in (stores.settings.home / "dvc-cache" / "files" / "md5").rglob("*") if path.is_file()]
    assert len(cached) == 3


def test_a_full_disk_is_said_to_be_full(stores: Stores) -> None:
    def fill(file: Path) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(OutOfSpace, match=r"no room in .*dvc-cache"):
        stores.snapshots.keep(fill)


def test_runs_side_by_side_in_threads_do_not_meet(stores: Stores, elsewhere: Snapshots) -> None:
    with ThreadPoolExecutor(2) as pool:
        one, other = pool.map(lambda number: add(stores.snapshots, own(number)), (1, 2))
        same = list(pool.map(lambda _: add(stores.snapshots), range(2)))
    assert len({one, other, same[0]}) == 3
    assert same[0] == same[1]
    assert read(elsewhere.checkout(other))["own"] == b"2"


def test_runs_side_by_side_in_processes_do_not_meet(stores: Stores, elsewhere: Snapshots) -> None:
    assert add(stores.snapshots)
    with ProcessPoolExecutor(2, mp_context=multiprocessing.get_context("spawn")) as pool:
        found = list(pool.map(add_in_process, [stores.settings] * 2, [1, 2]))
    assert len(set(found)) == 2
    assert [read(elsewhere.checkout(md5))["own"] for md5 in found] == [b"1", b"2"]


def test_an_md5_that_was_never_pushed_is_said_to_be_missing(stores: Stores) -> None:
    with pytest.raises(MissingPartition, match=r"snapshot 0{32}\.dir is not in s3://dvc/") as error:
        stores.snapshots.checkout("0" * 32 + ".dir")
    assert "dvc push" in str(error.value.fix)
    assert [path for path in stores.settings.home.rglob("*") if path.is_file()] == []


def test_a_project_s_own_data_are_exported_and_adopted(stores: Stores, project: Path) -> None:
    md5 = add(stores.snapshots)
    assert stores.snapshots.export(md5) == project / "data.dvc"
    assert read(project / "data") == FILES
    assert read_md5(project / "data.dvc") == md5
    assert stores.snapshots.adopt(project / "data") == md5
    assert stores.snapshots.export(md5) == project / "data.dvc"


def test_data_that_differ_from_their_pointer_are_refused(stores: Stores, project: Path) -> None:
    md5 = add(stores.snapshots)
    stores.snapshots.export(md5)
    (project / "data" / "own").write_bytes(b"changed by hand")
    with pytest.raises(UsageError, match=rf"data is \w+\.dir, data.dvc names {md5}") as error:
        stores.snapshots.adopt(project / "data")
    assert error.value.fix == "dvc checkout data.dvc"


@pytest.mark.parametrize("lost", ["data", "data.dvc"])
def test_without_folder_or_pointer_it_says_how_to_get_them(stores: Stores, project: Path, lost: str) -> None:
    stores.snapshots.export(add(stores.snapshots))
    shutil.rmtree(project / lost) if lost == "data" else (project / lost).unlink()
    with pytest.raises(UsageError, match="is missing") as error:
        stores.snapshots.adopt(project / "data")
    assert error.value.fix == "dvc pull data.dvc"
