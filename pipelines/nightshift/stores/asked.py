"""Verdicts that a person was asked about, kept under their digests, so that the answer may come from elsewhere.

Each is sealed: what somebody without the lake's key writes there, nobody can approve.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Literal

from nightshift.contracts import Verdict
from nightshift.errors import UnsealedRecord, UsageError
from nightshift.stores import layout
from nightshift.stores.seals import SealedRecord, Seals

if TYPE_CHECKING:
    from nightshift.stores import Stores

DIGEST = "[0-9a-f]{8,64}"


class AskedVerdict(SealedRecord):
    """The facts of a verdict, and the digest by which a person approves it."""

    what = "a verdict that a person was asked about"

    format: Literal[1] = 1
    model: str
    digest: str
    facts: dict[str, Any]
    origin: dict[str, str]

    @property
    def verdict(self) -> Verdict:
        """What was found of the candidate."""
        return Verdict(**self.facts)


def keep_asked(asked: AskedVerdict, stores: Stores) -> None:
    """Keep it until somebody answers; asked again, it is the same."""
    place = layout.asked(asked.model, asked.digest)
    seals = Seals.of(stores.settings)
    sealed = asked.under_seal(seals, place)
    objects = stores.lake.objects
    objects.put_record(place, sealed)


def asked_verdict(model: str, digest: str, stores: Stores) -> AskedVerdict:
    """The one whose digest begins so. Raises ``UsageError`` for none and for several, ``UnsealedRecord``."""
    look = f"the reason of the challenger has it: {stores.settings.mlflow_url or 'see the ledger'}"
    if not re.fullmatch(DIGEST, digest):
        raise UsageError(f"{model}: {digest[:60]!r} is no digest: 8 to 64 of 0-9 and a-f", fix=look)
    begins = layout.stem(layout.asked(model, digest))
    places = list(stores.lake.objects.keys(begins))
    if len(places) != 1:
        count = len(places) or "no"
        raise UsageError(f"{model}: a person was asked about {count} verdicts whose digest is {digest}...", fix=look)
    (place,) = places
    asked = stores.lake.objects.get_record(place, AskedVerdict)
    if asked is None or not asked.is_believed(Seals.of(stores.settings), place):
        raise UnsealedRecord(
            f"{stores.lake.objects.uri}/{place} has no seal that is believed: nobody with the lake's key wrote it",
            fix=f"nightshift train {model} NIGHT asks anew",
        )
    return asked
