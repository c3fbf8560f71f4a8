"""A driver that dies before it publishes: ``python -m tests.engines.driver MODEL_YAML NIGHT ENGINE``."""

import os
import sys
from pathlib import Path

from nightshift.settings import settings
from nightshift.spec import load_spec
from nightshift.steps._engine import score_night
from nightshift.steps.plan import plan
from nightshift.stores import Stores

if __name__ == "__main__":
    file, night, engine = sys.argv[1:]
    spec = load_spec(Path(file))
    stores = Stores(settings(), {"by": "a driver that dies"})
    score_night(spec, plan(spec, night, stores), stores, engine)
    os._exit(9)
