"""What today's model.yaml and code would train, score and publish anew, before anything runs. It only reads.

Held against each other are the spec, the recipe and the code of the champion's training with those of now, and what
made each published night with what would make it today. Nothing of it happens by itself: a change of model.yaml
trains nothing, and scores no night that is published.
"""

from dataclasses import dataclass, field

from nightshift.contracts import Pin
from nightshift.partitions import parse_partition
from nightshift.progress import OnProgress, unheard
from nightshift.releases.baseline import Baseline, baseline
from nightshift.releases.published_columns import changed_columns
from nightshift.releases.scored_nights import ScoredNights, Today, scored_nights
from nightshift.releases.spec_changes import SpecChange, spec_changes
from nightshift.spec import ModelSpec
from nightshift.steps._preview_training import ANOTHER, TrainingPreview, preview_training
from nightshift.steps.check import unlike_version
from nightshift.stores import Stores


@dataclass(frozen=True)
class Preview:
    """A model.yaml beside what the lake has.

    ``changes`` are since the training of the ``champion``, None where there is none, at commit ``trained_by``; ``note``
    says why nobody knows them, where nobody does. ``cannot_score`` says why the
    champion could not score a night of today's model.yaml; empty where it could. ``columns`` are those of the
    published nights that would be others.
    """

    model: str
    champion: str | None
    training: TrainingPreview
    trained_through: str = ""
    trained_by: str = ""
    changes: list[SpecChange] = field(default_factory=list)
    cannot_score: str = ""
    scoring: ScoredNights | None = None
    columns: dict[str, str] = field(default_factory=dict)
    note: str = ""

    @property
    def needs_training(self) -> bool:
        """Whether nobody would have the change in force without a training."""
        if self.champion is None or self.cannot_score:
            return True
        return self.training.recipe == ANOTHER


def preview(spec: ModelSpec, stores: Stores, *, as_of: str | None = None, progress: OnProgress = unheard) -> Preview:
    """What would be made anew, with nights and rows; a training as of the newest validated night, or another.

    Raises ``UsageError`` for what is no night and for a partition column that the lake's nights are not under,
    ``ModelError`` for a champion that may not score, ``UnreadableRecord``, ``LakeUnavailable``.
    """
    if as_of is not None:
        parse_partition(as_of)
    known = baseline(spec, stores)
    training = preview_training(spec, known, as_of, stores)
    if known is None:
        return Preview(spec.name, None, training)
    record = known.record
    return Preview(
        spec.name,
        record.version,
        training,
        trained_through=record.trained_through,
        trained_by=known.commit,
        changes=_changes(spec, known),
        cannot_score=unlike_version(spec, record.pin, stores),
        scoring=_scoring(spec, stores, progress),
        columns=changed_columns(spec, stores),
        note=known.note,
    )


def _changes(spec: ModelSpec, known: Baseline) -> list[SpecChange]:
    if known.spec is None:
        return []
    return spec_changes(known.spec, known.comparable(spec))


def _scoring(spec: ModelSpec, stores: Stores, progress: OnProgress) -> ScoredNights:
    def unlike(pin: Pin) -> str:
        return unlike_version(spec, pin, stores)

    today = Today(spec, stores, unlike)
    return scored_nights(spec, today, stores, progress)
