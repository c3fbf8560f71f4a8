"""A calibration as the last nodes of a graph: what scores in production is calibrated, whoever opens it."""

import numpy as np

from nightshift.errors import ModelError
from nightshift.optimization.tail import Tail, tail_of
from nightshift.training.calibration import Calibration, Isotonic, Platt
from nightshift.training.calibration.maps import SMALLEST

RAW = "uncalibrated"
PREFIX = "calibration_"


def calibrated(body: bytes, calibration: Calibration | None) -> bytes:
    """The graph, its scores of n rows calibrated: (n, 1) of two classes, (n, k) of several. None changes nothing."""
    if calibration is None:
        return body
    tail = tail_of(body, RAW, PREFIX)
    maps = calibration.maps
    # Of two classes the last is yes.
    first = tail.width - len(maps)
    if first < 0:
        raise ModelError(f"a graph of {tail.width} scores cannot be calibrated by {len(maps)} maps")
    columns = []
    for place, score_map in enumerate(maps):
        column = tail.column(first + place)
        columns.append(_mapped(tail, column, score_map, place))
    _side_by_side(tail, columns, calibration)
    return tail.finish(len(maps))


def _mapped(tail: Tail, column: str, score_map: Platt | Isotonic, place: int) -> str:
    name = f"{PREFIX}{place}_"
    if isinstance(score_map, Platt):
        return _platt(tail, column, score_map, name)
    return _isotonic(tail, column, score_map, name)


def _platt(tail: Tail, column: str, line: Platt, name: str) -> str:
    low = tail.number(f"{name}low", SMALLEST)
    high = tail.number(f"{name}high", line.highest)
    inside = tail.node("Clip", [column, low, high], f"{name}inside")
    one = tail.number(f"{name}one", 1.0)
    rest = tail.node("Sub", [one, inside], f"{name}rest")
    of_yes = tail.node("Log", [inside], f"{name}log")
    of_no = tail.node("Log", [rest], f"{name}log_rest")
    odds = tail.node("Sub", [of_yes, of_no], f"{name}odds")
    slope = tail.number(f"{name}slope", line.slope)
    shift = tail.number(f"{name}shift", line.shift)
    sloped = tail.node("Mul", [odds, slope], f"{name}sloped")
    moved = tail.node("Add", [sloped, shift], f"{name}moved")
    return tail.node("Sigmoid", [moved], f"{name}mapped")


def _isotonic(tail: Tail, column: str, lines: Isotonic, name: str) -> str:
    """The sum of what each line has risen up to a score: nothing is taken away again, so little is rounded."""
    widths = np.diff(lines.scores)
    starts = tail.number(f"{name}starts", lines.scores[:-1])
    per_width = tail.number(f"{name}per_width", 1 / widths)
    beyond = tail.node("Sub", [column, starts], f"{name}beyond")
    share = tail.node("Mul", [beyond, per_width], f"{name}share")
    zero = tail.number(f"{name}zero", 0.0)
    one = tail.number(f"{name}one", 1.0)
    risen = tail.node("Clip", [share, zero, one], f"{name}risen")
    rises = tail.number(f"{name}rises", np.diff(lines.shares)[:, None])
    first = tail.number(f"{name}first", lines.shares[0])
    total = tail.node("MatMul", [risen, rises], f"{name}total")
    return tail.node("Add", [total, first], f"{name}mapped")


def _side_by_side(tail: Tail, columns: list[str], calibration: Calibration) -> None:
    """The columns side by side, of each row a sum of 1 where one class will come."""
    if not calibration.sums_to_one:
        tail.node("Concat", columns, tail.name, axis=1)
        return
    together = tail.node("Concat", columns, f"{PREFIX}together", axis=1)
    ones = tail.number(f"{PREFIX}ones", np.ones((len(columns), 1)))
    total = tail.node("MatMul", [together, ones], f"{PREFIX}total")
    tail.node("Div", [together, total], tail.name)
