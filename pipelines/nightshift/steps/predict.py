"""Predict a night in one go: what the Dag ``predict`` does task by task."""

from nightshift.contracts import PartitionRef, Plan
from nightshift.progress import OnProgress, counted, unheard
from nightshift.spec import ModelSpec
from nightshift.steps.plan import plan
from nightshift.steps.publish import publish
from nightshift.steps.score import score
from nightshift.stores import Stores


def predict(
    spec: ModelSpec,
    partition: str,
    stores: Stores,
    *,
    allow_future_model: bool = False,
    progress: OnProgress = unheard,
) -> PartitionRef:
    """Plan a validated night, score each shard with the champion, publish the night. Raises what these steps raise."""
    planned = plan(spec, partition, stores, allow_future_model=allow_future_model)
    return score_and_publish(spec, planned, stores, progress)


def score_and_publish(spec: ModelSpec, planned: Plan, stores: Stores, progress: OnProgress = unheard) -> PartitionRef:
    """Carry out a plan: score each of its shards, and publish the night with the version that was pinned."""
    results = [score(spec, planned, shard, stores) for shard in counted(planned.shards, "scoring shards", progress)]
    return publish(spec, planned, results, stores)
