"""What a change is held against: the champion, and the spec that it was trained by."""

from dataclasses import dataclass

from pydantic import ValidationError

from nightshift.errors import MissingPartition, NoChampion, UnreadableRecord
from nightshift.releases.searched import as_searched, search_of
from nightshift.spec import ModelSpec
from nightshift.stores import Stores, replays
from nightshift.stores.replays import Replay
from nightshift.stores.searches import SearchRecord
from nightshift.stores.versions import VersionRecord


@dataclass(frozen=True)
class Baseline:
    """A champion by its sealed record, and how it was trained, as far as anybody can say that still.

    ``searched`` is the search that chose its recipe, if one did.
    """

    record: VersionRecord
    replay: Replay | None
    spec: ModelSpec | None
    note: str = ""
    searched: SearchRecord | None = None

    def comparable(self, spec: ModelSpec) -> ModelSpec:
        """A spec as it is held against that of the training: with its recipe, where a search may choose that again."""
        return as_searched(spec, self.searched)

    @property
    def commit(self) -> str:
        """By which it was trained; empty where nobody can say."""
        if self.replay is None:
            return ""
        return self.replay.commit


def baseline(spec: ModelSpec, stores: Stores) -> Baseline | None:
    """The champion of a model; None where there is none. Raises ``ModelError`` for one without a sealed record."""
    try:
        pin, _ = stores.aliases.champion(spec.name)
    except NoChampion:
        return None
    record = stores.versions.record(spec.name, pin.version)
    if record is None:
        return None
    return _as_trained(record, stores)


def _as_trained(record: VersionRecord, stores: Stores) -> Baseline:
    which = f"version {record.version}"
    if not record.replay_sha256:
        return Baseline(record, None, None, f"{which} does not say by which model.yaml it was trained: it is older")
    try:
        replay = replays.read(record.model, record.replay_sha256, stores)
        searched = search_of(record, stores)
    except (MissingPartition, UnreadableRecord) as error:
        return Baseline(record, None, None, f"how {which} was trained is not known: {error.message}")
    try:
        trained_by = ModelSpec.model_validate(replay.spec)
    except ValidationError:
        return Baseline(record, replay, None, f"{which} was trained by a model.yaml that is not read any more")
    return Baseline(record, replay, trained_by, searched=searched)
