"""A model's figures as one line of CloudWatch's embedded metric format, which its log agents make metrics of."""

import json
import math
from typing import Any

from nightshift.figures.catalogue import MODEL, PREFIX, Sample
from nightshift.figures.model import ModelFigures

NAMESPACE = "Nightshift"
MOST_METRICS = 100
"""Of one directive, by the format."""


def line(figures: ModelFigures, at: float) -> str:
    """The newest published night of a model; ``at`` is when it was looked at, in seconds since 1970.

    The dimension is the model alone. Night, version and digest are there to be searched for, and make no metric.
    """
    metrics = {_name(sample): sample for sample in figures.samples if _is_metric(sample)}
    named = [{"Name": name, "Unit": sample.figure.unit} for name, sample in metrics.items()]
    directives = []
    for first in range(0, len(named), MOST_METRICS):
        part = named[first : first + MOST_METRICS]
        directives.append({
            "Namespace": NAMESPACE,
            "Dimensions": [[MODEL]],
            "Metrics": part,
        })
    document: dict[str, Any] = {
        "_aws": {"Timestamp": int(at * 1000), "CloudWatchMetrics": directives},
        MODEL: figures.model,
        "night": figures.night,
        "version": figures.version,
        "digest": figures.digest,
    }
    values = {name: sample.value for name, sample in metrics.items()}
    return json.dumps({**document, **values})


def _is_metric(sample: Sample) -> bool:
    # JSON has no word for what is no number.
    return math.isfinite(sample.value) and not sample.figure.is_info


def _name(sample: Sample) -> str:
    """Without what the namespace says; a figure of several parts is a metric for each."""
    _, *parts = sample.labels
    return "_".join([sample.figure.name.removeprefix(PREFIX), *parts])
