"""Quantiles in order as the last nodes of a graph: those that were learnt apart may cross."""

from nightshift.optimization.tail import Tail, tail_of

RAW = "unordered"
PREFIX = "order_"


def ordered(body: bytes, middle: int) -> bytes:
    """The graph, its quantiles (n, k) rising: the middle one stays, and none outside of it crosses one inside."""
    tail = tail_of(body, RAW, PREFIX)
    width = tail.width
    if width == 1:
        tail.node("Identity", [RAW], tail.name)
        return tail.finish(width)
    columns = [tail.column(place) for place in range(width)]
    upwards = columns[middle:]
    downwards = columns[middle::-1]
    above = _outwards(tail, "Max", upwards)
    below = _outwards(tail, "Min", downwards)
    in_place = [*below[:0:-1], *above]
    tail.node("Concat", in_place, tail.name, axis=1)
    return tail.finish(width)


def _outwards(tail: Tail, operator: str, columns: list[str]) -> list[str]:
    """Each column, or the one before it where that is further out."""
    last, *others = columns
    in_order = [last]
    for column in others:
        pair = [last, column]
        last = tail.node(
            operator,
            pair,
            f"{PREFIX}{column}",
        )
        in_order.append(last)
    return in_order
