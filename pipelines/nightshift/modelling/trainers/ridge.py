"""Linear regression with an L2 penalty."""

from nightshift.modelling.parameters import estimator_parameters
from nightshift.modelling.trainer import PipelineParts, Trainer, one_hot_and_scaled
from nightshift.spec import ModelSpec


def _build(spec: ModelSpec) -> PipelineParts:
    from sklearn.linear_model import Ridge

    return one_hot_and_scaled(Ridge(random_state=spec.training.seed, **estimator_parameters(spec)))


TRAINER = Trainer(
    name="ridge",
    layout="network",
    trusted=("numpy.dtype",),
    build=_build,
)
