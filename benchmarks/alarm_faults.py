"""Faults whose first night is known: what a feature's nights become from that night on."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TypeAlias

import numpy as np

from benchmarks.alarm_worlds import SPREAD, WEATHER, Latent, Numbers, Texts
from nightshift.modelling.arrays import Float64s

Spoil: TypeAlias = Callable[[Latent, slice, slice], Latent]
"""From a feature, its reference nights and those of the fault to what it is then."""


@dataclass(frozen=True)
class Fault:
    """One fault of the first feature of a kind."""

    name: str
    kind: str
    spoil: Spoil


def stuck(latent: Latent, reference: slice, spoilt: slice) -> Latent:
    """A number has its usual value in every row."""
    numbers = _numbers(latent)
    usual = float(np.median(numbers.mean[reference]))
    return Numbers(
        mean=_with(numbers.mean, spoilt, usual),
        spread=_with(numbers.spread, spoilt, 0.0),
        null=numbers.null,
    )


def fahrenheit(latent: Latent, reference: slice, spoilt: slice) -> Latent:
    """A number comes in another unit."""
    numbers = _numbers(latent)
    return Numbers(
        mean=_with(numbers.mean, spoilt, 1.8 * numbers.mean[spoilt] + 32),
        spread=_with(numbers.spread, spoilt, 1.8 * numbers.spread[spoilt]),
        null=numbers.null,
    )


def shifted(latent: Latent, reference: slice, spoilt: slice, *, by: float) -> Latent:
    """A number's mean has moved."""
    numbers = _numbers(latent)
    mean = _with(numbers.mean, spoilt, numbers.mean[spoilt] + by)
    return Numbers(mean, numbers.spread, numbers.null)


def nulls(latent: Latent, reference: slice, spoilt: slice, *, share: float) -> Latent:
    """A share of the rows has no value."""
    numbers = _numbers(latent)
    return Numbers(numbers.mean, numbers.spread, _with(numbers.null, spoilt, share))


def vanished(latent: Latent, reference: slice, spoilt: slice) -> Latent:
    """The first category is gone; its rows are of the others."""
    texts = _texts(latent)
    shares = texts.shares.copy()
    shares[spoilt, 0] = 0.0
    shares[spoilt] /= shares[spoilt].sum(axis=1, keepdims=True)
    return Texts(shares, texts.null)


def unseen(latent: Latent, reference: slice, spoilt: slice, *, share: float) -> Latent:
    """A share of the rows has a value that the reference never had."""
    texts = _texts(latent)
    shares = texts.shares.copy()
    shares[spoilt] *= 1 - share
    shares[spoilt, -1] = share
    return Texts(shares, texts.null)


def _with(values: Float64s, nights: slice, value: Float64s | float) -> Float64s:
    changed = values.copy()
    changed[nights] = value
    return changed


def _numbers(latent: Latent) -> Numbers:
    if not isinstance(latent, Numbers):
        raise TypeError("this fault is one of numbers")
    return latent


def _texts(latent: Latent) -> Texts:
    if not isinstance(latent, Texts):
        raise TypeError("this fault is one of texts")
    return latent


ROW_FAULTS = (
    Fault("stuck", "level", stuck),
    Fault("unit", "level", fahrenheit),
    Fault("null_30", "level", partial(nulls, share=0.3)),
    Fault("vanished", "few", vanished),
    Fault("unseen_5", "few", partial(unseen, share=0.05)),
)
STUCK_WEATHER = Fault("stuck_weather", "weather", stuck)


def weather_shift(deviations: float) -> Fault:
    """The nights of a feature that is constant within each move by so many of their standard deviations."""
    return Fault(f"weather_{deviations:g}", "weather", partial(shifted, by=deviations * WEATHER[1]))


def row_shift(deviations: float) -> Fault:
    """All rows move by so many of their standard deviations."""
    return Fault(f"shift_{deviations:g}", "level", partial(shifted, by=deviations * SPREAD))
