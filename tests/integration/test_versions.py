"""Snapshots in DVC over a real S3: content decides the md5, and the md5 brings back every byte."""

import multiprocessing
import shutil
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from pathlib import Path

import pytest

from pipelines.errors import MissingPartition, UsageError
from pipelines.settings import Settings
from pipelines.stores import Stores
from pipelines.stores.versions import Versions, read_md5

pytestmark = pytest.mark.stack

FILES = {"day=2024-01-01/part-00000.parquet": b"one", "day=2024-01-02/part-00000.parquet": b"two" * 1000}


def write(folder: Path, files: dict[str, bytes] = FILES) -> None:
    for name, body in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(body)


def read(folder: Path) -> dict[str, bytes]:
    return {str(file.relative_to(folder)): file.read_bytes() for file in folder.rglob("*") if file.is_file()}


def writer(number: int) -> Callable[[Path], None]:
    return lambda folder: write(folder, {**FILES, "own": str(number).encode()})


def add_in_process(settings: Settings, number: int) -> str:
    return Versions(settings).add(writer(number))


@pytest.fixture
def elsewhere(stores: Stores, tmp_path: Path) -> Versions:
    """The same remote, seen from a machine that has nothing yet."""
    return Versions(stores.settings.model_copy(update={"home": tmp_path / "other-home"}))


def test_the_same_bytes_have_the_same_md5_and_come_back_anywhere(stores: Stores, elsewhere: Versions) -> None:
    md5 = stores.versions.add(write)
    assert md5.endswith(".dir")
    assert stores.versions.add(write) == md5
    assert read(stores.versions.checkout(md5)) == FILES
    assert read(elsewhere.checkout(md5)) == FILES
    assert elsewhere.checkout(md5) == elsewhere.checkout(md5)


def test_other_bytes_or_names_have_another_md5(stores: Stores) -> None:
    one, two = (stores.versions.add(writer(number)) for number in (1, 2))
    moved = stores.versions.add(lambda folder: write(folder, {"day=2024-01-03/x": b"one"}))
    assert len({one, two, moved}) == 3
    assert read(stores.versions.checkout(one))["own"] == b"1"


def test_nothing_is_left_over(stores: Stores) -> None:
    md5 = stores.versions.add(write)
    with pytest.raises(RuntimeError, match="half way"):
        stores.versions.add(lambda folder: (_ for _ in ()).throw(RuntimeError("half way")))
    assert [path.name for path in (stores.settings.home / "snapshots").iterdir()] == [md5]


def test_runs_side_by_side_in_threads_do_not_meet(stores: Stores, elsewhere: Versions) -> None:
    with ThreadPoolExecutor(2) as pool:
        one, other = pool.map(lambda number: stores.versions.add(writer(number)), (1, 2))
        same = list(pool.map(lambda _: stores.versions.add(write), range(2)))
    assert len({one, other, same[0]}) == 3
    assert same[0] == same[1]
    assert read(elsewhere.checkout(other))["own"] == b"2"


def test_runs_side_by_side_in_processes_do_not_meet(stores: Stores, elsewhere: Versions) -> None:
    assert stores.versions.add(write)
    with ProcessPoolExecutor(2, mp_context=multiprocessing.get_context("spawn")) as pool:
        found = list(pool.map(add_in_process, [stores.settings] * 2, [1, 2]))
    assert len(set(found)) == 2
    assert [read(elsewhere.checkout(md5))["own"] for md5 in found] == [b"1", b"2"]


def test_an_md5_that_was_never_pushed_is_said_to_be_missing(stores: Stores) -> None:
    with pytest.raises(MissingPartition, match=r"snapshot 0{32}\.dir is not in s3://dvc/") as error:
        stores.versions.checkout("0" * 32 + ".dir")
    assert "dvc push" in str(error.value.fix)
    assert list((stores.settings.home / "snapshots").iterdir()) == []


def test_a_project_s_own_data_are_exported_and_adopted(stores: Stores, project: Path) -> None:
    md5 = stores.versions.add(write)
    assert stores.versions.export(md5) == project / "data.dvc"
    assert read(project / "data") == FILES
    assert read_md5(project / "data.dvc") == md5
    assert stores.versions.adopt(project / "data") == md5
    assert stores.versions.export(md5) == project / "data.dvc"


def test_data_that_differ_from_their_pointer_are_refused(stores: Stores, project: Path) -> None:
    md5 = stores.versions.add(write)
    stores.versions.export(md5)
    (project / "data" / "own").write_bytes(b"changed by hand")
    with pytest.raises(UsageError, match=rf"data is \w+\.dir, data.dvc names {md5}") as error:
        stores.versions.adopt(project / "data")
    assert error.value.fix == "dvc checkout data.dvc"


@pytest.mark.parametrize("lost", ["data", "data.dvc"])
def test_without_folder_or_pointer_it_says_how_to_get_them(stores: Stores, project: Path, lost: str) -> None:
    stores.versions.export(stores.versions.add(write))
    shutil.rmtree(project / lost) if lost == "data" else (project / lost).unlink()
    with pytest.raises(UsageError, match="is missing") as error:
        stores.versions.adopt(project / "data")
    assert error.value.fix == "dvc pull data.dvc"
