"""What verbs share: opening stores and a model, and saying what came of it."""

import datetime as dt
import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, is_dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nightshift.spec import ModelSpec
    from nightshift.stores import Stores


def open_stores() -> "Stores":
    """The stores of this environment, for a person at the command line; libraries see the same environment."""
    from nightshift.settings import export_env, settings
    from nightshift.stores import Stores

    export_env(settings())
    return Stores(settings(), {"by": "nightshift"}, dt.datetime.now(dt.UTC))


def open_model(name: str) -> "tuple[ModelSpec, Stores]":
    """A model's spec, and the stores. Raises ``UsageError`` when there is no such model."""
    from nightshift.spec import find_spec

    stores = open_stores()
    spec = find_spec(stores.settings.models, name)
    return spec, stores


def say(result: Any) -> None:
    """Print a step's result, a fact a line; facts of facts are indented under their name."""
    from rich.console import Console
    from rich.table import Table

    table = Table.grid(padding=(0, 2))
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for name, value in _rows(_facts(result)):
        table.add_row(name, value)
    Console(soft_wrap=True).print(table)


def say_as_json(result: Any) -> None:
    """Print a step's result as one JSON object, for machines."""
    import typer

    typer.echo(json.dumps(_facts(result), indent=2))


def _facts(result: Any) -> dict[str, Any]:
    if is_dataclass(result) and not isinstance(result, type):
        return asdict(result)
    return dict(result)


def _rows(facts: Mapping[str, Any], indent: str = "") -> Iterator[tuple[str, str]]:
    from rich.markup import escape

    for name, value in facts.items():
        label = f"{indent}[bold]{escape(str(name))}[/bold]"
        if isinstance(value, Mapping) and value:
            yield label, ""
            yield from _rows(value, indent + "  ")
        else:
            yield label, escape(_text(value))


def _text(value: Any) -> str:
    if value is None:
        return "-"
    if isinstance(value, str):
        return value
    return json.dumps(value, ensure_ascii=False)
