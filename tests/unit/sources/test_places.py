"""Which files are data: not the marks of those who write them, nor the files of tables that are more than these."""

from pathlib import Path

import pytest

from nightshift.errors import SourceMissing, SourceUnreadable
from nightshift.sources.places import File, find
from nightshift.stores import Stores


def touch(folder: Path, *names: str) -> None:
    for name in names:
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch()


def names(stores: Stores, pattern: str) -> list[str]:
    project = stores.settings.project
    return [str(Path(file.uri).relative_to(project)) for file in find(pattern, stores.settings)]


def test_what_a_writer_has_not_finished_is_no_data(stores: Stores, tmp_path: Path) -> None:
    touch(tmp_path, "in/_temporary/0/a.parquet", "in/.hidden/a.parquet", "in/_SUCCESS", "in/.a.parquet.crc")
    touch(tmp_path, "in/day=1/_temporary/a.parquet", "in/_day=1/a.parquet", "in/day=1/a.parquet")
    assert names(stores, "in/**/*") == ["in/_day=1/a.parquet", "in/day=1/a.parquet"]
    with pytest.raises(SourceMissing):
        names(stores, "in/_temporary/**/_*.parquet")


def test_a_folder_of_a_person_s_own_may_have_any_name(stores: Stores, tmp_path: Path) -> None:
    touch(tmp_path, "_mine/.here/a.parquet")
    assert names(stores, "_mine/.here/*.parquet") == ["_mine/.here/a.parquet"]


@pytest.mark.parametrize(
    ("log", "kind"),
    [
        ("t/_delta_log/00000000000000000000.json", "a Delta table"),
        ("t/metadata/v1.metadata.json", "an Iceberg table"),
        ("t/metadata/00000-b1c2.metadata.json", "an Iceberg table"),
        ("t/.hoodie/hoodie.properties", "a Hudi table"),
    ],
)
@pytest.mark.parametrize("pattern", ["t/data/*.parquet", "t/**/*.parquet", "**/*.parquet", "t/data/a.parquet"])
def test_a_table_of_another_format_is_refused(
    stores: Stores, tmp_path: Path, log: str, kind: str, pattern: str
) -> None:
    touch(tmp_path, log, "t/data/a.parquet")
    with pytest.raises(SourceUnreadable, match=f"/t is {kind}: read as plain Parquet, its deleted") as error:
        find(pattern, stores.settings)
    assert "source.callable" in str(error.value.fix)


def test_files_beside_such_a_table_are_read(stores: Stores, tmp_path: Path) -> None:
    touch(tmp_path, "t/_delta_log/0.json", "t/a.parquet", "t2/a.parquet", "metadata/readme.json")
    assert names(stores, "t2/*.parquet") == ["t2/a.parquet"]


def test_hive_writes_null_as_a_word() -> None:
    uri = "/x/region=__HIVE_DEFAULT_PARTITION__/site=a%20b/empty=/a.parquet"
    file = File(uri, uri, None, None)  # type: ignore[arg-type]
    assert file.parts == {"region": None, "site": "a b", "empty": ""}
