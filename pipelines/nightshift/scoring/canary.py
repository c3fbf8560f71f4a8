"""Which rows of a night a canary scores: those whose keys the hash draws, the same however the night is cut.

The hash of a row's keys is mixed with a salt of the model and the canary's entry in the ledger. So a key stays with one
version for as long as that canary stands, and neither another canary nor the monitoring sample, which goes by the bare
hash, tells which rows are its own.
"""

import hashlib
import json

import numpy as np
import pyarrow as pa

from nightshift.contracts import CanaryPin
from nightshift.modelling.arrays import Booleans
from nightshift.scoring.sample import hashes_of
from nightshift.stores.key_hashes import remixed

HASHES = 2**64


def canary_rows(canary: CanaryPin, keys: pa.RecordBatch) -> Booleans:
    """Of each row whether the canary scores it, shape (n,): a ``share`` of all keys there could be."""
    mixed = remixed(hashes_of(keys), _salt(canary))
    drawn: Booleans = mixed < np.uint64(canary.share * HASHES)
    return drawn


def _salt(canary: CanaryPin) -> np.uint64:
    named = json.dumps([canary.pin.model, canary.number]).encode()
    digest = hashlib.sha256(named).digest()
    return np.uint64(int.from_bytes(digest[:8], "big"))
