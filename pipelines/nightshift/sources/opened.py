"""A file as the table that it holds."""

from nightshift.sources.csv_table import CsvTable
from nightshift.sources.parquet_table import ParquetTable
from nightshift.sources.places import TEXTS, File
from nightshift.sources.tables import Table
from nightshift.spec.source import CsvFormat
from nightshift.stores.bounds import NO_MORE, Limits


def opened(
    file: File,
    csv: CsvFormat,
    limits: Limits = NO_MORE,
) -> Table:
    """The table of a file, by its ending; ``csv`` says how texts are written, ``limits`` how much it may hold."""
    if file.uri.endswith(TEXTS):
        return CsvTable(file, csv)
    return ParquetTable(file, limits)
