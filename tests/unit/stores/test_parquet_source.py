"""A night's file is opened once, however many threads read it, and read anew where a page was damaged."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from nightshift.stores.parquet_source import ParquetSource, iter_row_groups

GROUPS = 12
ROWS = 500


class Folder:
    """Objects in a folder, which says how often one was opened."""

    uri = "s3://lake"

    def __init__(self, root: Path) -> None:
        self.root = root
        self.opened = 0

    def open(self, key: str) -> Any:
        self.opened += 1
        return pa.OSFile(str(self.root / key))


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    table = pa.table({"number": range(GROUPS * ROWS), "text": [f"t{row % 7}" for row in range(GROUPS * ROWS)]})
    pq.write_table(table, tmp_path / "night.parquet", row_group_size=ROWS, write_page_checksum=True)
    return Folder(tmp_path)


def test_threads_share_a_file_that_was_opened_once(folder: Folder) -> None:
    """Each opening asks the store for the size: a request for every row group."""
    source = ParquetSource(folder, "night.parquet")  # type: ignore[arg-type]  # All of Objects that it uses.
    footer = source.open().metadata

    def read(group: int) -> list[int]:
        file = source.open(["text"], footer)
        batches = iter_row_groups(file, ["number", "text"], group, group + 1, side_by_side=False)
        return [number for batch in batches for number in batch["number"].to_pylist()]

    with ThreadPoolExecutor(4) as pool:
        numbers = [number for group in pool.map(read, range(GROUPS)) for number in group]
    assert numbers == list(range(GROUPS * ROWS))
    assert folder.opened == 1
