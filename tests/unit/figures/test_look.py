"""Looks are taken again and again, by a thread that ends when it is told to."""

import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from nightshift.figures import catalogue
from nightshift.figures.look import LakeLook
from nightshift.figures.model import ModelFigures
from nightshift.settings import Settings
from nightshift.spec import ModelSpec
from nightshift.stores import Stores

PATIENCE = 30


def test_looks_are_taken_until_they_are_stopped_and_figures_are_there_meanwhile(tmp_path: Path) -> None:
    taken = threading.Event()

    def clock() -> float:
        taken.set()
        return 7.0

    # Without a model there is nothing to ask the lake for.
    look = LakeLook(Stores(Settings(project=tmp_path, home=tmp_path)), clock)
    before = {sample.figure: sample.value for sample in look.samples()}
    assert (before[catalogue.UP], before[catalogue.LAST_SUCCESS]) == (0, 0)
    stopped = threading.Event()
    thread = look.keep_taking(0.01, stopped)
    assert taken.wait(PATIENCE)
    taken.clear()
    assert taken.wait(PATIENCE)
    stopped.set()
    thread.join(PATIENCE)
    assert not thread.is_alive()
    after = {sample.figure: sample.value for sample in look.samples()}
    assert (after[catalogue.UP], after[catalogue.LAST_SUCCESS]) == (1, 7)


def test_a_look_that_breaks_off_is_no_last_one_and_says_that_not_all_is_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    look = LakeLook(Stores(Settings(project=tmp_path, home=tmp_path)))
    look.take()
    assert look.is_up
    broke_off = threading.Event()
    taken = threading.Event()

    def take(_: LakeLook) -> None:
        if not broke_off.is_set():
            broke_off.set()
            raise RuntimeError("nobody thought of it")
        assert not look.is_up
        taken.set()

    monkeypatch.setattr(LakeLook, "take", take)
    stopped = threading.Event()
    thread = look.keep_taking(0.01, stopped)
    assert taken.wait(PATIENCE)
    stopped.set()
    thread.join(PATIENCE)


def test_what_nobody_thought_of_in_one_model_takes_no_figure_from_another(
    tmp_path: Path, make_project: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("odd", "plain"):
        make_project(tmp_path, name=name)

    def look_at(spec: ModelSpec, *_: object) -> ModelFigures:
        if spec.name == "odd":
            raise RuntimeError("nobody thought of it")
        return ModelFigures(spec.name, night="2024-01-01")

    monkeypatch.setattr("nightshift.figures.look.look_at", look_at)
    look = LakeLook(Stores(Settings(project=tmp_path, home=tmp_path, lake="s3://lake")))
    look.take()
    assert {name: known.is_up for name, known in look.models.items()} == {"odd": False, "plain": True}
