"""What verbs share: opening stores and a model, and saying what came of it."""

import datetime as dt
import json
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import asdict, is_dataclass
from typing import TYPE_CHECKING, Any

from nightshift import logs
from nightshift.errors import plain

if TYPE_CHECKING:
    from nightshift.spec import ModelSpec
    from nightshift.stores import Stores


def open_stores() -> "Stores":
    """The stores of this environment, for a person at the command line; libraries see the same environment."""
    from nightshift.settings import export_env, settings
    from nightshift.stores import Stores

    export_env(settings())
    if settings().log == logs.JSON:
        logs.log_as_json()
    logs.bind(run=uuid.uuid4().hex[:12])
    return Stores(settings(), {"by": "nightshift"}, dt.datetime.now(dt.UTC))


def open_model(name: str) -> "tuple[ModelSpec, Stores]":
    """A model's spec, and the stores. Raises ``UsageError`` when there is no such model."""
    from nightshift.spec import find_spec

    stores = open_stores()
    spec = find_spec(stores.settings.models, name)
    logs.bind(model=spec.name)
    return spec, stores


def say(result: Any) -> None:
    """Print a step's result, a fact a line; facts of facts are indented under their name.

    No value is broken, whatever the width: somebody may want to click on it, or search for it.
    """
    from rich.text import Text

    from nightshift.terminal import open_console

    logs.bind(**logs.fields_of(result))
    facts = _facts(result)
    rows = list(_rows(facts))
    width = max((len(label) for label, _ in rows), default=0)
    console = open_console()
    for label, value in rows:
        line = Text(label.ljust(width), style="bold")
        line.append(f"  {value}", style="not bold")
        line.rstrip()
        console.print(line, soft_wrap=True, highlight=False)


def say_next(command: str) -> None:
    """Print what comes after the verb: its last line."""
    import typer

    typer.echo(f"next: {command}")


def say_as_json(result: Any) -> None:
    """Print a step's result as one JSON object, for machines."""
    import typer

    logs.bind(**logs.fields_of(result))
    facts = _facts(result)
    typer.echo(json.dumps(facts, indent=2))


def _facts(result: Any) -> dict[str, Any]:
    if is_dataclass(result) and not isinstance(result, type):
        return asdict(result)
    return dict(result)


def _rows(facts: Mapping[str, Any], indent: str = "") -> Iterator[tuple[str, str]]:
    for name, value in facts.items():
        label = f"{indent}{name}"
        if isinstance(value, Mapping) and value:
            yield label, ""
            yield from _rows(value, indent + "  ")
        else:
            yield label, _text(value)


def _text(value: Any) -> str:
    if value is None:
        return "-"
    if isinstance(value, str):
        return plain(value)
    return plain(json.dumps(value, ensure_ascii=False))
