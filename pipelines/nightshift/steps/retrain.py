"""Train a candidate and hold it to its gates: what the Dags ``train`` and ``retrain`` do after their snapshot."""

from nightshift.contracts import Searched, SnapshotRef, Verdict
from nightshift.progress import OnProgress, unheard
from nightshift.spec import ModelSpec
from nightshift.steps.evaluate import evaluate
from nightshift.steps.optimize import optimize
from nightshift.steps.search import search
from nightshift.steps.train import register, train
from nightshift.stores import Stores

STAGES = 4


def searched_recipe(
    spec: ModelSpec, snapshot: SnapshotRef, stores: Stores, progress: OnProgress = unheard
) -> Searched | None:
    """What a search chooses, where the spec asks for one."""
    if spec.search is None:
        return None
    return search(spec, snapshot, stores, progress)


def train_and_gate(spec: ModelSpec, snapshot: SnapshotRef, stores: Stores, progress: OnProgress = unheard) -> Verdict:
    """Train on a snapshot, register, optimize and evaluate; ``promote`` acts on the verdict.

    Where the spec has a search, that comes first.

    Raises what these steps raise: ``DataError`` when there is nothing to learn, ``ModelError``, ``Unavailable``.
    """
    searched = searched_recipe(spec, snapshot, stores, progress)
    progress("fitting", 0, STAGES)
    trained = train(spec, snapshot, stores, searched)
    progress("registering", 1, STAGES)
    registered = register(spec, trained, stores)
    progress("optimizing", 2, STAGES)
    candidate = optimize(spec, registered, stores, progress)
    progress("evaluating", 3, STAGES)
    verdict = evaluate(spec, candidate, stores)
    progress("evaluated", STAGES, STAGES)
    return verdict
