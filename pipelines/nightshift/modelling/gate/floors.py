"""What a model must reach whoever else there is."""

from nightshift.modelling.label_types import label_type
from nightshift.modelling.metrics import LOSSES
from nightshift.spec import ModelSpec


def floors(spec: ModelSpec, metrics: dict[str, float]) -> list[str]:
    """What speaks against scores with these metrics, whoever else there is."""
    objections = []
    for name, bound in spec.gates.at_least.items():
        value = metrics.get(name)
        if value is None:
            objections.append(f"{name} is not defined on the judged nights' labels, and its floor is {bound}")
        elif not _reaches(name, value, bound):
            objections.append(f"{name} {value:.4f} misses its floor {bound}")
    no_skill = label_type(spec).no_skill(metrics)
    if no_skill:
        objections.append(no_skill)
    return objections


def _reaches(metric: str, value: float, bound: float) -> bool:
    if metric in LOSSES:
        return value <= bound
    return value >= bound
