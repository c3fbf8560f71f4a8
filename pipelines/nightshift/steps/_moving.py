"""What all have in common that move the champion: the entry itself, and that MLflow shows it."""

import logging

from nightshift.errors import Unavailable
from nightshift.spec import ModelSpec
from nightshift.stores import Stores
from nightshift.stores.aliases import AliasHead, AliasMove

log = logging.getLogger("nightshift")


def new_move(
    spec: ModelSpec,
    alias: str,
    head: AliasHead,
    version: str | None,
    reason: str,
    stores: Stores,
    *,
    night: str | None = None,
    withdraws: str | None = None,
) -> AliasMove:
    """The entry that comes after ``head``."""
    return AliasMove(
        model=spec.name,
        alias=alias,
        before=head.version(alias),
        after=version,
        reason=reason,
        origin=dict(stores.origin),
        night=night,
        withdraws=withdraws,
    )


def show(spec: ModelSpec, stores: Stores) -> None:
    """Let MLflow show the move. It is done whether MLflow answers or not: who heard of an error would move again."""
    try:
        stores.aliases.project(spec.name)
    except Unavailable as error:
        log.warning("the champion has moved; nightshift maintain %s puts MLflow's alias right: %s", spec.name, error)
