"""How old a champion is: by the night that it scores and the last one that it learnt from, never by a clock.

An old champion is said wherever somebody looks at its nights. It is no alarm: what age costs, drift and accuracy say.
"""

from nightshift.partitions import days_between
from nightshift.spec import ModelSpec


def old_champion(spec: ModelSpec, version: str, trained_through: str, night: str) -> str | None:
    """A sentence about a version that is older than ``training.max_age_days``; None for one that is not."""
    allowed = spec.training.max_age_days
    if allowed is None:
        return None
    days = days_between(trained_through, night)
    if days <= allowed:
        return None
    return (
        f"version {version} learnt from nights through {trained_through}, {days} days before {night};"
        f" training.max_age_days is {allowed}: trigger {spec.name}.train, or nightshift train {spec.name} {night}"
    )
