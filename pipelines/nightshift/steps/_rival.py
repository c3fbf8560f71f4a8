"""What a challenger is held against at its gate: a graph of the champion, or why there is none to compare with."""

from dataclasses import dataclass

from nightshift.contracts import Pin
from nightshift.errors import ModelError, OtherLabel
from nightshift.scoring.graph import OnnxGraph, fetch
from nightshift.spec import ModelSpec
from nightshift.stores import Stores


@dataclass(frozen=True)
class NoRival:
    """``first`` is what the challenger is then, ``because`` what of the champion says nothing of it."""

    first: str
    because: str


def rival_of(spec: ModelSpec, champion: Pin, key: str, sha256: str, stores: Stores) -> OnnxGraph | NoRival:
    """The graph by its key and digest: that which scores, or its twin.

    A champion that was trained for another label, on features that are none any more, or without the threshold that
    the spec asks for says nothing here: floors and the best constant are the gate then.
    Raises ``MissingPartition``, ``UnsafeGraph``.
    """
    version = f"version {champion.version}"
    if lacks_threshold(spec, champion, stores):
        rule = f"predict.{spec.predict.learnt_by}"
        return NoRival(f"the first for {rule}, for which {version} has no threshold", f"has no threshold for {rule}")
    try:
        graph = fetch(spec, key, sha256, stores)
    except OtherLabel as error:
        return NoRival(f"the first for this label; of {version}: {error.message}", "is for another label")
    gone = ", ".join(name for name in graph.features if name not in spec.features)
    if gone:
        return NoRival(f"the first without {gone}, which {version} needs", f"needs {gone}")
    return graph


def lacks_threshold(spec: ModelSpec, champion: Pin, stores: Stores) -> bool:
    """Whether the champion cannot say from where on means yes, so that nothing is predicted until another does."""
    try:
        threshold_of(spec, champion, stores)
    except ModelError:
        return True
    return False


def threshold_of(spec: ModelSpec, champion: Pin, stores: Stores) -> float | None:
    """The champion's own; None where the spec says it for every version. Raises ``ModelError`` for one without."""
    rule = spec.predict.learnt_by
    return stores.versions.learnt_threshold(champion, rule)
