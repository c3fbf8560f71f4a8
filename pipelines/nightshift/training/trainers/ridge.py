"""Linear regression with an L2 penalty."""

from nightshift.spec import ModelSpec
from nightshift.training.parameters import estimator_parameters
from nightshift.training.trainer import PipelineParts, Trainer, one_hot_and_scaled


def _build(spec: ModelSpec) -> PipelineParts:
    from sklearn.linear_model import Ridge

    return one_hot_and_scaled(Ridge(random_state=spec.training.seed, **estimator_parameters(spec)))


TRAINER = Trainer(
    name="ridge",
    layout="network",
    trusted=("numpy.dtype",),
    build=_build,
)
