"""What a page shows beside the record of its night: the decision about it, and what was expected of earlier nights."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Self

from nightshift.monitoring.matters.record import LossEstimate
from nightshift.monitoring.night_record import NightRecord, looked_up
from nightshift.monitoring.retrains import DecisionRecord, readable_decision
from nightshift.spec import ModelSpec
from nightshift.stores import Stores, layout
from nightshift.stores.manifest import Manifest

MOST_ESTIMATES = 14
"""Labelled nights, the newest first, whose estimates are looked up."""


@dataclass(frozen=True)
class ScoringRun:
    """The run of Airflow that scored a night, and its page, empty where that is not known."""

    dag: str
    run: str
    url: str

    @classmethod
    def of(cls, predictions: Manifest) -> Self | None:
        """None where a person scored it."""
        provenance = predictions.provenance
        run = provenance.get("airflow_run")
        if not run:
            return None
        url = str(provenance.get("airflow_url") or "")
        is_page = url.startswith(("https://", "http://"))
        return cls(
            provenance.get("airflow_dag", ""),
            run,
            url if is_page else "",
        )


@dataclass(frozen=True)
class Beside:
    """The governor's decision, None before there is one; the loss that was expected of labelled nights; who scored."""

    decision: DecisionRecord | None = None
    estimates: Mapping[str, LossEstimate] = field(default_factory=dict)
    scored_by: ScoringRun | None = None

    @classmethod
    def read(cls, spec: ModelSpec, night: NightRecord, predictions: Manifest, stores: Stores) -> Self:
        """As the lake has it now; a decision about another version's scores is none. Raises ``LakeUnavailable``."""
        key = layout.decision(spec.name, night.partition)
        decision = readable_decision(key, stores.lake.objects)
        if decision and decision.evidence.version != night.version:
            decision = None
        return cls(
            decision,
            estimates=_estimates(spec, night, stores),
            scored_by=ScoringRun.of(predictions),
        )


def _estimates(spec: ModelSpec, night: NightRecord, stores: Stores) -> dict[str, LossEstimate]:
    estimates = {}
    labelled = night.accuracy[-MOST_ESTIMATES:]
    for accuracy in labelled:
        earlier = looked_up(spec, accuracy.night, stores)
        if earlier is None or earlier.version != accuracy.version:
            continue
        matters = earlier.matters
        if matters and matters.estimate:
            estimates[accuracy.night] = matters.estimate
    return estimates
