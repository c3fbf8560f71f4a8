"""A kind of label answers for itself: no other file asks which one it is."""

import ast
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import get_args

import pyarrow as pa
import pytest

from nightshift.modelling.label_types import LABEL_TYPES, LabelType, label_type
from nightshift.modelling.label_types.reading import is_number_or_null
from nightshift.spec import ModelSpec
from nightshift.spec.label import LabelKind
from nightshift.stores.types import is_number, is_number_or_bool

# The spec is below the kinds: which keys go with which kind is checked before any of these is loaded.
BELOW = {"spec/label.py"}
OF_A_LIBRARY = ("objective == ", "job.objective == ", "self.job.objective == ")
"""What LightGBM and networks minimise has names of theirs, some of which are those of kinds."""


def comparisons(tree: ast.AST) -> Iterator[str]:
    """Whatever compares a kind, is looked up by one of its names, or matches one."""
    kinds = set(get_args(LabelKind))
    for node in ast.walk(tree):
        if isinstance(node, ast.Compare | ast.Match):
            texts = {n.value for n in ast.walk(node) if isinstance(n, ast.Constant) and isinstance(n.value, str)}
            written = ast.unparse(node)
            if "label.type" in written or (texts & kinds and not written.startswith(OF_A_LIBRARY)):
                yield written


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


@pytest.mark.parametrize(
    ("arrow_type", "number", "or_bool", "or_null"),
    [
        (pa.int8(), True, True, True),
        (pa.float32(), True, True, True),
        (pa.decimal128(5, 2), True, True, True),
        (pa.bool_(), False, True, False),
        (pa.null(), False, False, True),
        (pa.string(), False, False, False),
        (pa.date32(), False, False, False),
    ],
)
def test_what_counts_as_a_number_is_in_the_name_of_who_says_so(
    arrow_type: pa.DataType, number: bool, or_bool: bool, or_null: bool
) -> None:
    """There were two functions of one name with different answers."""
    assert is_number(arrow_type) is number
    assert is_number_or_bool(arrow_type) is or_bool
    assert is_number_or_null(arrow_type) is or_null
