"""A champion, and a validated night that is scored in three shards."""

from pathlib import Path
from typing import NamedTuple

import pytest

from nightshift.spec import ModelSpec, load_spec
from nightshift.steps.evaluate import evaluate
from nightshift.steps.load import load
from nightshift.steps.optimize import optimize
from nightshift.steps.promote import promote
from nightshift.steps.snapshot import snapshot
from nightshift.steps.train import register, train
from nightshift.stores import Stores, parquet

NIGHT = "2024-01-12"
SHARDS = {"shard_rows": 35}
"""What the project's ``predict`` has to say for it."""


class ShardedNight(NamedTuple):
    """90 rows in row groups of 20, in three shards."""

    spec: ModelSpec
    stores: Stores


def champion_of_shards(folder: Path, stores: Stores) -> ShardedNight:
    """Of the model in a folder, with its nights up to ``NIGHT`` in the lake."""
    spec = load_spec(folder / "model.yaml")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(parquet, "ROW_GROUP_ROWS", 20)
        load(spec, "2024-01-02", NIGHT, stores)
    trained = train(spec, snapshot(spec, NIGHT, stores), stores)
    promote(spec, evaluate(spec, optimize(spec, register(spec, trained, stores), stores), stores), stores)
    return ShardedNight(spec, stores)
