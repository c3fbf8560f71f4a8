"""A file as the table that it holds."""

from nightshift.sources.csv_table import CsvTable
from nightshift.sources.parquet_table import ParquetTable
from nightshift.sources.places import TEXTS, File
from nightshift.sources.tables import Table
from nightshift.spec.source import CsvFormat


def opened(file: File, csv: CsvFormat) -> Table:
    """The table of a file, by its ending; ``csv`` says how texts are written."""
    if file.uri.endswith(TEXTS):
        return CsvTable(file, csv)
    return ParquetTable(file)
