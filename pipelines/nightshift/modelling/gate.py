"""What speaks against a candidate: floors, slices that got worse, the difference itself."""

import numpy as np

from nightshift.modelling.arrays import Float64s, Int64s
from nightshift.modelling.holdout import LabelledRows
from nightshift.modelling.label_types import label_type
from nightshift.modelling.metrics import LOSSES, Difference, paired_bootstrap
from nightshift.spec import ModelSpec


def floors(spec: ModelSpec, metrics: dict[str, float]) -> list[str]:
    """What speaks against scores with these metrics, whoever else there is."""
    objections = []
    for name, bound in spec.gates.at_least.items():
        value = metrics.get(name)
        if value is None:
            objections.append(f"{name} is not defined on the holdout's labels, and its floor is {bound}")
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


def worse_slices(
    spec: ModelSpec,
    column: str,
    rows: LabelledRows,
    challenger: Float64s,
    champion: Float64s,
) -> list[str]:
    """The values of a column for which the challenger's row losses (n,) are worse than the spec allows."""
    gates = spec.gates
    values = np.array(rows.table[column].to_pylist(), dtype=object)
    different = {value for value in values if value is not None}
    objections = []
    for value in sorted(different, key=str):
        chosen = values == value
        if chosen.sum() < gates.slice_min_rows:
            continue
        difference = compare(spec, challenger[chosen], champion[chosen], rows.nights[chosen])
        if difference.low > gates.slice_allowance:
            objections.append(
                f"{column} {value}: {spec.metric} {difference.mean:+.4f}, at least {difference.low:+.4f} worse"
                f" (allowed {gates.slice_allowance})"
            )
    return objections


def compare(
    spec: ModelSpec,
    challenger: Float64s,
    champion: Float64s,
    nights: Int64s,
) -> Difference:
    """Mean row loss of the challenger less the champion's, all (n,), by the spec's bootstrap."""
    return paired_bootstrap(
        challenger,
        champion,
        nights,
        resamples=spec.gates.resamples,
        confidence=spec.gates.confidence,
        seed=spec.training.seed,
    )
