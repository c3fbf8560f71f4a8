"""Bring a lake to the evening before a night: history, a champion, and the night itself, validated.

Run by conftest.py as processes of their own: ``load FIRST LAST`` and ``train NIGHT``.
"""

import sys

from nightshift.settings import settings
from nightshift.spec import ModelSpec, find_spec
from nightshift.steps.ingest import ingest
from nightshift.steps.load import load
from nightshift.steps.promote import promote
from nightshift.steps.retrain import train_and_gate
from nightshift.steps.snapshot import snapshot
from nightshift.steps.validate import validate
from nightshift.stores import Stores

MODEL = "flight_delays"


def crown(spec: ModelSpec, night: str, stores: Stores) -> None:
    """Train as of a night and make the result champion."""
    verdict = train_and_gate(spec, snapshot(spec, night, stores), stores)
    promoted = promote(spec, verdict, stores)
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
