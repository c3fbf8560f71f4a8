"""Lines are loose enough to be read: the bounds of tests/density.py hold, and it measures what it says."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.scripts import load_script

FILE = Path(__file__).parents[1] / "density.py"
Measured = Callable[[str], Any]


@pytest.fixture(scope="module")
def density() -> Any:
    """The module tests/density.py."""
    return load_script(FILE)


@pytest.fixture
def measured(density: Any, tmp_path: Path) -> Measured:
    """``measured(source)``: the measures of a package of one module."""

    def measure(source: str) -> Any:
        (tmp_path / "room").mkdir(exist_ok=True)
        (tmp_path / "room" / "module.py").write_text(source)
        return density.measure(tmp_path)

    return measure


def test_density_is_nodes_by_lines_of_code(measured: Measured) -> None:
    # FunctionDef, arguments, arg, Return, Name, Load.
    (function,) = measured("def same(x):\n    return x\n").functions
    assert (function.nodes, function.code_lines, function.length, function.room) == (6, 2, 2, "room")
    assert function.density == 3.0


def test_docstrings_comments_and_blank_lines_loosen_nothing(measured: Measured) -> None:
    (bare,) = measured("def same(x):\n    return x\n").functions
    (dressed,) = measured('def same(x):\n    """As it\n    came."""\n\n    # Why.\n    return x\n').functions
    assert (dressed.nodes, dressed.code_lines) == (bare.nodes, bare.code_lines)
    assert (bare.length, dressed.length) == (2, 4)


def test_decorators_count_as_nodes_and_as_lines_but_not_for_the_length(measured: Measured) -> None:
    (function,) = measured("@cache\ndef same(x):\n    return x\n").functions
    assert (function.nodes, function.code_lines, function.length) == (8, 3, 2)


def test_median_p90_and_longest_are_over_all_functions(measured: Measured) -> None:
    lengths = [2, 2, 2, 2, 2, 2, 2, 2, 5, 9]
    bodies = ["    pass\n" * (length - 1) for length in lengths]
    measures = measured("".join(f"def f{number}():\n{body}" for number, body in enumerate(bodies)))
    assert (measures.p90_length, measures.longest, measures.longest_file) == (5, 9, sum(lengths))
    assert measures.median_density == 1.5


@pytest.mark.parametrize(
    ("statement", "habits"),
    [
        ("a, b = 1, len(x)", ["values at once"]),
        ("a, b = b, a", []),
        ("head, rest = rest[0], rest[1:]", []),
        ("a, b = x", []),
        ("a = [i for i in [j for j in x]]", ["comprehensions"]),
        ("a = [i for row in x for i in row]", []),
        ("a = 1 if x else 2 if y else 3", ["conditionals"]),
        ("a = (1 if x else 2, 3 if y else 4)", ["conditionals"]),
        ("for i in [j for j in x]:\n    a = [j for j in i]", []),
        ("for i in {j for j in {k for k in x}}:\n    pass", ["comprehensions"]),
    ],
)
def test_statements_with_more_than_one_thought(measured: Measured, statement: str, habits: list[str]) -> None:
    assert [packed.habit for packed in measured(statement + "\n").packed] == habits


def test_a_broken_bound_is_said_and_a_kept_one_is_not(measured: Measured) -> None:
    assert measured("def same(x):\n    return x\n").broken() == []
    long = "def long():\n" + "    pass\n" * 45
    assert measured(long).broken() == ["p90 of function length is 46, allowed 22", "longest function is 46, allowed 45"]
    dense = "def dense(a, b, c, d):\n    return a + b + c + d, a - b - c - d\n"
    assert measured(dense).broken()[0].startswith("median density is ")


def test_the_command_exits_with_1_when_a_bound_is_broken(
    density: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "module.py").write_text("def long():\n" + "    pass\n" * 45)
    monkeypatch.setattr(sys, "argv", ["density.py", str(tmp_path), "--by-room", "--worst", "1"])
    assert density.main() == 1
    assert "module.py:1 long" in capsys.readouterr().out
    (tmp_path / "module.py").write_text("def short():\n    pass\n")
    assert density.main() == 0


@pytest.mark.parametrize(
    ("statement", "habit"),
    [
        ("a, b = 1, len(x)", "values at once"),
        ("a = [i for i in [j for j in x]]", "comprehensions"),
        ("a = 1 if x else 2 if y else 3", "conditionals"),
    ],
)
def test_the_command_exits_with_1_and_the_place_of_a_statement_that_holds_several_thoughts(
    density: Any,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    statement: str,
    habit: str,
) -> None:
    """It printed their number and exited with 0."""
    (tmp_path / "room").mkdir()
    (tmp_path / "room" / "module.py").write_text(f"def same(x, y):\n    {statement}\n    return a\n")
    monkeypatch.setattr(sys, "argv", ["density.py", str(tmp_path)])
    assert density.main() == 1
    assert capsys.readouterr().out.splitlines()[-1] == f"room/module.py:2 has several {habit} in one statement"


def test_the_package_keeps_the_bounds(density: Any) -> None:
    measures = density.measure()
    assert len(measures.functions) > 1000
    assert measures.broken() == []


def test_no_statement_of_the_package_holds_several_thoughts(density: Any) -> None:
    """Several values assigned at once, several comprehensions or several conditional expressions."""
    assert density.measure().packed == []
