"""Shapes of charts without a script: the data of SVG paths.

A chart is a drawing of its own with ``viewBox="0 0 N 100"`` and ``preserveAspectRatio="none"``: it is as wide as it
may be, night number i lies from i to i + 1, and 0 is the top. Strokes keep their width by ``vector-effect``; so a line
of no length with round ends is a dot that nothing stretches.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

HEIGHT = 100.0
FEW = 150
"""Up to so many, bars are apart."""
GAP = 0.2


@dataclass(frozen=True)
class Scale:
    """From values to heights; ``high`` is at the top. What is beyond is drawn at the edge."""

    low: float
    high: float

    @classmethod
    def over(cls, values: Iterable[float | None], *always: float) -> "Scale":
        """One that shows all values, and those that are always to be seen."""
        known = [value for value in values if value is not None]
        shown = [*known, *always]
        if not shown:
            return cls(0.0, 1.0)
        low = min(shown)
        high = max(shown)
        if high > low:
            return cls(low, high)
        step = abs(low) or 1.0
        return cls(low, low + step)

    def y(self, value: float) -> float:
        """How far below the top a value lies."""
        share = (value - self.low) / (self.high - self.low)
        return HEIGHT * (1.0 - min(max(share, 0.0), 1.0))


def line(values: Sequence[float | None], scale: Scale) -> str:
    """From one value to the next, also over places without any."""
    points = list(_points(values, scale))
    return "M" + "L".join(points) if points else ""


def dots(values: Sequence[float | None], scale: Scale) -> str:
    """A dot for each value."""
    return "".join(f"M{point}h0" for point in _points(values, scale))


def bars(values: Sequence[float | None], scale: Scale, base: Sequence[float | None] = ()) -> str:
    """A bar for each value, from the bottom or from its base."""
    width = 1.0 - GAP if len(values) <= FEW else 1.0
    parts = []
    for place, value in enumerate(values):
        begin = (base[place] if base else None) or 0.0
        if not value or value == begin:
            continue
        bottom = scale.y(begin)
        top = min(scale.y(value), bottom - 1.0)
        parts.append(f"M{place} {_short(bottom)}V{_short(top)}h{_short(width)}V{_short(bottom)}z")
    return "".join(parts)


def band(lows: Sequence[float | None], highs: Sequence[float | None], scale: Scale) -> str:
    """What lies between two lines, as wide as a night at its ends; apart where either has no value."""
    parts = []
    for run in _runs(lows, highs):
        upper = [f"{x} {_short(scale.y(high))}" for place, _, high in run for x in (place, place + 1)]
        lower = [f"{x} {_short(scale.y(low))}" for place, low, _ in reversed(run) for x in (place + 1, place)]
        parts.append("M" + "L".join([*upper, *lower]) + "z")
    return "".join(parts)


def _points(values: Sequence[float | None], scale: Scale) -> Iterator[str]:
    for place, value in enumerate(values):
        if value is not None:
            yield f"{place}.5 {_short(scale.y(value))}"


def _runs(lows: Sequence[float | None], highs: Sequence[float | None]) -> Iterator[list[tuple[int, float, float]]]:
    run: list[tuple[int, float, float]] = []
    for place, (low, high) in enumerate(zip(lows, highs, strict=True)):
        if low is not None and high is not None:
            run.append((place, low, high))
        elif run:
            yield run
            run = []
    if run:
        yield run


def _short(number: float) -> str:
    return f"{number:.1f}".removesuffix(".0")
