"""Code that gives a night the same features whenever it runs: it may not ask what time it is."""

import ast
from pathlib import Path

from nightshift.errors import SpecError

METHODS = {"now", "today", "utcnow"}
"""Of datetime, date and pandas' Timestamp."""
FUNCTIONS = {"time", "time_ns", "localtime", "gmtime"}
"""Of the module time."""
WORDS = {"now", "today"}
"""What pandas and NumPy read as the present."""


def require_no_clock(file: Path) -> None:
    """Raises ``SpecError`` for a Python file that cannot be parsed, or that reads the clock, naming the line."""
    try:
        tree = ast.parse(file.read_text(encoding="utf-8"))
    except (SyntaxError, UnicodeDecodeError) as error:
        raise SpecError(f"{file} is not Python: {error}", fix="mend the file") from error
    from_time = _names_of_time(tree)
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and _asks_the_time(node, from_time):
            raise SpecError(
                f"{file}: line {node.lineno}: {ast.unparse(node)} reads the clock, so that a night made again would"
                " get other features",
                fix="use the argument night, the date of the rows",
            )


def _names_of_time(tree: ast.Module) -> set[str]:
    """What the file calls functions of the module time."""
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module == "time":
            names.update(alias.asname or alias.name for alias in node.names if alias.name in FUNCTIONS)
    return names


def _asks_the_time(call: ast.Call, from_time: set[str]) -> bool:
    values = [argument.value for argument in call.args if isinstance(argument, ast.Constant)]
    if any(isinstance(value, str) and value in WORDS for value in values):
        return True
    function = call.func
    if isinstance(function, ast.Name):
        return function.id in from_time
    if not isinstance(function, ast.Attribute):
        return False
    of_time = isinstance(function.value, ast.Name) and function.value.id == "time"
    return function.attr in METHODS or (of_time and function.attr in FUNCTIONS)
