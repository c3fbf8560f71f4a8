"""Logistic regression."""

from nightshift.modelling.trainer import PipelineParts, Trainer, one_hot_and_scaled
from nightshift.spec import ModelSpec


def _build(spec: ModelSpec) -> PipelineParts:
    from sklearn.linear_model import LogisticRegression

    parameters = {"max_iter": 1000, **spec.training.parameters}
    return one_hot_and_scaled(LogisticRegression(random_state=spec.training.seed, **parameters))


TRAINER = Trainer(
    name="logistic_regression",
    layout="network",
    trusted=("numpy.dtype",),
    build=_build,
)
