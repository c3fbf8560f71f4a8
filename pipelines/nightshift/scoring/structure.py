"""How many entries an ONNX file has, counted before it is parsed: one of two bytes becomes a hundred times that."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

from nightshift.errors import UnsafeGraph

MOST_ENTRIES = 200_000
MOST_STRUCTURE = 64 * 2**20
"""Bytes of a file besides the numbers of its tensors: trees of a million nodes have half of that."""
DEEPEST = 20
ATTRIBUTE = "onnx.AttributeProto"
TENSOR = "onnx.TensorProto"
INSIDE_ATTRIBUTE = (5, 6, 10, 11, 14, 15, 22, 23)
"""Fields of an attribute that hold more than numbers and texts."""
NUMBERS_OF_TENSOR = (4, 9)
VARINT = 0
DELIMITED = 2
FIXED = {1: 8, 5: 4}


class NotWire(Exception):
    """Bytes that are no message of protobuf."""


def require_few_entries(body: bytes, name: str) -> None:
    """Raises ``UnsafeGraph`` for a file that would be many times its size in memory, or that is none."""
    import onnx

    count = _Count(structure=len(body))
    try:
        count.walk(memoryview(body), onnx.ModelProto.DESCRIPTOR)
    except (NotWire, IndexError) as error:
        raise UnsafeGraph(f"{name}: not an ONNX file") from error
    if count.entries > MOST_ENTRIES:
        raise UnsafeGraph(f"{name}: the ONNX file has more than {MOST_ENTRIES:,} entries")
    if count.structure > MOST_STRUCTURE:
        raise UnsafeGraph(
            f"{name}: the ONNX file has {count.structure:,} bytes besides its tensors, allowed {MOST_STRUCTURE:,}"
        )


@dataclass
class _Count:
    """Entries so far, and the bytes that are not numbers of tensors."""

    structure: int
    entries: int = 0

    def walk(self, message: memoryview, kind: Any, depth: int = 0) -> None:
        """Count the fields of a message, and of those inside."""
        if depth > DEEPEST:
            raise NotWire
        for number, content in _fields(message):
            self.entries += 1
            if self.entries > MOST_ENTRIES:
                return
            field = kind.fields_by_number.get(number)
            if content is None or field is None:
                continue
            if kind.full_name == TENSOR and number in NUMBERS_OF_TENSOR:
                self.structure -= len(content)
            if field.message_type is not None and not _is_plain(field.message_type, content):
                self.walk(content, field.message_type, depth + 1)


def _is_plain(kind: Any, content: memoryview) -> bool:
    """Whether it is an attribute of nothing but numbers and texts, which are as large in memory as in the file."""
    if kind.full_name != ATTRIBUTE:
        return False
    from google.protobuf.message import DecodeError

    try:
        inside = _inside_attribute().FromString(bytes(content))
    except DecodeError as error:
        raise NotWire from error
    return not inside.ListFields()


@cache
def _inside_attribute() -> Any:
    """A message that keeps of an attribute only the last of each field that holds another message."""
    from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

    file = descriptor_pb2.FileDescriptorProto(name="nightshift/inside.proto", package="nightshift", syntax="proto2")
    message = file.message_type.add(name="Inside")
    for number in INSIDE_ATTRIBUTE:
        message.field.add(name=f"of_{number}", number=number, type=12, label=1)
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("nightshift.Inside"))


def _fields(message: memoryview) -> Iterator[tuple[int, memoryview | None]]:
    """The fields of a message, by number: the content of those that have a length."""
    place = 0
    while place < len(message):
        tag, place = _varint(message, place)
        wire = tag & 7
        content = None
        if wire == VARINT:
            _, place = _varint(message, place)
        elif wire in FIXED:
            place += FIXED[wire]
        elif wire == DELIMITED:
            size, place = _varint(message, place)
            content = message[place : place + size]
            place += size
        else:
            raise NotWire
        yield tag >> 3, content
    if place != len(message):
        raise NotWire


def _varint(message: memoryview, place: int) -> tuple[int, int]:
    value = 0
    for shift in range(0, 70, 7):
        byte = message[place]
        place += 1
        value |= (byte & 127) << shift
        if byte < 128:
            return value, place
    raise NotWire
