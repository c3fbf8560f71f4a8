"""Which categories the reference has seen, beyond those with a bin of their own: hashes, exact up to a bound."""

import base64
import hashlib
from functools import lru_cache

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from nightshift.modelling.arrays import Array, Booleans, Places

HASH_BYTES = 8
HASH_TYPE = "<u8"
MOST_KNOWN = 2**16
"""Of more values the most frequent are known: a feature's profile stays below a megabyte."""


def hashes_of(texts: pa.Array) -> Array:
    """64 bits of each text, the same for ever: of 65,536 known ones none is mistaken in 10^14 that are not."""
    digests = bytearray()
    for text in texts.to_pylist():
        encoded = text.encode("utf-8", "surrogatepass")
        hasher = hashlib.blake2b(encoded, digest_size=HASH_BYTES)
        digests += hasher.digest()
    content = bytes(digests)
    return np.frombuffer(content, HASH_TYPE)


def packed(hashes: Array) -> str:
    """Hashes as text of a profile."""
    little_endian = hashes.astype(HASH_TYPE)
    ordered = np.sort(little_endian)
    content = ordered.tobytes()
    encoded = base64.b64encode(content)
    return encoded.decode()


@lru_cache(maxsize=128)
def unpacked(text: str) -> Array:
    """The sorted hashes of ``packed``."""
    return np.frombuffer(base64.b64decode(text), HASH_TYPE)


def are_known(texts: pa.Array, known: str) -> Booleans:
    """Which texts are among those that were packed, shape (texts,)."""
    hashes = unpacked(known)
    if hashes.size == 0 or len(texts) == 0:
        return np.zeros(len(texts), bool)
    asked = hashes_of(texts)
    places = np.searchsorted(hashes, asked)
    inside = np.minimum(places, hashes.size - 1)
    return np.asarray(hashes[inside] == asked)


def seen_only_near(values: pa.Array, night: Places, block: int) -> Booleans:
    """Rows (rows,) whose value occurs on no night that is more than ``block`` nights from theirs.

    So many values a night would not know if the reference had been without its neighbours: as new as what a
    night after the reference brings.
    """
    encoded = pc.dictionary_encode(values)
    if isinstance(encoded, pa.ChunkedArray):
        encoded = encoded.combine_chunks()
    codes = encoded.indices.fill_null(len(encoded.dictionary)).to_numpy(zero_copy_only=False)
    number = len(encoded.dictionary) + 1
    first = np.full(number, np.iinfo(np.intp).max)
    last = np.full(number, -1)
    np.minimum.at(first, codes, night)
    np.maximum.at(last, codes, night)
    is_early = first[codes] >= night - block
    is_late = last[codes] <= night + block
    is_null = codes == number - 1
    return np.asarray(is_early & is_late & ~is_null)
