"""A kind of label answers for itself: no other file asks which one it is."""

import ast
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import get_args

import pytest

from nightshift.modelling.label_types import LABEL_TYPES, LabelType, label_type
from nightshift.spec import ModelSpec
from nightshift.spec.learning import LabelKind

# The spec is below the kinds: which keys go with which kind is checked before any of these is loaded.
BELOW = {"spec/learning.py"}


def comparisons(tree: ast.AST) -> Iterator[str]:
    """Whatever compares a kind, is looked up by one of its names, or matches one."""
    kinds = set(get_args(LabelKind))
    for node in ast.walk(tree):
        if isinstance(node, ast.Compare | ast.Match):
            texts = {n.value for n in ast.walk(node) if isinstance(n, ast.Constant) and isinstance(n.value, str)}
            if texts & kinds or "label.type" in ast.unparse(node):
                yield ast.unparse(node)


def test_there_is_one_kind_for_every_name_of_the_spec() -> None:
    assert set(LABEL_TYPES) == set(get_args(LabelKind))


def test_no_file_but_the_kinds_own_asks_which_kind_it_is(repository: Path) -> None:
    package = repository / "pipelines" / "nightshift"
    asking = {}
    for file in package.rglob("*.py"):
        found = list(comparisons(ast.parse(file.read_text())))
        name = file.relative_to(package).as_posix()
        if found and not name.startswith("modelling/label_types/"):
            asking[name] = found
    assert asking.keys() == BELOW, asking


@pytest.mark.parametrize("kind", LABEL_TYPES)
def test_every_kind_has_an_answer_to_everything(of_kind: Callable[..., ModelSpec], kind: str) -> None:
    label = label_type(of_kind(kind))
    assert not type(label).__abstractmethods__
    for name in LabelType.__annotations__:
        assert getattr(label, name) is not None, name
    kept = {*label.metrics_kept, label.spec.metric}
    assert {column.metric for column in label.report_columns} <= kept
    assert label.floor.metric in label.metrics_kept
