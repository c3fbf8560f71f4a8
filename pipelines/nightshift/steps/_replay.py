"""How a training is computed here and now: written by ``train``, compared by ``reproduce``."""

from nightshift.code_digest import code_digest
from nightshift.spec import ModelSpec
from nightshift.stores import Stores
from nightshift.stores.replays import Replay
from nightshift.training.machine import cpu_family, library_versions

TRAINING_CODE = (
    "nightshift.training.recipe",
    "nightshift.training.trainers",
    "nightshift.training.networks",
    "nightshift.optimization.export",
    "nightshift.steps.train",
)
"""What fits and exports, with all that these import; trainers are found by name, and import nothing by theirs."""


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
