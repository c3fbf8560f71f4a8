"""The error tree: as drawn, and whole across process borders."""

import pickle
import re

import pytest

from nightshift import errors
from nightshift.errors import NightshiftError

LINE = re.compile(r"^(?P<indent> +)(?P<name>[A-Z]\w+)(?:  +(?P<what>\S.*))?$")


def drawn() -> dict[str, str | None]:
    """Each error of the docstring with the one it hangs under."""
    parents: dict[str, str | None] = {}
    above: list[tuple[int, str]] = []
    for line in errors.__doc__.splitlines():
        if found := LINE.match(line):
            depth = len(found["indent"])
            above = [one for one in above if one[0] < depth]
            parents[found["name"]] = above[-1][1] if above else None
            above.append((depth, found["name"]))
    return parents


def classes() -> dict[str, type[NightshiftError]]:
    found = {name: value for name, value in vars(errors).items() if isinstance(value, type)}
    return {name: value for name, value in found.items() if issubclass(value, NightshiftError)}


def test_the_drawn_tree_is_the_class_tree() -> None:
    real = {n: None if c is NightshiftError else c.__base__.__name__ for n, c in classes().items()}
    assert drawn() == real


@pytest.mark.parametrize("name", sorted(classes()))
def test_every_error_says_what_it_is(name: str) -> None:
    assert classes()[name].__doc__.strip().endswith(".")


@pytest.mark.parametrize("fix", [None, "do this"])
@pytest.mark.parametrize("name", sorted(classes()))
def test_an_error_crosses_processes_whole(name: str, fix: str | None) -> None:
    error = classes()[name]("what is wrong", fix=fix)
    back = pickle.loads(pickle.dumps(error))
    assert (type(back), str(back), back.message, back.fix) == (type(error), str(error), error.message, fix)


def test_the_fix_stands_on_a_line_of_its_own() -> None:
    assert str(NightshiftError("broken", fix="mend it")) == "broken\n  -> mend it"
    assert str(NightshiftError("broken")) == "broken"
