"""Which graph goes where: a wrong pair is refused before anything is written."""

import json
from dataclasses import dataclass

from nightshift.errors import UsageError
from nightshift.export.record import GraphKind
from nightshift.export.target import Target
from nightshift.export.targets import TARGETS

DISTILLED = ("student", "pruned")
"""Graphs of optimize.variants that are networks, whatever they learnt from."""


@dataclass(frozen=True)
class DistilledOffer:
    """A small network that the version's search taught to say what its trees say, and the metric that it lost."""

    variant: str
    metric: str
    loss: float
    low: float
    high: float

    def __str__(self) -> str:
        return (
            f"its search has a distilled network, {self.variant}, which lost {self.loss:+.5f} {self.metric}"
            f" ({self.low:+.5f} to {self.high:+.5f})"
        )


def offer_in(table: str, metric: str) -> DistilledOffer | None:
    """Of the table of a search, as optimize writes it, the first distilled network whose loss was measured."""
    try:
        variants = json.loads(table)["variants"]
    except (KeyError, TypeError, ValueError):
        return None
    for variant in variants:
        if variant["name"] in DISTILLED and variant["loss_high"] is not None:
            return DistilledOffer(
                variant=variant["name"],
                metric=metric,
                loss=variant["loss_mean"],
                low=variant["loss_low"],
                high=variant["loss_high"],
            )
    return None


def require_known(name: str) -> None:
    """Raises ``UsageError`` for a name that is no target's."""
    if name not in TARGETS:
        raise UsageError(f"no target is called {name[:60]!r}", fix=f"--to one of: {', '.join(sorted(TARGETS))}")


def is_wrong_pair(name: str, kind: GraphKind) -> bool:
    """Whether a target that is known loads no graph of that kind."""
    return kind not in TARGETS[name].takes


def target_for(name: str, kind: GraphKind, of: str, offer: DistilledOffer | None) -> Target:
    """The target of a known name. ``of`` says whose graph it is, ``offer`` what might go there in its place.

    Raises ``UsageError`` for a wrong pair.
    """
    if is_wrong_pair(name, kind):
        what = "scores by trees" if kind == "trees" else "is a linear model in operators of ONNX's own"
        instead = f"; {offer}" if offer else "; its search has measured no distilled network"
        places = ", ".join(sorted(place for place, target in TARGETS.items() if kind in target.takes))
        raise UsageError(
            f"{of} {what}, and {name} loads networks alone{instead}",
            fix=f"export it to one of {places}; or, for a network, let optimize.variants of model.yaml be [student] and"
            " train again",
        )
    return TARGETS[name]
