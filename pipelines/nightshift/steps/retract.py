"""Take a night back, with all that was made from it: nobody reads a row of it until it is ingested again."""

import logging

from nightshift.contracts import Dataset, PartitionKey, Retracted
from nightshift.errors import ModelError, RegistryUnavailable, UsageError
from nightshift.spec import ModelSpec
from nightshift.steps._later_nights import judge_later
from nightshift.steps._night_points import log_points
from nightshift.steps._person import person_of
from nightshift.stores import Stores, layout
from nightshift.stores.manifest import CHAMPION_MOVE, Retraction
from nightshift.stores.missing import how_to_make
from nightshift.stores.registry import CHAMPION
from nightshift.stores.retraction import take_back

log = logging.getLogger("nightshift")
POOLED_BY_NONE = {Dataset.LABELS, Dataset.SHADOW}
"""By the drift of no other night."""
LABELS_STAY = "labels stay, and join nothing until the night is there again"
LABELS_GO = "labels are taken back: training and accuracy leave the night out"
NO_LABELS_MEANT = "labels stay"


def retract(
    spec: ModelSpec, partition: str, stores: Stores, *, dataset: Dataset = Dataset.RAW, why: str = "by hand"
) -> Retracted:
    """Take back a night of ``dataset`` and of all datasets made from it; done again, it finishes what is left.

    A run that works meanwhile publishes nothing of it. Also for a manifest that is damaged, which is replaced. The
    drift of nights after it that pooled it is judged without it, and MLflow shows that where it answers. Raises
    ``UsageError``, ``MissingPartition`` for a night that never was, ``LaterRecord``, ``LakeUnavailable``.
    """
    retracted = retract_one(spec, partition, stores, dataset=dataset, why=why)
    if dataset not in POOLED_BY_NONE:
        _judge_later(spec, partition, stores)
    return retracted


def retract_one(spec: ModelSpec, partition: str, stores: Stores, *, dataset: Dataset, why: str) -> Retracted:
    """The same, and the nights after it stay as they were judged: for one of many that are taken back together."""
    night = spec.key(dataset, partition)
    stores.lake.require_column(night)
    retraction = Retraction(
        by=person_of(stores),
        why=why,
        dataset=dataset,
        at=stores.began.isoformat() if stores.began else None,
    )
    taken_back = take_back(stores.lake.objects, night, retraction, stores.provenance(), _last_champion(spec, stores))
    _forget(night, stores)
    return Retracted(
        model=spec.name,
        partition=partition,
        by=retraction.by,
        why=why,
        rows={str(one.manifest.dataset): one.rows for one in taken_back},
        labels=_labels(dataset),
        bring_back=how_to_make(night),
    )


def _last_champion(spec: ModelSpec, stores: Stores) -> dict[str, int]:
    """The newest entry that says who scores: a night that was planned with it began before, too."""
    head = stores.aliases.ledger(spec.name).head()
    return {CHAMPION_MOVE: head.scoring_number} if CHAMPION in head.last else {}


def _forget(night: PartitionKey, stores: Stores) -> None:
    """Remove what monitoring said of it. After the manifests: a monitor that writes later looks at them."""
    of_drift = [layout.drift(night), layout.drift_report(night)]
    of_accuracy = [layout.accuracy(night.model, night.partition)]
    of_shadow = [layout.shadow_night(night.model, night.partition, suffix) for suffix in (".json", ".html")]
    of_canary = [layout.canary_night(night.model, night.partition, suffix) for suffix in (".json", ".html")]
    forgotten = {
        Dataset.MONITORING: of_drift,
        Dataset.LABELS: of_accuracy + of_shadow + of_canary,
        Dataset.SHADOW: of_shadow,
    }
    for key in forgotten.get(night.dataset, of_drift + of_accuracy + of_shadow + of_canary):
        stores.lake.objects.delete(key)


def _judge_later(spec: ModelSpec, partition: str, stores: Stores) -> None:
    later = judge_later(spec, partition, stores)
    if not later.records:
        return
    try:
        log_points(spec, later.records, stores)
    except (ModelError, RegistryUnavailable, UsageError) as error:
        # What counts is in the lake; nothing else that is done here asks MLflow.
        nights = ", ".join(later.nights)
        log.warning("%s: MLflow shows %s as they were judged before: %s", spec.name, nights, error)


def _labels(dataset: Dataset) -> str:
    if dataset == Dataset.LABELS:
        return LABELS_GO
    return NO_LABELS_MEANT if dataset == Dataset.PREDICTIONS else LABELS_STAY
