"""Calls and what came of them as JSON, for workers that share nothing with who launches them but the lake.

A call names a function and is sealed, so a worker runs only what somebody with the lake's key wrote down, and
unpickles nothing. Types come from the function's own annotations.
"""

import hashlib
from collections.abc import Callable, Sequence
from importlib import import_module
from typing import Any, Literal, Union, get_args, get_type_hints

from pydantic import BaseModel, ConfigDict, TypeAdapter

from nightshift import errors
from nightshift.engines.launcher import Item, Result
from nightshift.errors import NightshiftError, UsageError
from nightshift.stores.seals import SealedRecord

AGAIN = "trigger the night again: it is written anew"
DIGEST_CHARACTERS = 32


class LaunchedCalls(SealedRecord):
    """Which function is to be called, and with what: an item for each call."""

    what = "a record of launched calls"
    remedy = AGAIN

    format: Literal[1] = 1
    work: str
    items: list[Any]

    @property
    def digest(self) -> str:
        """By what its outcomes are kept, and found again by a driver that took over."""
        return hashlib.sha256(self._content()).hexdigest()[:DIGEST_CHARACTERS]


class ReportedError(BaseModel):
    """One of our errors, as a worker reports it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: str
    message: str
    fix: str | None

    def as_raised(self) -> NightshiftError:
        """The error itself; of a kind that is not known here, the root of the tree."""
        kind = getattr(errors, self.kind, NightshiftError)
        return kind(self.message, fix=self.fix)


class CallOutcome(SealedRecord):
    """What a call gave: a result, or one of our errors."""

    what = "a record of what came of a call"
    remedy = AGAIN

    format: Literal[1] = 1
    result: Any = None
    error: ReportedError | None = None


def written(work: Callable[[Item], Result], items: Sequence[Item]) -> LaunchedCalls:
    """The calls of a function of a module, not sealed yet."""
    adapter = TypeAdapter[Any](_item_type(work))
    return LaunchedCalls(
        work=f"{work.__module__}:{work.__qualname__}",
        items=[adapter.dump_python(item, mode="json") for item in items],
    )


def made(calls: LaunchedCalls, index: int) -> CallOutcome:
    """Make a call, on a worker. Raises ``UsageError`` for a function that this worker does not have."""
    work = _named(calls.work)
    item = TypeAdapter[Any](_item_type(work)).validate_python(calls.items[index])
    outcome = work(item)
    if isinstance(outcome, NightshiftError):
        error = ReportedError(kind=type(outcome).__name__, message=outcome.message, fix=outcome.fix)
        return CallOutcome(error=error)
    return CallOutcome(result=TypeAdapter[Any](_result_type(work)).dump_python(outcome, mode="json"))


def read(work: Callable[[Item], Result], outcome: CallOutcome) -> Result:
    """What a call gave, as the function itself would have given it."""
    if outcome.error is not None:
        return outcome.error.as_raised()  # type: ignore[return-value]  # The function's type says that it may.
    result: Result = TypeAdapter[Any](_result_type(work)).validate_python(outcome.result)
    return result


def _named(name: str) -> Callable[[Any], Any]:
    module, _, function = name.partition(":")
    try:
        work: Callable[[Any], Any] = getattr(import_module(module), function)
    except (ImportError, AttributeError) as error:
        raise UsageError(
            f"a worker does not have {name}, which it was launched for", fix="give driver and workers one image"
        ) from error
    return work


def _item_type(work: Callable[..., Any]) -> Any:
    hints = get_type_hints(work)
    return next(hint for name, hint in hints.items() if name != "return")


def _result_type(work: Callable[..., Any]) -> Any:
    """Without the errors that come back beside it."""
    hint = get_type_hints(work)["return"]
    kinds = [kind for kind in get_args(hint) if isinstance(kind, type) and issubclass(kind, NightshiftError)]
    if not kinds:
        return hint
    rest = tuple(kind for kind in get_args(hint) if kind not in kinds)
    return Union[rest]  # noqa: UP007 - of as many as there are
