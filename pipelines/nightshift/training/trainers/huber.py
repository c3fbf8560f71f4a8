"""Linear regression that a few numbers far off do not move."""

from nightshift.spec import ModelSpec
from nightshift.training.parameters import estimator_parameters
from nightshift.training.trainer import PipelineParts, Trainer, one_hot_and_scaled


def _build(spec: ModelSpec) -> PipelineParts:
    from sklearn.linear_model import HuberRegressor

    parameters = {"max_iter": 1000, **estimator_parameters(spec)}
    return one_hot_and_scaled(HuberRegressor(**parameters))


TRAINER = Trainer(
    name="huber",
    layout="network",
    trusted=("numpy.dtype",),
    build=_build,
    # It fails where rounds are too few, instead of giving what it has.
    rounds="",
)
