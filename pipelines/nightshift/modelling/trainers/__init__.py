"""The trainers, by name: every module here has one, as ``TRAINER``."""

import pkgutil
from importlib import import_module

from nightshift.modelling.trainer import Trainer
from nightshift.spec import ModelSpec


def _trainers() -> dict[str, Trainer]:
    trainers: dict[str, Trainer] = {}
    for module in pkgutil.iter_modules(__path__):
        trainer = import_module(f"{__name__}.{module.name}").TRAINER
        trainers[trainer.name] = trainer
    return trainers


TRAINERS = _trainers()


def trainer_of(spec: ModelSpec) -> Trainer:
    """The one that a spec names."""
    return TRAINERS[spec.training.trainer]
