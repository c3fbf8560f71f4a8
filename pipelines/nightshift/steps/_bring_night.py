"""One night of a bulk load: what the lake lacks of it, by the steps that every night goes through."""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from nightshift.errors import (
    DataError,
    NightshiftError,
    NoSourceData,
    RowsGone,
    SchemaMismatch,
    Superseded,
    UnreadableRecord,
)
from nightshift.spec import ModelSpec
from nightshift.steps.ingest import ingest, ingest_labels
from nightshift.steps.validate import validate
from nightshift.stores import Stores
from nightshift.validation.asked import Suite

log = logging.getLogger("nightshift")
LEAVES_A_NIGHT = (NoSourceData, RowsGone, Superseded, UnreadableRecord)
"""After which a load goes on with the next night."""


@dataclass(frozen=True)
class Wanted:
    """A night to be brought: whether its rows and its labels, if they have today's columns, were read as today."""

    night: str
    rows: bool | None
    labels: bool | None


@dataclass(frozen=True)
class Brought:
    """What came of a night: why it was left, which parts of it were kept as they are, and why it has no labels."""

    left: NightshiftError | None = None
    kept: int = 0
    no_labels: DataError | None = None


@dataclass(frozen=True)
class Bringing:
    """How nights are brought; crosses to processes. ``shown`` is the night that gets its Data Docs though it passes."""

    spec: ModelSpec
    stores: Stores
    shown: str | None

    def start(self) -> Callable[[Wanted], Brought]:
        """What brings one night after the other, with what Great Expectations prepares made once."""
        suite = Suite()
        return partial(self._bring, suite)

    def _bring(self, suite: Suite, wanted: Wanted) -> Brought:
        try:
            return _bring(self, suite, wanted)
        except LEAVES_A_NIGHT as error:
            return Brought(left=error)
        except NightshiftError as error:
            if wanted.night in error.message:
                raise
            raise _named(error, self.spec, wanted.night) from error


def _bring(bringing: Bringing, suite: Suite, wanted: Wanted) -> Brought:
    """Fetch what the lake has not of a night, or has in another way; what cannot be read today stays as it is."""
    spec = bringing.spec
    night = wanted.night
    stores = bringing.stores

    def fetch_rows() -> None:
        ingest(spec, night, stores)
        validate(spec, night, stores, suite=suite, with_page=night == bringing.shown)

    kept = 0
    if not wanted.rows:
        kept += _is_kept(spec, night, fetch_rows, is_there=wanted.rows is not None)
    no_labels = None
    if not wanted.labels:
        try:
            kept += _is_kept(
                spec, night, lambda: ingest_labels(spec, night, stores), is_there=wanted.labels is not None
            )
        except (NoSourceData, RowsGone) as error:
            # That it has none yet, or none any more, is no fault.
            no_labels = error
    return Brought(kept=kept, no_labels=no_labels)


def _is_kept(spec: ModelSpec, night: str, fetch: Callable[[], object], *, is_there: bool) -> bool:
    """Whether a part of a night stays as it is, since its source cannot be read as model.yaml says now."""
    try:
        fetch()
    except SchemaMismatch as error:
        # Of what is not there with today's columns it is a fault to be mended.
        if not is_there:
            raise
        log.warning("%s %s is left as it is: %s", spec.name, night, error.message)
        return True
    return False


def _named(error: NightshiftError, spec: ModelSpec, night: str) -> NightshiftError:
    """The error with its night: one of hundreds it may be."""
    return type(error)(f"{spec.name} {night}: {error.message}", fix=error.fix)
