"""Faults as they come to a source, put into a night's counts: a stuck sensor, another unit, values that are missing.

Counts do not say where in a bin a value lay: it is drawn there, by a seed.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa

from nightshift.modelling.arrays import Float64s, Int64s
from nightshift.profiles.bins import Bins
from nightshift.profiles.moments import Moments

NULL_SHARE = 0.3
UNSEEN_SHARE = 0.05
VANISHING_SHARE = 0.1
SHIFT = 0.25
# So many values stand for a night of more rows.
MOST_VALUES = 20_000


@dataclass(frozen=True)
class CountedNight:
    """A feature's rows per bin in one night, and in the reference; of numbers also its moments, where they are known.

    ``is_series`` says that the feature says one thing a night, like weather; ``before`` is the night before.
    """

    bins: Bins
    counts: Int64s
    reference: Int64s
    moments: Moments | None = None
    is_series: bool = False
    before: "CountedNight | None" = None

    @property
    def known(self) -> Int64s:
        """Without nulls."""
        return self.counts[:-1]

    @property
    def is_numeric(self) -> bool:
        """Whether there are values between which others lie."""
        if self.bins.kind != "numeric":
            return False
        return len(self.bins.edges) > 1


Spoil = Callable[[CountedNight, np.random.Generator], CountedNight | None]
"""The night with the fault in it, or None where a feature cannot have it."""


def stuck(night: CountedNight, _: np.random.Generator) -> CountedNight | None:
    """All rows have one value, the night's usual one."""
    if night.is_series or np.count_nonzero(night.reference[:-1]) < 2 or not night.known.any():
        return None
    place = _median_bin(night)
    counts = np.zeros_like(night.counts)
    counts[place] = night.known.sum()
    counts[-1] = night.counts[-1]
    if night.moments is None:
        return replace(night, counts=counts)
    low, high = _spans(night.bins)
    value = float(low[place] + high[place]) / 2
    return replace(night, counts=counts, moments=Moments(night.moments.rows, value, value, value))


def stuck_since(night: CountedNight, rng: np.random.Generator) -> CountedNight | None:
    """What says one thing a night says that of the night before once more."""
    if not night.is_series or night.before is None or not night.before.known.any():
        return None
    rows = int(night.counts.sum())
    shares = night.before.counts / night.before.counts.sum()
    counts = rng.multinomial(rows, shares)
    moments = night.before.moments
    if moments is not None:
        moments = moments._replace(rows=int(counts[:-1].sum()))
    return replace(night, counts=counts, moments=moments)


def other_unit(night: CountedNight, rng: np.random.Generator) -> CountedNight | None:
    """Degrees Fahrenheit for Celsius."""
    return _moved(night, rng, 1.8, 32)


def shifted(night: CountedNight, rng: np.random.Generator) -> CountedNight | None:
    """All values are a quarter of the rows' standard deviation higher."""
    if not night.is_numeric:
        return None
    spread = float(_values(night.bins, night.reference[:-1], rng).std())
    return _moved(night, rng, 1, SHIFT * spread)


def missing(night: CountedNight, rng: np.random.Generator) -> CountedNight | None:
    """Three of ten values are null."""
    if not night.known.any():
        return None
    lost = rng.binomial(night.known, NULL_SHARE)
    left = night.known - lost
    counts = np.append(left, night.counts[-1] + lost.sum())
    moments = night.moments._replace(rows=int(left.sum())) if night.moments else None
    return replace(night, counts=counts, moments=moments)


def vanished(night: CountedNight, rng: np.random.Generator) -> CountedNight | None:
    """The most frequent category of a tenth or more of the rows is there no more; the others have its rows."""
    if night.bins.kind != "category" or not night.known.any():
        return None
    gone = int(np.argmax(night.known))
    share = night.known[gone] / night.known.sum()
    others = night.known.astype(float)
    others[gone] = 0
    if share < VANISHING_SHARE or not others.any():
        return None
    counts = night.counts.copy()
    counts[gone] = 0
    counts[:-1] += rng.multinomial(night.known[gone], others / others.sum())
    return replace(night, counts=counts)


def never_seen(night: CountedNight, rng: np.random.Generator) -> CountedNight | None:
    """A value that the reference never had takes a twentieth of the rows."""
    if night.bins.kind != "category" or not night.known.any():
        return None
    moved = rng.binomial(night.known, UNSEEN_SHARE)
    counts = night.counts.copy()
    counts[:-1] -= moved
    counts += night.bins.count(pa.array(["\x00 never seen"])) * moved.sum()
    return replace(night, counts=counts)


FAULTS: dict[str, Spoil] = {
    "stuck at one value": stuck,
    "the value of the night before, again": stuck_since,
    "x 1.8 + 32": other_unit,
    "30 % null": missing,
    "a category vanished": vanished,
    "a value never seen on 5 %": never_seen,
    "+0.25 sd": shifted,
}


def _moved(night: CountedNight, rng: np.random.Generator, factor: float, summand: float) -> CountedNight | None:
    """The night after a change of all values; None for what are no numbers."""
    rows = int(night.known.sum())
    if not night.is_numeric or not rows:
        return None
    values = _values(night.bins, night.known, rng) * factor + summand
    counted = night.bins.count(pa.array(values))
    counts = rng.multinomial(rows, counted / counted.sum()) if rows > len(values) else counted
    counts[-1] += night.counts[-1]
    if night.moments is None:
        return replace(night, counts=counts)
    place = [value * factor + summand for value in night.moments[1:]]
    return replace(night, counts=counts, moments=Moments(night.moments.rows, *place))


def _values(bins: Bins, known: Int64s, rng: np.random.Generator) -> Float64s:
    """Values as a night with these counts may have had them, drawn within their bins."""
    rows = int(known.sum())
    if rows > MOST_VALUES:
        known = rng.multinomial(MOST_VALUES, known / rows)
    low, high = _spans(bins)
    codes = np.repeat(np.arange(len(known)), known)
    drawn = rng.uniform(low[codes], high[codes])
    below_high = np.nextafter(high, -np.inf)
    return np.clip(drawn, low[codes], np.maximum(low, below_high)[codes])


def _spans(bins: Bins) -> tuple[Float64s, Float64s]:
    """Where the values of each bin lie; beyond the outer edges, and in the wide bins at both ends, near the middle."""
    edges = np.asarray(bins.edges)
    low = np.concatenate([edges[:1], edges])
    high = np.concatenate([edges, edges[-1:]])
    low[0] = np.nextafter(edges[0], -np.inf)
    high[0] = low[0]
    if len(edges) > 3:
        low[1] = max(low[1], 2 * high[1] - high[2])
        high[-2] = min(high[-2], 2 * low[-2] - low[-3])
    return low, np.maximum(low, high)


def _median_bin(night: CountedNight) -> int:
    """The bin of the night's middle value, or of its most frequent category."""
    if night.bins.kind == "category":
        return int(np.argmax(night.known))
    half = night.known.sum() / 2
    return int(np.searchsorted(np.cumsum(night.known), half))
