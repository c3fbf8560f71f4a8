"""How a training is computed here and now: written by ``train``, compared by ``reproduce``."""

from nightshift.code_digest import code_digest
from nightshift.modelling.machine import cpu_family, library_versions
from nightshift.spec import ModelSpec
from nightshift.stores import Stores
from nightshift.stores.replays import Replay

TRAINING_CODE = ("nightshift.modelling.recipe", "nightshift.optimization.export", "nightshift.steps.train")
"""What fits and exports, with all that these import."""


def describe(spec: ModelSpec, stores: Stores) -> Replay:
    """The spec, and by what it is trained."""
    return Replay(
        model=spec.name,
        spec=spec.model_dump(mode="json"),
        libraries=library_versions(),
        cpu=cpu_family(),
        code=code_digest(*TRAINING_CODE),
        commit=stores.settings.commit,
    )
