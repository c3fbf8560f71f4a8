"""Train a candidate and hold it to its gates: what the Dags ``train`` and ``retrain`` do after their snapshot."""

from nightshift.contracts import SnapshotRef, Verdict
from nightshift.spec import ModelSpec
from nightshift.steps.evaluate import evaluate
from nightshift.steps.optimize import optimize
from nightshift.steps.train import register, train
from nightshift.stores import Stores


def train_and_gate(spec: ModelSpec, snapshot: SnapshotRef, stores: Stores) -> Verdict:
    """Train on a snapshot, register, optimize and evaluate; ``promote`` acts on the verdict.

    Raises what these steps raise: ``DataError`` when there is nothing to learn, ``ModelError``, ``Unavailable``.
    """
    trained = train(spec, snapshot, stores)
    registered = register(spec, trained, stores)
    candidate = optimize(spec, registered, stores)
    return evaluate(spec, candidate, stores)
