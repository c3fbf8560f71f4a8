"""By what nights are judged: what model.yaml says, or another policy that somebody wants to try."""

from pydantic import ValidationError

from nightshift.errors import UsageError
from nightshift.monitoring.backtest.result import BacktestPolicy
from nightshift.spec import ModelSpec


def judged_by(spec: ModelSpec, once_per_nights: float | None, retrain_nights: int | None) -> ModelSpec:
    """The spec with the policy that is tried. Raises ``UsageError`` for one that model.yaml could not have."""
    drift: dict[str, object] = {}
    retrain: dict[str, object] = {}
    if once_per_nights is not None:
        drift["false_alarms"] = {"once_per_nights": once_per_nights}
        drift["false_alarm_rate"] = None
    if retrain_nights is not None:
        retrain["nights"] = retrain_nights
    try:
        return spec.model_copy(
            update={
                "drift": spec.drift.model_validate({**spec.drift.model_dump(), **drift}),
                "retrain": spec.retrain.model_validate({**spec.retrain.model_dump(), **retrain}),
            }
        )
    except ValidationError as error:
        first, *_ = error.errors()
        raise UsageError(
            f"{spec.name} cannot be judged so: {first['msg'].removeprefix('Value error, ')}",
            fix="try a policy that drift and retrain of model.yaml could have: docs/spec.md",
        ) from error


def in_words(policy: ModelSpec, spec: ModelSpec) -> BacktestPolicy:
    """What was judged by, and whether that is what model.yaml says."""
    retrain = policy.retrain
    return BacktestPolicy(
        once_per_nights=1 / policy.drift.rate,
        retrain=f"{retrain.nights} of {retrain.window} nights, {retrain.cooldown_days} days apart",
        is_of_spec=policy == spec,
    )
