"""Nights judged as of themselves, one after the other, as ``monitor`` and ``govern`` judge them; nothing is kept."""

from collections.abc import Sequence
from dataclasses import dataclass

from nightshift.contracts import Dataset, Decision
from nightshift.errors import DamagedFile, DataError, ModelError, UnreadableRecord
from nightshift.monitoring.arrivals import arrived
from nightshift.monitoring.backtest.result import JudgedNight, LabelledNight
from nightshift.monitoring.night_record import NightRecord, read_night_record
from nightshift.monitoring.retrains import DecisionRecord, StartedRetrains, started_retrains, with_retrain
from nightshift.spec import ModelSpec
from nightshift.steps.govern import decision_record, gather
from nightshift.steps.monitor import judge_night
from nightshift.stores import Stores, layout
from nightshift.stores.manifest import Manifest
from nightshift.stores.past import Moment, PastStores, moves_before
from nightshift.stores.registry import CHAMPION

GENERATION = "backtest"


@dataclass(frozen=True)
class Raised:
    """What the lake itself says of a night: the alarm that was raised, and whether a retrain was started."""

    alarmed: bool | None
    retrained: bool


class PastNights:
    """The nights of a model, from the oldest on; each is judged once."""

    def __init__(self, spec: ModelSpec, nights: Sequence[str], stores: Stores) -> None:
        self._spec = spec
        self._now = stores
        first_labelled, *_ = arrived(spec, nights[0])
        self._moment = Moment(spec.name, nights[0], first_labelled)
        self._past = PastStores(stores.settings, stores.origin, stores.began, moment=self._moment)
        self._moves = stores.aliases.ledger(spec.name).head()
        self._nights_of_moves = stores.aliases.nights(spec.name, self._moves)
        self._really = started_retrains(spec.name, stores).head()
        self._started = StartedRetrains()
        self.records: dict[str, NightRecord] = {}
        self.notes: list[str] = []

    def judge(self, night: str) -> JudgedNight:
        """What would have been said of a night, by what there was then."""
        try:
            record = self._seen(night)
            decision = self._decided(record)
        except (DataError, ModelError, UnreadableRecord, DamagedFile) as error:
            return JudgedNight(night=night, why_not=error.message)
        raised = self._raised(night)
        drift = record.drift
        return JudgedNight(
            night=night,
            version=record.version,
            champion=self._past.aliases.version(self._spec.name, CHAMPION),
            drifted=None if record.planned else drift.alarm,
            worst=drift.worst,
            ratio=drift.ratio,
            labelled=_labelled(self._spec, record),
            retrain=decision.retrain,
            reason=decision.reason,
            raised=raised.alarmed,
            retrained=raised.retrained,
            planned=record.planned,
        )

    def _seen(self, night: str) -> NightRecord:
        """The night's record, which later nights see too."""
        lake = self._past.lake
        validated = lake.require(self._spec.key(Dataset.VALIDATED, night))
        predictions = lake.require(self._spec.key(Dataset.PREDICTIONS, night))
        version = predictions.pin.version
        self._moment.moves = moves_before(self._moves, self._nights_of_moves, night, version)
        record = judge_night(self._spec, validated, predictions, self._past)
        self._keep(record, validated)
        self.records[night] = record
        return record

    def _keep(self, record: NightRecord, validated: Manifest) -> None:
        """As ``monitor`` publishes it, for the nights that follow."""
        night = self._spec.key(Dataset.MONITORING, record.partition)
        objects = self._past.lake.objects
        objects.put_record(layout.drift(night), record)
        commit = {
            "dataset": Dataset.MONITORING,
            "generation": GENERATION,
            "files": (),
        }
        objects.put_record(layout.manifest(night), validated.model_copy(update=commit))

    def _decided(self, record: NightRecord) -> Decision:
        evidence = gather(
            self._spec,
            record,
            self._started,
            self._past,
        )
        decided = decision_record(self._spec, evidence)
        if decided.retrain:
            self._started = self._with(decided)
        return decided.decision

    def _with(self, decided: DecisionRecord) -> StartedRetrains:
        """One more retrain, which ended as the same one did in the lake; of another nobody knows an end."""
        number = self._started.number + 1
        after = with_retrain(self._started, number, decided)
        really = self._really.run(decided.run_id)
        outcome = really.outcome if really else None
        *before, started = after.runs
        runs = (*before, started.model_copy(update={"outcome": outcome}))
        return after.model_copy(update={"runs": runs, "number": number})

    def _raised(self, night: str) -> Raised:
        try:
            record = read_night_record(self._spec, night, self._now)
        except UnreadableRecord as error:
            self.notes.append(f"{night}: what was raised cannot be read: {error.message}")
            record = None
        alarmed = None
        if record is not None:
            labelled = _labelled(self._spec, record)
            lost = any(night.lost for night in labelled)
            drifted = record.drift.drifted and not record.planned
            alarmed = drifted or lost
        return Raised(
            alarmed,
            retrained=night in self._really.nights,
        )


def _labelled(spec: ModelSpec, record: NightRecord) -> tuple[LabelledNight, ...]:
    """The nights whose labels arrived with a run; of planned ones nothing is said."""
    labelled = []
    for accuracy in record.accuracy:
        lost = None if spec.drift.why_planned(accuracy.night) else accuracy.lost
        labelled.append(LabelledNight(accuracy.night, accuracy.version, lost))
    return tuple(labelled)
