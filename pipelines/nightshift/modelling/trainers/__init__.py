"""The trainers, by name: every module here has one, as ``TRAINER``."""

import pkgutil
from importlib import import_module

from nightshift.modelling.trainer import Trainer
from nightshift.spec import ModelSpec


def _trainers() -> dict[str, Trainer]:
    names = [module.name for module in pkgutil.iter_modules(__path__)]
    modules = [import_module(f"{__name__}.{name}") for name in names]
    return {module.TRAINER.name: module.TRAINER for module in modules}


TRAINERS = _trainers()


def trainer_of(spec: ModelSpec) -> Trainer:
    """The one that a spec names."""
    return TRAINERS[spec.training.trainer]
