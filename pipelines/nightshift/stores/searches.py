"""What a search tried: each finished trial as a small record, so that a killed search goes on; and what it chose.

A trial is known by the digest of all that its search's trials share, the *study*, and by its number. Of two copies of
a task that finish the same trial, the first says what it was.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, Literal

from pydantic import JsonValue

from nightshift.errors import LakeUnavailable, UnreadableRecord
from nightshift.stores import by_content, layout
from nightshift.stores.objects import ConditionFailed
from nightshift.stores.records import Record

if TYPE_CHECKING:
    from nightshift.stores import Stores

TrialState = Literal["finished", "pruned", "refused"]


class TrialRecord(Record):
    """One recipe that was tried. ``losses`` are the mean losses of a row after each fold, the last of which counts.

    ``candidate`` 0 is training as model.yaml has it, others are numbered from 1; ``values`` are of its ranges.
    ``night_losses`` are the mean losses of its judged nights. ``why`` says what kept a refused one from the end.
    """

    what = "a record of a trial"

    format: Literal[1] = 1
    study: str
    number: int
    candidate: int
    values: dict[str, JsonValue]
    state: TrialState
    losses: list[float]
    night_losses: dict[str, float]
    seconds: float
    why: str = ""

    @property
    def loss(self) -> float | None:
        """The mean loss of a row over all folds; None of one that did not come so far."""
        return self.losses[-1] if self.state == "finished" else None


class BeginningRecord(Record):
    """That a trial was begun: without a record of the trial, its process died or is at it."""

    what = "a record of a trial's beginning"

    format: Literal[1] = 1
    study: str
    number: int


class SearchRecord(Record):
    """A search: over which nights before the judged ones, all its trials, and which of them won, and why.

    ``ended`` says what ended it; ``night_rows`` are the rows of each night that judged its trials.
    """

    what = "a record of a search"

    format: Literal[1] = 1
    model: str
    study: str
    snapshot_md5: str
    metric: str
    night_rows: dict[str, int]
    candidates: list[dict[str, Any]]
    trials: list[TrialRecord]
    winner: int
    trainer: str
    parameters: dict[str, Any]
    reason: str
    ended: str


def read_trials(model: str, study: str, stores: Stores) -> list[TrialRecord]:
    """The finished trials of a study, in order, up to the first gap. Raises ``UnreadableRecord``."""
    objects = stores.lake.objects
    folder = layout.trials(model, study)
    trials: list[TrialRecord] = []
    for _ in objects.keys(folder):
        number = len(trials)
        key = layout.trial(model, study, number)
        trial = objects.get_record(key, TrialRecord)
        if trial is None:
            break
        where = f"{objects.uri}/{key}"
        own = _own(trial, study, number, where)
        trials.append(own)
    return trials


def keep_trial(model: str, trial: TrialRecord, stores: Stores) -> TrialRecord:
    """Put a trial where it stays; the one that stands there, if somebody was earlier. Raises ``LakeUnavailable``."""
    objects = stores.lake.objects
    key = layout.trial(model, trial.study, trial.number)
    try:
        objects.put_if(key, trial.to_json(), None)
    except ConditionFailed as error:
        # It can be one's own success, of which the answer was lost.
        stands = objects.get_record(key, TrialRecord)
        if stands is None:
            raise LakeUnavailable(f"{objects.uri}/{key} was not written: {error}", fix="nightshift status") from error
        return stands
    return trial


def begin_trial(model: str, study: str, number: int, stores: Stores) -> int:
    """Keep that a trial is begun; how often it was before. Raises ``LakeUnavailable``."""
    objects = stores.lake.objects
    record = BeginningRecord(study=study, number=number)
    body = record.to_json()
    before = 0
    while True:
        key = layout.beginning(model, study, number, before)
        try:
            objects.put_if(key, body, None)
        except ConditionFailed:
            before += 1
        else:
            return before


def keep_search(search: SearchRecord, stores: Stores) -> str:
    """Put a search into the lake; its digest."""
    key_of = partial(layout.search, search.model)
    return by_content.keep(
        search,
        key_of,
        stores,
    )


def read_search(model: str, sha256: str, stores: Stores) -> SearchRecord:
    """What was kept. Raises ``MissingPartition``, ``UnreadableRecord`` when it is another than the digest says."""
    key = layout.search(model, sha256)
    return by_content.read(
        SearchRecord,
        key,
        sha256,
        stores,
    )


def _own(trial: TrialRecord, study: str, number: int, where: str) -> TrialRecord:
    if (trial.study, trial.number) != (study, number):
        raise UnreadableRecord(
            f"{where} is not trial {number} of the search {study}: it says {trial.number} of {trial.study}",
            fix="find out who wrote to models/ in the lake, then delete it: the search tries it again",
        )
    return trial
