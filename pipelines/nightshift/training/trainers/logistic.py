"""Logistic regression."""

from nightshift.spec import ModelSpec
from nightshift.training.parameters import estimator_parameters
from nightshift.training.trainer import PipelineParts, Trainer, one_hot_and_scaled


def _build(spec: ModelSpec) -> PipelineParts:
    from sklearn.linear_model import LogisticRegression

    parameters = {"max_iter": 1000, **estimator_parameters(spec)}
    return one_hot_and_scaled(LogisticRegression(random_state=spec.training.seed, **parameters))


TRAINER = Trainer(
    name="logistic_regression",
    layout="network",
    trusted=("numpy.dtype",),
    build=_build,
)
