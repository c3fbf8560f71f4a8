"""The threshold of a first spec as a rule: what errors would cost for which the share of yes is the right threshold."""

from nightshift.authoring.facts import ColumnFacts
from nightshift.authoring.label import LabelFacts
from nightshift.authoring.outcomes import as_word
from nightshift.modelling.label_types import LABEL_TYPES

EVEN = (0.4, 0.6)
FEWEST_HELD_OUT = 20
"""Rows that are yes, below which a holdout tells models apart by chance."""


def positive_share(facts: ColumnFacts, label: LabelFacts) -> float:
    """Of the labelled rows, how many are yes; 0 for a label that has no yes."""
    if not LABEL_TYPES[label.kind].has_threshold or not facts.values:
        return 0.0
    positives = 0
    known = 0
    for value, rows in facts.values.items():
        word = as_word(value)
        if word in label.nulls:
            continue
        known += rows
        is_yes = bool(value) if label.positive is None else word == label.positive
        positives += rows if is_yes else 0
    return positives / known if known else 0.0


def costs_of(share: float) -> dict[str, float]:
    """Plain costs whose threshold is about the share of yes; one to one where yes and no are about as frequent."""
    low, high = EVEN
    if share <= 0 or low <= share <= high:
        return {"false_alarm": 1, "miss": 1}
    if share < low:
        return {"false_alarm": 1, "miss": _plain((1 - share) / share)}
    return {"false_alarm": _plain(share / (1 - share)), "miss": 1}


def costs_comment(share: float, costs: dict[str, float]) -> str:
    """What these costs mean, and what to do with them."""
    threshold = costs["false_alarm"] / (costs["false_alarm"] + costs["miss"])
    return (
        f"yes from a score of {threshold:.2g} on, since {share:.1%} of the rows are yes;"
        " write what a false alarm and a miss cost you"
    )


def few_held_out(share: float, held_out: int) -> str:
    """A warning for a holdout with hardly a row of one kind; empty for a good one."""
    if share <= 0:
        return ""
    rarer = min(share, 1 - share)
    expected = round(rarer * held_out)
    if expected >= FEWEST_HELD_OUT:
        return ""
    return (
        f"the holdout has about {expected} rows of the rarer outcome ({rarer:.1%} of the rows): it tells models apart"
        " by chance; hold out more nights, or bring more"
    )


def _plain(ratio: float) -> float:
    if ratio >= 10:
        digits = len(str(int(ratio))) - 2
        return round(ratio, -digits) // 1
    return round(ratio, 1)
