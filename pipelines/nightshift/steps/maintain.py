"""Keep a model's lake as its manifests say: heal what a crash left behind, collect what nobody names.

Safe at any time, beside any run: healing is what every run does itself, and nightshift/stores/garbage.py says
why collecting meets no run. What stays on purpose: the graphs of ``models/``, because every published night
names the one that scored it, and a rollback may want it.
"""

import datetime as dt
import logging
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from itertools import chain

from nightshift.contracts import KEEP_DAYS, LEAST_KEEP_DAYS, Dataset, Maintained
from nightshift.errors import MissingPartition, UsageError
from nightshift.spec import ModelSpec
from nightshift.stores import Stores
from nightshift.stores.garbage import Orphan, abortable, orphans, remove
from nightshift.stores.lake import Lake
from nightshift.stores.manifest import Manifest
from nightshift.stores.objects import IncompleteUpload
from nightshift.stores.served import is_stale, manifests, unpublished_files

log = logging.getLogger("nightshift")


@dataclass(frozen=True)
class MaintenanceAction:
    """``counted_as`` is the field of ``Maintained``; ``act`` is what to do about it, nothing for what stays."""

    counted_as: str
    what: str
    bytes: int = 0
    act: Callable[[], object] | None = None


def maintain(
    spec: ModelSpec,
    stores: Stores,
    *,
    older_than_days: float = KEEP_DAYS,
    dry_run: bool = False,
    say: Callable[[str], object] = log.info,
) -> Maintained:
    """Heal all published nights of a model and collect what is older than some days; ``say`` gets each act.

    Raises ``UsageError`` for less than a day, ``LakeUnavailable``, and, after all is done, ``MissingPartition``
    when a manifest names a file that is not there.
    """
    if not older_than_days >= LEAST_KEEP_DAYS:
        raise UsageError(
            f"what is {older_than_days:g} days old may belong to a run that still works",
            fix=f"give {LEAST_KEEP_DAYS:g} day or more",
        )
    return sweep(spec, stores, dt.timedelta(days=older_than_days), dry_run=dry_run, say=say)


def sweep(
    spec: ModelSpec,
    stores: Stores,
    older_than: dt.timedelta,
    *,
    dry_run: bool = False,
    say: Callable[[str], object] = log.info,
) -> Maintained:
    """The same for any age; for none at all where nothing else runs."""
    counts: Counter[str] = Counter()
    lost = []
    actions = _actions(spec, stores.lake, dt.datetime.now(dt.UTC) - older_than)
    for action in chain(actions, _of_aliases(spec, stores)):
        counts[action.counted_as] += 1
        counts[f"{action.counted_as}_bytes"] += action.bytes
        if action.counted_as == "lost":
            lost.append(action.what)
        if action.act is None:
            continue
        say(f"would {action.what}" if dry_run else action.what)
        if not dry_run:
            action.act()
    if lost:
        raise MissingPartition(
            f"manifests name files that are not there: {', '.join(lost)}", fix="make these nights anew"
        )
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


def _actions(spec: ModelSpec, lake: Lake, cutoff: dt.datetime) -> Iterator[MaintenanceAction]:
    columns = {spec.partition.column}
    for dataset in Dataset:
        for key in unpublished_files(lake, dataset, spec.name):
            yield _of_stray(lake, key)
        for manifest in manifests(lake, dataset, spec.name):
            columns.add(manifest.column)
            yield from _of_night(lake, manifest)
    for dataset in Dataset:
        for orphan in orphans(lake, dataset, spec.name, columns, cutoff):
            yield _of_orphan(lake, orphan, cutoff)
    for upload in lake.objects.incomplete_uploads(""):
        if f"/{spec.name}/" in upload.key:
            yield _of_upload(lake, upload, cutoff)


def _of_aliases(spec: ModelSpec, stores: Stores) -> Iterator[MaintenanceAction]:
    """MLflow's aliases that somebody moved by hand; they come last, since the lake needs no MLflow."""
    for alias in stores.aliases.astray(spec.name):
        act = partial(stores.aliases.project, spec.name)
        yield MaintenanceAction("aliases", str(alias), act=act)


def _of_stray(lake: Lake, key: str) -> MaintenanceAction:
    what = f"delete {key}, which no manifest published"
    act = partial(lake.objects.delete, key)
    return MaintenanceAction("strays", what, act=act)


def _of_night(lake: Lake, manifest: Manifest) -> Iterator[MaintenanceAction]:
    yield MaintenanceAction("nights", manifest.partition)
    is_whole = True
    for file in manifest.files:
        if lake.objects.head(file.key) is None:
            is_whole = False
            yield MaintenanceAction("lost", file.key)
    if is_whole and is_stale(lake, manifest):
        what = f"heal {manifest.dataset} {manifest.partition}"
        act = partial(lake.heal, manifest)
        yield MaintenanceAction("healed", what, act=act)


def _of_orphan(lake: Lake, orphan: Orphan, cutoff: dt.datetime) -> MaintenanceAction:
    keys = [file.key for file in orphan.files]
    what = f"delete {', '.join(keys)}"
    if not orphan.due:
        return MaintenanceAction("kept", what, orphan.bytes)
    act = partial(remove, lake, orphan, cutoff)
    return MaintenanceAction("collected", what, orphan.bytes, act)


def _of_upload(lake: Lake, upload: IncompleteUpload, cutoff: dt.datetime) -> MaintenanceAction:
    what = f"abort an upload of {upload.key}"
    if not abortable(lake, upload, cutoff):
        return MaintenanceAction("uploads_kept", what)
    act = partial(lake.objects.abort, upload)
    return MaintenanceAction("uploads_aborted", what, act=act)
