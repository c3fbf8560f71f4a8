"""Whether the night is scored on other kernels than a server has: then a row by day may have other bits."""

from nightshift.scoring.machine import kernels_here
from nightshift.scoring.shards import SCORED_ON
from nightshift.serving.last_night import last_night
from nightshift.spec import ModelSpec
from nightshift.stores import Stores


def elsewhere(spec: ModelSpec, stores: Stores) -> str:
    """By the last published night; empty where it was scored on those of here, or does not say on which.

    Raises ``UnreadableRecord``, ``LakeUnavailable``.
    """
    night = last_night(spec, stores)
    kernels = night.provenance.get(SCORED_ON, ()) if night else ()
    if not night or not kernels or kernels_here() in kernels:
        return ""
    return f"{night.partition} was scored by {' and by '.join(kernels)}; here is {kernels_here()}"
