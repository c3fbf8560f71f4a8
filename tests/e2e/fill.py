"""Bring a lake to the evening before a night: history, a champion, and the night itself, validated.

Run by conftest.py as processes of their own: ``load FIRST LAST`` and ``train NIGHT``.
"""

import sys

from pipelines.settings import settings
from pipelines.spec import ModelSpec, find_spec
from pipelines.steps.evaluate import evaluate
from pipelines.steps.ingest import ingest
from pipelines.steps.load import load
from pipelines.steps.optimize import optimize
from pipelines.steps.promote import promote
from pipelines.steps.snapshot import snapshot
from pipelines.steps.train import register, train
from pipelines.steps.validate import validate
from pipelines.stores import Stores

MODEL = "flight_delays"


def crown(spec: ModelSpec, night: str, stores: Stores) -> None:
    """Train as of a night and make the result champion."""
    candidate = optimize(spec, register(spec, train(spec, snapshot(spec, night, stores), stores), stores), stores)
    promoted = promote(spec, evaluate(spec, candidate, stores), stores)
    assert promoted.moved, promoted.reason


if __name__ == "__main__":
    verb, *nights = sys.argv[1:]
    here, stores = find_spec(settings().models, MODEL), Stores(settings(), {"by": "tests"})
    if verb == "load":
        load(here, nights[0], nights[1], stores)
    else:
        ingest(here, nights[0], stores)
        validate(here, nights[0], stores)
        crown(here, nights[0], stores)
