"""The bytes of a text file as Arrow can read them: unpacked, and as UTF-8."""

import codecs
import gzip
import zlib
from typing import Any

from nightshift.errors import SourceUnreadable
from nightshift.sources.places import File

HARMLESS_BYTES = 2**28
MOST_PACKED = 200
"""How many times as large as its file a gzip file may become: texts become 10 times, hardly ever 100 times."""
UTF8_MARK = b"\xef\xbb\xbf"


class CountedStream:
    """A stream that says how many bytes of it were read."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream
        self.bytes = 0

    def read(self, size: int) -> bytes:
        """So many bytes, fewer at the end."""
        piece = bytes(self._stream.read(size))
        self.bytes += len(piece)
        return piece


class UnpackedStream:
    """What a gzip file holds, a piece at a time, as long as that is in proportion to the file."""

    def __init__(self, stored: Any, file: File) -> None:
        self._stored = CountedStream(stored)
        self._gzip = gzip.GzipFile(fileobj=self._stored)  # type: ignore[call-overload]
        self._file = file
        self._bytes = 0

    def read(self, size: int) -> bytes:
        """So many bytes, fewer at the end. Raises ``SourceUnreadable``."""
        piece = bytes(self._gzip.read(size))
        self._bytes += len(piece)
        if self._bytes > max(HARMLESS_BYTES, MOST_PACKED * self._stored.bytes):
            raise SourceUnreadable(
                f"{self._file.uri} cannot be read: it becomes more than {MOST_PACKED} times as large when unpacked",
                fix="write it again, not packed",
            )
        return piece


class TextBytes:
    """A file's text as UTF-8 without a mark, for Arrow to read.

    No piece ends in a carriage return, since Arrow loses the line feed that begins the next one, also within quotes
    (https://github.com/apache/arrow/issues/51368).
    """

    closed = False

    def __init__(self, stream: Any, encoding: str) -> None:
        self._stream = stream
        is_utf8 = codecs.lookup(encoding).name in {"utf-8", "utf-8-sig"}
        self._decoder = None if is_utf8 else codecs.getincrementaldecoder(encoding)()
        self._left = b""
        self._is_at_start = True
        self._is_at_end = False

    def read(self, size: int) -> bytes:
        """So many bytes, or one less; fewer only at the end."""
        while len(self._left) < size and not self._is_at_end:
            self._left += self._next(size)
        end = min(size, len(self._left))
        if end > 1 and self._left.endswith(b"\r", 0, end):
            end -= 1
        piece = self._left[:end]
        self._left = self._left[end:]
        return piece

    def close(self) -> None:
        """The stream below is closed by who opened it."""

    def readable(self) -> bool:
        """Nothing else."""
        return True

    def seekable(self) -> bool:
        """Only forwards."""
        return False

    def _next(self, size: int) -> bytes:
        try:
            read = self._stream.read(size)
            self._is_at_end = not read
            if self._decoder is not None:
                text = self._decoder.decode(read, final=self._is_at_end)
                read = text.encode()
        except (EOFError, UnicodeError, zlib.error) as error:
            # Arrow's own readers raise such for files that are cut, or of another encoding.
            raise OSError(f"{type(error).__name__}: {error}") from error
        if self._is_at_start:
            read = bytes(read).removeprefix(UTF8_MARK)
            self._is_at_start = not read
        return bytes(read)
