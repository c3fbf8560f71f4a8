"""Linear regression with an L1 and an L2 penalty: with ``l1_ratio: 1`` the lasso."""

from nightshift.spec import ModelSpec
from nightshift.training.parameters import estimator_parameters
from nightshift.training.trainer import PipelineParts, Trainer, one_hot_and_scaled


def _build(spec: ModelSpec) -> PipelineParts:
    from sklearn.linear_model import ElasticNet

    parameters = {"alpha": 0.01, "max_iter": 10_000, **estimator_parameters(spec)}
    return one_hot_and_scaled(ElasticNet(random_state=spec.training.seed, **parameters))


TRAINER = Trainer(
    name="elastic_net",
    layout="network",
    trusted=("numpy.dtype",),
    build=_build,
)
