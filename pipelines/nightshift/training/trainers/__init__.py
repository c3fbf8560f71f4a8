"""The trainers, by name: every module here has one, as ``TRAINER``."""

import pkgutil
from importlib import import_module

from nightshift.spec import ModelSpec
from nightshift.spec.trainers import is_path
from nightshift.training.estimator_path import by_path
from nightshift.training.trainer import Trainer


def _trainers() -> dict[str, Trainer]:
    trainers: dict[str, Trainer] = {}
    for module in pkgutil.iter_modules(__path__):
        trainer = import_module(f"{__name__}.{module.name}").TRAINER
        trainers[trainer.name] = trainer
    return trainers


TRAINERS = _trainers()


def trainer_of(spec: ModelSpec) -> Trainer:
    """The one that a spec names. Raises ``SpecError`` for a path that leads to none."""
    name = spec.training.trainer
    return by_path(spec) if is_path(name) else TRAINERS[name]
