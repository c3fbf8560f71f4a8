"""What verbs share: opening a model, and saying what came of it."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, is_dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nightshift.spec import ModelSpec
    from nightshift.stores import Stores


def open_stores() -> "Stores":
    """The stores of this environment, for a person at the command line."""
    from nightshift.settings import settings
    from nightshift.stores import Stores

    return Stores(settings(), {"by": "nightshift"})


def open_model(name: str) -> "tuple[ModelSpec, Stores]":
    """A model's spec, and the stores. Raises ``UsageError`` when there is no such model."""
    from nightshift.spec import find_spec

    stores = open_stores()
    return find_spec(stores.settings.models, name), stores


def say(result: Any) -> None:
    """Print a step's result, a fact a line; facts of facts are indented under their name."""
    from rich.console import Console
    from rich.table import Table

    table = Table.grid(padding=(0, 2))
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    facts = asdict(result) if is_dataclass(result) and not isinstance(result, type) else dict(result)
    for name, value in _lines(facts):
        table.add_row(name, value)
    Console(soft_wrap=True).print(table)


def _lines(facts: Mapping[str, Any], indent: str = "") -> Iterator[tuple[str, str]]:
    from rich.markup import escape

    for name, value in facts.items():
        shown = f"{indent}[bold]{escape(str(name))}[/bold]"
        if isinstance(value, Mapping) and value:
            yield shown, ""
            yield from _lines(value, indent + "  ")
        else:
            yield shown, escape(_shown(value))


def _shown(value: Any) -> str:
    if value is None:
        return "-"
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
