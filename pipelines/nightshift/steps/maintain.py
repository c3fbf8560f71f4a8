"""Keep a model's lake as its manifests say: heal what a crash left behind, collect what nobody names.

Safe at any time, beside any run: healing is what every run does itself, and nightshift/stores/garbage.py says
why collecting meets no run. What stays on purpose: the graphs of ``models/``, because every published night
names the one that scored it, and a rollback may want it.

Nights are found by listings, a page of 1,000 keys at a time, and one that is as it was when it was last right costs
nothing more. The others are looked at side by side, and each is healed and collected before the next: who stops
half-way has done both for all nights that it came to, and the next run begins behind them.
"""

import datetime as dt
import logging
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import partial

from nightshift.concurrency import ordered_map
from nightshift.contracts import Dataset, Maintained
from nightshift.datasets import KEEP_DAYS, LEAST_KEEP_DAYS
from nightshift.errors import DamagedFile, MissingPartition, UnreadableRecord, UsageError
from nightshift.progress import OnProgress, counted, unheard
from nightshift.spec import ModelSpec
from nightshift.steps import _maintain_cache as cache
from nightshift.steps._maintain_night import Caretaker, MaintenanceAction
from nightshift.stores import Stores, layout
from nightshift.stores.garbage import abortable
from nightshift.stores.lake import Lake
from nightshift.stores.night_listing import ListedNight, NightListing
from nightshift.stores.objects import IncompleteUpload, ObjectInfo

log = logging.getLogger("nightshift")
AT_ONCE = 16
AHEAD = 64
MOST_NAMED = 20


@dataclass
class MaintenanceTally:
    """What was seen and done, summed up over nights and threads."""

    counts: Counter[str] = field(default_factory=Counter)
    damaged: list[str] = field(default_factory=list)
    unreadable: list[str] = field(default_factory=list)

    def add(self, other: "MaintenanceTally") -> None:
        """Both together."""
        self.counts.update(other.counts)
        self.damaged += other.damaged
        self.unreadable += other.unreadable

    @property
    def is_empty(self) -> bool:
        """Whether there was nothing to do, and nothing to be done later."""
        return not (self.counts or self.damaged or self.unreadable)


def maintain(
    spec: ModelSpec,
    stores: Stores,
    *,
    older_than_days: float = KEEP_DAYS,
    dry_run: bool = False,
    say: Callable[[str], object] = log.info,
    progress: OnProgress = unheard,
) -> Maintained:
    """Heal all published nights of a model and collect what is older than some days; ``say`` gets each act.

    Raises ``UsageError`` for less than a day, ``LakeUnavailable``, and, after all is done, ``UnreadableRecord`` when
    a manifest cannot be read, or else ``MissingPartition`` when one names a file that is not there.
    """
    if not older_than_days >= LEAST_KEEP_DAYS:
        raise UsageError(
            f"what is {older_than_days:g} days old may belong to a run that still works",
            fix=f"give {LEAST_KEEP_DAYS:g} day or more",
        )
    older_than = dt.timedelta(days=older_than_days)
    return sweep(spec, stores, older_than, dry_run=dry_run, say=say, progress=progress)


def sweep(
    spec: ModelSpec,
    stores: Stores,
    older_than: dt.timedelta,
    *,
    dry_run: bool = False,
    say: Callable[[str], object] = log.info,
    progress: OnProgress = unheard,
) -> Maintained:
    """The same for any age; for none at all where nothing else runs."""
    cutoff = dt.datetime.now(dt.UTC) - older_than
    broom = _Broom(spec, stores.lake, cutoff, dry_run, say)
    for dataset in counted(list(Dataset), "looking after datasets", progress):
        broom.dataset(dataset)
    broom.requests()
    # An upload may be gone with the object of its key only when that was collected.
    broom.uploads()
    broom.aliases(stores)
    _complain(broom.tally)
    counts = broom.tally.counts
    return Maintained(
        model=spec.name,
        dry_run=dry_run,
        nights=counts["nights"],
        healed=counts["healed"],
        strays=counts["strays"],
        collected=counts["collected"],
        collected_bytes=counts["collected_bytes"],
        kept=counts["kept"],
        kept_bytes=counts["kept_bytes"],
        uploads_aborted=counts["uploads_aborted"],
        uploads_kept=counts["uploads_kept"],
        aliases=counts["aliases"],
    )


class _Broom:
    """Goes over a model's lake once."""

    def __init__(
        self, spec: ModelSpec, lake: Lake, cutoff: dt.datetime, dry_run: bool, say: Callable[[str], object]
    ) -> None:
        self.tally = MaintenanceTally()
        self._model = spec.name
        self._lake = lake
        self._cutoff = cutoff
        self._dry_run = dry_run
        self._say = say
        self._columns = {spec.partition.column}

    def uploads(self) -> None:
        """Abort multipart uploads of the model that nobody will end."""
        uploads = self._lake.objects.incomplete_uploads("")
        mine = (upload for upload in uploads if layout.model_of(upload.key) == self._model)
        for done in ordered_map(self._end_upload, mine, AT_ONCE, AHEAD):
            self.tally.add(done)

    def requests(self) -> None:
        """Delete rows of callers that a server kept, replayed or not: they are there for the next nights alone."""
        for stored in self._lake.objects.listing(layout.requests(self._model)):
            self.tally.add(self._done([_of_requests(self._lake, stored, self._cutoff)]))

    def aliases(self, stores: Stores) -> None:
        """Put back MLflow's aliases that somebody moved by hand; last, since the lake needs no MLflow."""
        for alias in stores.aliases.astray(self._model):
            act = partial(stores.aliases.project, self._model)
            action = MaintenanceAction("aliases", str(alias), act=act)
            self.tally.add(self._done([action]))

    def dataset(self, dataset: Dataset) -> None:
        """Heal and collect all nights of a dataset that are not known to be right."""
        key = layout.maintained(self._model, dataset)
        known = cache.load(self._lake.objects, key)
        listing = NightListing(self._lake, dataset, self._model)
        self._columns |= listing.columns
        caretaker = Caretaker(self._lake, dataset, self._model, frozenset(self._columns), self._cutoff)
        self.tally.add(self._done(map(caretaker.loose, listing.loose)))
        right: dict[str, str] = {}
        is_complete = False
        try:
            self._look_after(caretaker, listing, known, right)
            is_complete = True
        finally:
            # Who is stopped keeps what was known of the nights that it did not come to.
            kept = right if is_complete else known | right
            if kept != known and not self._dry_run:
                cache.store(self._lake.objects, key, kept)

    def _look_after(
        self, caretaker: Caretaker, listing: NightListing, known: dict[str, str], right: dict[str, str]
    ) -> None:
        """Visit the nights that are not ``known`` as they are listed now; those with nothing to do are ``right``."""
        nights = self._changed(listing, known, right)
        visit = partial(self._visit, caretaker)
        for night, done in ordered_map(visit, nights, AT_ONCE, AHEAD):
            if done.is_empty:
                right[night.partition] = night.digest
            self.tally.add(done)

    def _changed(self, listing: NightListing, known: dict[str, str], right: dict[str, str]) -> Iterator[ListedNight]:
        for night in listing.nights():
            self.tally.counts["nights"] += night.published
            digest = night.digest
            if known.get(night.partition) == digest:
                right[night.partition] = digest
            else:
                yield night

    def _visit(self, caretaker: Caretaker, night: ListedNight) -> tuple[ListedNight, MaintenanceTally]:
        actions = caretaker.actions(night)
        return night, self._done(actions)

    def _end_upload(self, upload: IncompleteUpload) -> MaintenanceTally:
        action = _of_upload(self._lake, upload, self._cutoff)
        return self._done([action])

    def _done(self, actions: Iterable[MaintenanceAction]) -> MaintenanceTally:
        """Do them one by one, each before the next is thought of; what cannot be read or copied ends them."""
        done = MaintenanceTally()
        try:
            for action in actions:
                done.counts[action.counted_as] += 1
                done.counts[f"{action.counted_as}_bytes"] += action.bytes
                if action.counted_as == "damaged":
                    done.damaged.append(action.what)
                self._do(action)
        except UnreadableRecord as error:
            done.unreadable.append(error.message)
        except (MissingPartition, DamagedFile) as error:
            # A file went between the listing and the copy, or is not what its manifest names.
            done.damaged.append(error.message)
        return done

    def _do(self, action: MaintenanceAction) -> None:
        if action.act is None:
            return
        self._say(f"would {action.what}" if self._dry_run else action.what)
        if not self._dry_run:
            action.act()


def _of_requests(lake: Lake, stored: ObjectInfo, cutoff: dt.datetime) -> MaintenanceAction:
    what = f"delete {stored.key}, which a server kept for a replay"
    if stored.modified > cutoff:
        return MaintenanceAction("kept", what, stored.size)
    act = partial(lake.objects.delete_once, stored.key)
    return MaintenanceAction("collected", what, stored.size, act)


def _of_upload(lake: Lake, upload: IncompleteUpload, cutoff: dt.datetime) -> MaintenanceAction:
    what = f"abort an upload of {upload.key}"
    if not abortable(lake, upload, cutoff):
        return MaintenanceAction("uploads_kept", what)
    act = partial(lake.objects.abort, upload)
    return MaintenanceAction("uploads_aborted", what, act=act)


def _complain(tally: MaintenanceTally) -> None:
    """One error for all that a person has to look at."""
    complaints = []
    if tally.unreadable:
        complaints.append(f"nights were left alone, whose manifests cannot be read: {_named(tally.unreadable)}")
    if tally.damaged:
        complaints.append(f"manifests name files that are cut or not there: {_named(tally.damaged)}")
    message = "; ".join(complaints)
    if tally.unreadable:
        raise UnreadableRecord(message, fix="install the version of Nightshift that wrote them")
    if tally.damaged:
        raise MissingPartition(message, fix="make these nights anew")


def _named(things: list[str]) -> str:
    shown = ", ".join(sorted(things)[:MOST_NAMED])
    more = len(things) - MOST_NAMED
    return f"{shown} and {more} more" if more > 0 else shown
