"""What two specs say otherwise, key by key, and what each difference is about."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from nightshift.spec import ModelSpec
from nightshift.spec.base import Frozen
from nightshift.training.recipe import recipe_sha256

RECIPE = "another recipe"
"""What a change is about that a gate has to judge as new."""
ABOUT = {
    "source": "how nights are read",
    "partition": "which nights there are",
    "partition.schedule": "when nights come",
    "keys": "how nights are read",
    "label": "how nights are read",
    "label.delay_days": "when labels are there",
    "label.corrected_within": "when labels are there",
    "night": "checks of nights from now on",
    "columns": "checks of nights from now on",
    "training.schedule": "when it is trained",
    "training": "the next training",
    "search": "the next training",
    "optimize": "the next training",
    "gates": "what a challenger must show",
    "shadow": "what a challenger must show in shadow",
    "canary": "who scores a share of rows first",
    "predict": "what is published",
    "drift": "what wakes somebody",
    "retrain": "what retrains it",
}
"""By a key or the section that it is in, the longest that fits."""


@dataclass(frozen=True)
class SpecChange:
    """One key that is not as it was, as model.yaml would write its values; None where it says none."""

    key: str
    was: Any
    now: Any
    about: str = ""


def spec_changes(was: ModelSpec, now: ModelSpec) -> list[SpecChange]:
    """Every key that two specs have otherwise, in order. A default that is written out is no difference."""
    recipe = recipe_keys(was, now)
    before = was.model_dump(mode="json")
    after = now.model_dump(mode="json")
    changes = []
    for change in _differing("", before, after):
        about = _about(change.key)
        if any(_is_within(change.key, part) for part in recipe):
            about = RECIPE
        changes.append(
            SpecChange(
                change.key,
                was=_written(was, change.key, change.was),
                now=_written(now, change.key, change.now),
                about=about,
            )
        )
    return changes


def recipe_keys(was: ModelSpec, now: ModelSpec) -> list[str]:
    """The keys each of which alone makes another recipe of what was; none where both are of one recipe."""
    before = recipe_sha256(was)
    keys = []
    for key, changed in _mixed("", was, now):
        if recipe_sha256(changed) != before:
            keys.append(key)
    return keys


def _differing(section: str, was: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[SpecChange]:
    """Keys whose values are not alike; what lies in a section that both have is looked at key by key."""
    for name in dict.fromkeys([*was, *now]):
        key = _join(section, name)
        before = was.get(name)
        after = now.get(name)
        if isinstance(before, Mapping) and isinstance(after, Mapping):
            yield from _differing(key, before, after)
        elif before != after:
            yield SpecChange(key, before, after)


def _written(spec: ModelSpec, key: str, value: Any) -> Any:
    """A value as it is shown: of a section what model.yaml has to write, without defaults."""
    if not isinstance(value, Mapping):
        return value
    written: Any = spec.model_dump(mode="json", exclude_defaults=True)
    for name in key.split("."):
        written = written.get(name, {})
    return written


def _mixed(key: str, before: Any, after: Any) -> Iterator[tuple[str, Any]]:
    """What was before with one key at a time as it is after; each with that key."""
    if before == after:
        return
    if isinstance(before, dict) and isinstance(after, dict):
        yield from _mixed_entries(key, before, after)
    elif isinstance(before, Frozen) and type(before) is type(after):
        yield from _mixed_fields(key, before, after)
    else:
        yield key, after


def _mixed_fields(key: str, before: Frozen, after: Frozen) -> Iterator[tuple[str, Any]]:
    for name in type(before).model_fields:
        within = _join(key, name)
        field_before = getattr(before, name)
        field_after = getattr(after, name)
        for inner, value in _mixed(within, field_before, field_after):
            yield inner, before.model_copy(update={name: value})


def _mixed_entries(key: str, before: dict[str, Any], after: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    for name in dict.fromkeys([*before, *after]):
        within = _join(key, name)
        if name not in before:
            yield within, {**before, name: after[name]}
            continue
        if name not in after:
            yield within, _without(before, name)
            continue
        entries = _mixed(within, before[name], after[name])
        for inner, value in entries:
            yield inner, {**before, name: value}


def _join(key: str, name: str) -> str:
    if not key:
        return name
    return f"{key}.{name}"


def _without(entries: dict[str, Any], name: str) -> dict[str, Any]:
    others = dict(entries)
    others.pop(name)
    return others


def _is_within(key: str, part: str) -> bool:
    if key == part:
        return True
    return key.startswith(f"{part}.")


def _about(key: str) -> str:
    fitting = [part for part in ABOUT if _is_within(key, part)]
    longest = max(fitting, key=len, default="")
    return ABOUT.get(longest, "")
