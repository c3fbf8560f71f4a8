"""Who gets into the champion's shadow, by model.yaml."""

from nightshift.contracts import Verdict
from nightshift.errors import UsageError
from nightshift.spec import ModelSpec
from nightshift.spec.shadow import Shadow


def rule_of(spec: ModelSpec) -> Shadow:
    """What model.yaml says of shadows. Raises ``UsageError`` where it says nothing."""
    if spec.shadow is None:
        raise UsageError(
            f"{spec.name}: model.yaml has no shadow, so nobody is scored there",
            fix="write `shadow: {}` into it; docs/spec.md has its keys",
        )
    return spec.shadow


def goes_to_shadow(spec: ModelSpec, verdict: Verdict) -> bool:
    """Whether the nights to come are asked about a candidate, and not the gate alone; never of a first champion."""
    if spec.shadow is None or verdict.champion is None:
        return False
    if spec.shadow.enters == "passed":
        return verdict.promote or verdict.inconclusive
    return spec.shadow.enters == "inconclusive" and verdict.inconclusive
