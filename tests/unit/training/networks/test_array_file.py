"""Arrays as bytes: what was packed is read back, and nothing that is read can run."""

import json

import numpy as np
import pytest

from nightshift.training.networks.array_file import packed, unpacked

ARRAYS = {
    "weights.0": np.arange(6, dtype=np.float32).reshape(2, 3),
    "codes": np.array([[1, -1]], np.int64),
    "nothing": np.empty((0, 4), np.float64),
    "one": np.array(3.5, np.float32),
}


def test_what_was_packed_is_read_back_to_the_last_bit() -> None:
    arrays, notes = unpacked(packed(ARRAYS, {"epochs": "3"}))
    assert notes == {"epochs": "3"}
    assert list(arrays) == sorted(ARRAYS)
    for name, array in ARRAYS.items():
        assert arrays[name].dtype == array.dtype
        assert arrays[name].shape == array.shape
        assert arrays[name].tobytes() == array.tobytes()


def test_the_same_content_has_the_same_bytes_in_the_layout_of_safetensors() -> None:
    body = packed(ARRAYS, {})
    assert body == packed(ARRAYS, {})
    length = int.from_bytes(body[:8], "little")
    header = json.loads(body[8 : 8 + length])
    assert header["weights.0"] == {"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24]}


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\x80\x04\x95 a pickle",
        packed(ARRAYS, {})[:-3],
        packed(ARRAYS, {})[:40],
        packed({}, {}).replace(b"__metadata__", b"__metadatq__"),
        packed(ARRAYS, {}).replace(b'"F32"', b'"O16"'),
    ],
)
def test_other_bytes_are_an_error_and_nothing_else(body: bytes) -> None:
    with pytest.raises(ValueError, match=r"\S"):
        unpacked(body)


def test_an_array_of_objects_cannot_be_packed() -> None:
    with pytest.raises(KeyError):
        packed({"x": np.array([object()])}, {})
