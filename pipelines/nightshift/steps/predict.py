"""Predict a night in one go: what the Dag ``predict`` does task by task."""

from nightshift.contracts import PartitionRef, Plan
from nightshift.progress import OnProgress, counted, unheard
from nightshift.spec import ModelSpec
from nightshift.spec.predict import AIRFLOW, EngineName
from nightshift.steps._engine import score_night
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
    engine: EngineName | None = None,
    progress: OnProgress = unheard,
) -> PartitionRef:
    """Plan a validated night, score each shard with the champion, publish the night. Raises what these steps raise.

    ``engine`` is another than model.yaml's, for this night; Airflow's own is this process here.
    """
    spec = spec.with_engine(engine or spec.predict.engine)
    planned = plan(spec, partition, stores, allow_future_model=allow_future_model)
    return score_and_publish(spec, planned, stores, progress)


def score_and_publish(spec: ModelSpec, planned: Plan, stores: Stores, progress: OnProgress = unheard) -> PartitionRef:
    """Carry out a plan: score each of its shards, and publish the night with the version that was pinned."""
    if spec.predict.engine == AIRFLOW:
        results = [score(spec, planned, shard, stores) for shard in counted(planned.shards, "scoring shards", progress)]
    else:
        results = score_night(spec, planned, stores, spec.predict.engine)
    return publish(spec, planned, results, stores)
