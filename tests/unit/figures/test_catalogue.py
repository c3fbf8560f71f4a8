"""The figures are named as Prometheus asks, none has labels without bound, and the docs have each in its own words."""

import re
from pathlib import Path

import pytest

from nightshift.figures.catalogue import FIGURES, Figure

DOCS = Path(__file__).parents[3] / "docs"
BOUNDED = {"model", "dataset", "detector", "measure"}
each_figure = pytest.mark.parametrize("figure", FIGURES, ids=lambda figure: figure.name)


def test_no_two_figures_share_a_name() -> None:
    names = [figure.name for figure in FIGURES]
    assert len(set(names)) == len(names) > 30


@each_figure
def test_a_name_says_its_unit_and_a_help_is_a_sentence(figure: Figure) -> None:
    assert re.fullmatch(r"nightshift_[a-z]+(_[a-z]+)*", figure.name)
    assert figure.name.endswith("_seconds") is (figure.unit == "Seconds")
    assert re.fullmatch(r"[A-Za-z].*\.", figure.help)


@each_figure
def test_only_words_of_info_figures_may_be_any(figure: Figure) -> None:
    if figure.is_info:
        assert set(figure.labels) <= {"model", "version", "digest"}
    else:
        assert set(figure.labels) <= BOUNDED


@each_figure
def test_a_moment_says_by_whose_clock_it_is(figure: Figure) -> None:
    if figure.name.endswith("_timestamp_seconds"):
        assert re.search(r"clock|midnight UTC", figure.help)


@each_figure
def test_the_docs_have_every_figure_in_its_own_words(figure: Figure) -> None:
    labels = ", ".join(f"`{name}`" for name in figure.labels)
    assert f"| `{figure.name}` | {labels} | {figure.help} |" in (DOCS / "metrics.md").read_text().splitlines()


def test_the_docs_have_no_figure_that_is_gone() -> None:
    named = set(re.findall(r"`(nightshift_[a-z_]+)", (DOCS / "metrics.md").read_text()))
    assert named == {figure.name for figure in FIGURES}
