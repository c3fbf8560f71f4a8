"""What all have in common that move the champion: the entry itself, and that MLflow shows it."""

import logging
import re
from collections.abc import Mapping

from nightshift.errors import Unavailable, UsageError
from nightshift.partitions import VERSION_PATTERN
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
    share: float | None = None,
    signed: Mapping[str, str] | None = None,
) -> AliasMove:
    """The entry that comes after ``head``; ``signed`` is who answered for it, beside who made it.

    ``share`` is that of a canary.
    """
    return AliasMove(
        model=spec.name,
        alias=alias,
        before=head.version(alias),
        after=version,
        reason=reason,
        origin={**stores.origin, **(signed or {})},
        night=night,
        withdraws=withdraws,
        share=share,
    )


def require_version(spec: ModelSpec, version: str, example: str) -> None:
    """Raises ``UsageError`` for what is no number of a version."""
    if not re.fullmatch(VERSION_PATTERN, version):
        raise UsageError(
            f"{spec.name}: {version[:60]!r} is no version",
            fix=f"name one by its number: nightshift {example}",
        )


def show(spec: ModelSpec, stores: Stores) -> None:
    """Let MLflow show the move. It is done whether MLflow answers or not: who heard of an error would move again."""
    try:
        stores.aliases.project(spec.name)
    except Unavailable as error:
        log.warning("the champion has moved; nightshift maintain %s puts MLflow's alias right: %s", spec.name, error)
