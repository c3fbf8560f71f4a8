"""Score the last published nights again, each with the champion that should have stood then, the newest first."""

from nightshift.contracts import PartitionRef
from nightshift.errors import Superseded
from nightshift.progress import OnProgress, counted, unheard
from nightshift.spec import ModelSpec
from nightshift.steps.predict import predict
from nightshift.steps.rollback import published_nights
from nightshift.stores import Stores


def rescore(spec: ModelSpec, nights: int, stores: Stores, progress: OnProgress = unheard) -> list[PartitionRef]:
    """The nights that were scored again. Raises as ``predict`` does: what was done stays."""
    last = published_nights(spec, nights, stores)
    done = []
    for night in counted(last[::-1], f"scoring nights of {spec.name} again", progress):
        try:
            done.append(predict(spec, night, stores))
        except Superseded:
            # Somebody else made it anew meanwhile, of something newer or the same.
            continue
    return done
