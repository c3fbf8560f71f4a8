"""What speaks against a candidate: floors, slices that got worse, the difference itself."""

import numpy as np
from numpy.typing import NDArray

from nightshift.modelling.holdout import LabelledRows
from nightshift.modelling.label_types import label_type
from nightshift.modelling.metrics import LOSSES, Difference, paired_bootstrap
from nightshift.spec import ModelSpec


def floors(spec: ModelSpec, metrics: dict[str, float]) -> list[str]:
    """What speaks against scores with these metrics, whoever else there is."""
    found = []
    for name, bound in spec.gates.at_least.items():
        if name not in metrics:
            found.append(f"{name} is not defined on the holdout's labels, and its floor is {bound}")
        elif not (metrics[name] <= bound if name in LOSSES else metrics[name] >= bound):
            found.append(f"{name} {metrics[name]:.4f} misses its floor {bound}")
    if said := label_type(spec).no_skill(metrics):
        found.append(said)
    return found


def worse_slices(
    spec: ModelSpec, column: str, rows: LabelledRows, mine: NDArray[np.float64], theirs: NDArray[np.float64]
) -> list[str]:
    """The values of a column for which ``mine``, row losses (n,), are worse than the spec allows."""
    values = np.array(rows.table[column].to_pylist(), dtype=object)
    found = []
    for value in sorted({v for v in values if v is not None}, key=str):
        chosen = values == value
        if chosen.sum() < spec.gates.slice_min_rows:
            continue
        difference = compare(spec, mine[chosen], theirs[chosen], rows.nights[chosen])
        if difference.low > spec.gates.slice_allowance:
            found.append(
                f"{column} {value}: {spec.metric} {difference.mean:+.4f}, at least {difference.low:+.4f} worse"
                f" (allowed {spec.gates.slice_allowance})"
            )
    return found


def compare(
    spec: ModelSpec, mine: NDArray[np.float64], theirs: NDArray[np.float64], nights: NDArray[np.int64]
) -> Difference:
    """Mean row loss of mine less theirs, all (n,), by the spec's bootstrap."""
    return paired_bootstrap(
        mine, theirs, nights,
        resamples=spec.gates.resamples, confidence=spec.gates.confidence, seed=spec.training.seed,
    )  # fmt: skip
