"""Move an alias as a promotion or a rollback does, without its gate."""

from nightshift.stores import Stores
from nightshift.stores.aliases import AliasMove
from nightshift.stores.registry import CHAMPION


def append_move(stores: Stores, model: str, version: str, alias: str = CHAMPION, **origin: str) -> bool:
    """The next entry of the ledger; MLflow is not told."""
    ledger = stores.aliases.ledger(model)
    head = ledger.head()
    move = AliasMove(
        model=model, alias=alias, before=head.version(alias), after=version, reason="a test", origin=origin
    )  # fmt: skip
    return ledger.append(head, move)


def set_champion(stores: Stores, model: str, version: str) -> None:
    """Make a version the champion, in the ledger and in MLflow."""
    assert append_move(stores, model, version)
    stores.aliases.project(model)
