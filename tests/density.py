"""How much stands in a line: a table by room, and a check of the bounds.

    python tests/density.py [--by-room] [--worst N] [FOLDER]

Density of a function: the nodes of its syntax tree (``ast.walk``) by its lines of code. Neither has the docstring;
lines of code have no blank line and no comment, so that neither of them makes a dense function look loose.
Length of a function: all lines from ``def`` to its end without those of the docstring. Decorators count for the
density alone, as nodes and as lines. A function inside another counts by itself, and in the outer one.

Of statements, three habits are counted, each in a statement's own expressions (a block's header, not its body):
several values assigned at once (``a, b = x, y``, unless it moves values among names, as a swap does), several
comprehensions, several conditional expressions. Exits 1 when a bound is broken or a statement has one of them.
"""

import argparse
import ast
import math
import statistics
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

PACKAGE = Path(__file__).parents[1] / "pipelines" / "nightshift"
MAX_MEDIAN_DENSITY = 10
MAX_P90_LENGTH = 22
MAX_LENGTH = 45
MAX_FILE = 300
COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
Definition: TypeAlias = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True)
class Function:
    """One function of one file, measured."""

    where: str
    room: str
    nodes: int
    code_lines: int
    length: int

    @property
    def density(self) -> float:
        """Nodes by lines of code."""
        return self.nodes / self.code_lines


@dataclass(frozen=True)
class Packed:
    """A statement that holds more than one thought, and which habit that is."""

    where: str
    room: str
    habit: str


@dataclass(frozen=True)
class Measures:
    """A package, measured."""

    functions: list[Function]
    packed: list[Packed]
    files: dict[str, int]

    def room(self, room: str) -> "Measures":
        """The same of one room alone."""
        return Measures(
            [function for function in self.functions if function.room == room],
            [statement for statement in self.packed if statement.room == room],
            {name: lines for name, lines in self.files.items() if room_of(name) == room},
        )

    @property
    def median_density(self) -> float:
        """The middle of all functions' densities."""
        return statistics.median(function.density for function in self.functions) if self.functions else 0.0

    @property
    def p90_length(self) -> int:
        """The length that nine of ten functions do not exceed."""
        lengths = sorted(function.length for function in self.functions)
        return lengths[math.ceil(0.9 * len(lengths)) - 1] if lengths else 0

    @property
    def longest(self) -> int:
        """The length of the longest function."""
        return max((function.length for function in self.functions), default=0)

    @property
    def longest_file(self) -> int:
        """The lines of the longest file."""
        return max(self.files.values(), default=0)

    def habits(self) -> dict[str, int]:
        """How often each habit occurs."""
        counts = dict.fromkeys(HABITS, 0)
        for statement in self.packed:
            counts[statement.habit] += 1
        return counts

    def broken(self) -> list[str]:
        """The bounds that are exceeded, and the statements that hold several thoughts, each as a sentence."""
        bounds = [
            ("median density", self.median_density, MAX_MEDIAN_DENSITY),
            ("p90 of function length", self.p90_length, MAX_P90_LENGTH),
            ("longest function", self.longest, MAX_LENGTH),
            ("longest file", self.longest_file, MAX_FILE),
        ]
        exceeded = [f"{name} is {value:.4g}, allowed {bound}" for name, value, bound in bounds if value > bound]
        return exceeded + [f"{packed.where} has several {packed.habit} in one statement" for packed in self.packed]


def measure(package: Path = PACKAGE) -> Measures:
    """Every function and statement of every file below a folder."""
    measures = Measures([], [], {})
    for file in sorted(package.rglob("*.py")):
        name = file.relative_to(package).as_posix()
        source = file.read_text()
        tree = ast.parse(source)
        measures.files[name] = len(source.splitlines())
        measures.functions.extend(_functions(name, tree, source))
        measures.packed.extend(_packed(name, tree))
    return measures


def room_of(name: str) -> str:
    """The top folder of a file's name; files of the ground floor are a room together."""
    room, slash, _ = name.partition("/")
    return room if slash else "(ground)"


def _functions(name: str, tree: ast.Module, source: str) -> Iterator[Function]:
    is_code = [_is_code(line) for line in source.splitlines()]
    for node in ast.walk(tree):
        if isinstance(node, Definition):
            yield _function(name, node, is_code)


def _is_code(line: str) -> bool:
    stripped = line.strip()
    return bool(stripped) and not stripped.startswith("#")


def _function(name: str, node: Definition, is_code: list[bool]) -> Function:
    docstring = _docstring(node)
    docstring_lines = _lines(docstring) if docstring else range(0)
    first = min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)])
    own_lines = set(range(first, _last(node) + 1)) - set(docstring_lines)
    return Function(
        where=f"{name}:{node.lineno} {node.name}",
        room=room_of(name),
        nodes=_size(node) - (_size(docstring) if docstring else 0),
        code_lines=max(1, sum(is_code[line - 1] for line in own_lines)),
        length=_last(node) - node.lineno + 1 - len(docstring_lines),
    )


def _docstring(node: Definition) -> ast.stmt | None:
    return node.body[0] if ast.get_docstring(node, clean=False) is not None else None


def _lines(node: ast.stmt) -> range:
    return range(node.lineno, _last(node) + 1)


def _last(node: ast.stmt) -> int:
    assert node.end_lineno is not None
    return node.end_lineno


def _size(node: ast.AST) -> int:
    return sum(1 for _ in ast.walk(node))


def _packed(name: str, tree: ast.Module) -> Iterator[Packed]:
    for node in ast.walk(tree):
        if not isinstance(node, ast.stmt):
            continue
        for habit, has_it in HABITS.items():
            if has_it(node):
                yield Packed(f"{name}:{node.lineno}", room_of(name), habit)


def _own(statement: ast.stmt) -> Iterator[ast.AST]:
    """The nodes of a statement without those of the statements inside it."""
    waiting: list[ast.AST] = [statement]
    while waiting:
        node = waiting.pop()
        yield node
        waiting.extend(child for child in ast.iter_child_nodes(node) if not isinstance(child, ast.stmt))


def _assigns_several(statement: ast.stmt) -> bool:
    if not isinstance(statement, ast.Assign) or not isinstance(statement.value, ast.Tuple):
        return False
    targets = [target for target in statement.targets if isinstance(target, ast.Tuple)]
    return any(not _moves(target, statement.value) for target in targets)


def _moves(target: ast.Tuple, value: ast.Tuple) -> bool:
    """Whether values move among names: what is read on the right is also written, so it has to be at once."""
    return bool(_names(target) & _names(value))


def _names(node: ast.AST) -> set[str]:
    return {inner.id for inner in ast.walk(node) if isinstance(inner, ast.Name)}


def _several(kinds: type[ast.AST] | tuple[type[ast.AST], ...]) -> Callable[[ast.stmt], bool]:
    return lambda statement: sum(isinstance(node, kinds) for node in _own(statement)) > 1


HABITS: dict[str, Callable[[ast.stmt], bool]] = {
    "values at once": _assigns_several,
    "comprehensions": _several(COMPREHENSIONS),
    "conditionals": _several(ast.IfExp),
}


def table(measures: Measures, by_room: bool) -> str:
    """The measures as lines of text, the whole package last."""
    rooms = sorted({room_of(name) for name in measures.files}) if by_room else []
    head = f"{'room':14} {'files':>5} {'lines':>6} {'functions':>9} {'density':>7} {'p90 length':>10} {'longest':>7}"
    lines = [head + "".join(f"  {habit}" for habit in HABITS)]
    lines += [_row(room, measures.room(room)) for room in rooms]
    return "\n".join([*lines, _row("all", measures)])


def _row(name: str, measures: Measures) -> str:
    habits = "".join(f"  {count:>{len(habit)}}" for habit, count in measures.habits().items())
    return (
        f"{name:14} {len(measures.files):>5} {sum(measures.files.values()):>6} {len(measures.functions):>9}"
        f" {measures.median_density:>7.2f} {measures.p90_length:>10} {measures.longest:>7}{habits}"
    )


def worst(functions: Iterable[Function], count: int) -> str:
    """The densest functions, the densest first."""
    order = sorted(functions, key=lambda function: function.density, reverse=True)
    return "\n".join(f"{function.density:6.1f} {function.length:>3} {function.where}" for function in order[:count])


def main() -> int:
    """Print the table and what is broken, and give 1 where anything is."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, nargs="?", default=PACKAGE)
    parser.add_argument("--by-room", action="store_true", help="a line for each room")
    parser.add_argument("--worst", type=int, default=0, metavar="N", help="the N densest functions")
    options = parser.parse_args()
    measures = measure(options.folder)
    print(table(measures, options.by_room))
    if options.worst:
        print(worst(measures.functions, options.worst))
    broken = measures.broken()
    print("\n".join(broken))
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
