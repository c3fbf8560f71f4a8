"""Linear models of counts and amounts: ``power: 1`` is Poisson's, 2 the gamma distribution, between them many zeros."""

from nightshift.spec import ModelSpec
from nightshift.training.parameters import estimator_parameters
from nightshift.training.trainer import PipelineParts, Trainer, one_hot_and_scaled


def _build(spec: ModelSpec) -> PipelineParts:
    from sklearn.linear_model import TweedieRegressor

    parameters = {"power": 1, "link": "log", "alpha": 0.01, "max_iter": 1000, **estimator_parameters(spec)}
    return one_hot_and_scaled(TweedieRegressor(**parameters))


TRAINER = Trainer(
    name="tweedie",
    layout="network",
    trusted=(
        "numpy.dtype",
        "sklearn._loss.loss.HalfTweedieLoss",
        "sklearn._loss.loss.HalfTweedieLossIdentity",
    ),
    build=_build,
)
