"""What a training is computed by is known whole: the code of every trainer, and the libraries that fit."""

import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from nightshift.code_digest import import_closure
from nightshift.steps._replay import TRAINING_CODE
from nightshift.training.machine import LIBRARIES
from nightshift.training.search.study import CODE
from nightshift.training.trainers import TRAINERS


@pytest.mark.parametrize("code", [TRAINING_CODE, CODE], ids=["of a version", "of a search"])
def test_the_code_of_a_training_has_every_trainer_in_it(code: tuple[str, ...]) -> None:
    """They are found by name: no import says that they are there."""
    built_in = {trainer.build.__module__ for trainer in TRAINERS.values()}
    assert len(built_in) == len(TRAINERS)
    closure = import_closure(*code)
    assert built_in <= set(closure)
    # Which torchrun starts, by its name.
    assert "nightshift.training.networks.worker" in closure


@pytest.mark.parametrize("extra", ["boosting", "networks"])
def test_libraries_that_fit_are_kept_with_their_versions(repository: Path, extra: str) -> None:
    project = tomllib.loads((repository / "pyproject.toml").read_text())["project"]
    names = {Requirement(line).name for line in project["optional-dependencies"][extra]}
    assert names <= set(LIBRARIES)
