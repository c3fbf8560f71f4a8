"""How CSV files are written, found out while a spec is drafted and written down in it."""

import codecs
import csv
import io
from collections.abc import Sequence

from nightshift.errors import UsageError
from nightshift.sources.csv_table import HEAD_CHARACTERS, pieces
from nightshift.sources.places import TEXTS, File
from nightshift.spec.source import CsvFormat

SEPARATORS = (",", ";", "\t", "|")
MARKS = {
    codecs.BOM_UTF8: "utf-8",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
FALLBACKS = ("cp1252", "latin-1")
MOST_LINES = 200


def csv_format(files: Sequence[File]) -> CsvFormat:
    """The separator and the encoding of those files that are CSV. Raises ``UsageError`` when they have several."""
    texts = [file for file in files if file.uri.endswith(TEXTS)]
    if not texts:
        return CsvFormat()
    encoding = _encoding(texts)
    return CsvFormat(separator=_separator(texts[0], encoding), encoding=encoding)


def _encoding(files: Sequence[File]) -> str:
    """One that reads all files: that of their marks, UTF-8, or one of a byte for each letter."""
    by_encoding: dict[str, File] = {}
    for file in files:
        encoding = _encoding_of(file)
        if encoding is not None:
            by_encoding.setdefault(encoding, file)
    if len(by_encoding) > 1:
        names = ", ".join(f"{file.uri} is {encoding}" for encoding, file in by_encoding.items())
        raise UsageError(f"files have different encodings: {names}", fix="write them anew in one, or narrow --data")
    return next(iter(by_encoding), "utf-8")


def _encoding_of(file: File) -> str | None:
    """The encoding of one file; None where it has only ASCII, which all of them read."""
    start = next(pieces(file), b"")
    for mark, encoding in MARKS.items():
        if start.startswith(mark):
            return encoding
    if _reads(file, "ascii"):
        return None
    return next((name for name in ("utf-8", *FALLBACKS) if _reads(file, name)), None)


def _reads(file: File, encoding: str) -> bool:
    decoder = codecs.getincrementaldecoder(encoding)()
    try:
        for piece in pieces(file):
            decoder.decode(piece)
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return False
    return True


def _separator(file: File, encoding: str) -> str:
    """The one by which most lines of the beginning have the most fields, as many as the header."""
    start = next(pieces(file), b"")
    decoder = codecs.getincrementaldecoder(encoding)()
    text = decoder.decode(start[:HEAD_CHARACTERS])
    fields = {}
    for separator in SEPARATORS:
        fields[separator] = _fields(text, separator)
    return max(SEPARATORS, key=lambda separator: fields[separator])


def _fields(text: str, separator: str) -> tuple[float, int]:
    """The share of lines with as many fields as the header, 0 for one field, and how many these are."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator)
    lengths = [len(line) for line in reader if line][:MOST_LINES]
    header, *others = lengths or [0]
    if header < 2:
        return 0.0, 0
    # The last may be cut.
    whole = others[:-1]
    alike = sum(length == header for length in whole)
    share = alike / len(whole) if whole else 1.0
    return round(share, 1), header
