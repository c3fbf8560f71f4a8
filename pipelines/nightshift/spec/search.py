"""What a training may try besides what model.yaml says, and how long it may look."""

import json
import math
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Self, cast

from pydantic import BeforeValidator, Field, StringConstraints, model_validator

from nightshift.contracts import Searched
from nightshift.spec.base import Frozen
from nightshift.spec.learning import Training
from nightshift.spec.parameters import Parameter, with_texts_for_keys
from nightshift.spec.trainers import TrainerName

if TYPE_CHECKING:
    from nightshift.spec.model import ModelSpec

ParameterName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z]\w*$")]
TRAINING = "training"
LARGEST = 1e15
CORNERS = 2
"""Both ends of a range."""


def _with_texts_for_keys(choices: object) -> object:
    if not isinstance(choices, (list, tuple)):
        return choices
    by_place = dict(enumerate(choices))
    written = with_texts_for_keys(by_place)
    with_texts = cast("dict[int, object]", written)
    return list(with_texts.values())


class Range(Frozen):
    """The values that a parameter may take: all between two numbers, or some."""

    low: int | float | None = Field(None, description="the least; with high, two whole numbers mean whole numbers")
    high: int | float | None = Field(None, description="the largest")
    log: bool = Field(False, description="whether a factor counts, not a difference: for rates and penalties")
    choices: Annotated[tuple[Parameter, ...], BeforeValidator(_with_texts_for_keys)] = Field(
        (), description="the values themselves, in place of low and high"
    )

    @model_validator(mode="after")
    def _is_one_of_two(self) -> Self:
        ends = [end for end in (self.low, self.high) if end is not None]
        numbers = [value for value in (*ends, *self.choices) if isinstance(value, float)]
        if not all(map(math.isfinite, numbers)):
            raise ValueError("a range has finite numbers only")
        if any(abs(end) > LARGEST for end in ends):
            raise ValueError(f"a range has no number beyond {LARGEST:g}")
        texts = [json.dumps(choice, sort_keys=True) for choice in self.choices]
        if len(set(texts)) < len(texts):
            raise ValueError("choices: each once")
        if self.choices and ends:
            raise ValueError("a range has choices, or low and high")
        if self.choices:
            return self
        if len(ends) < CORNERS:
            raise ValueError("a range has low and high, or choices")
        low, high = ends
        if low >= high:
            raise ValueError(f"low {low} is not below high {high}")
        if self.log and low <= 0:
            raise ValueError(f"log: true needs a low above 0, got {low}")
        return self

    @property
    def is_whole(self) -> bool:
        """Whether it holds whole numbers only."""
        return isinstance(self.low, int) and isinstance(self.high, int)

    @property
    def corners(self) -> int:
        """How many of its values are tried before a training."""
        if self.choices:
            return len(self.choices)
        return CORNERS

    def corner(self, number: int) -> Parameter:
        """Its ends by turns, or its choices."""
        place = number % self.corners
        if self.choices:
            return self.choices[place]
        ends = (self.low, self.high)
        return cast("Parameter", ends[place])


class SearchCandidate(Frozen):
    """A trainer that may do better, with what is fixed of it and what is searched."""

    trainer: TrainerName = Field(description="what is fitted")
    parameters: Annotated[dict[str, Parameter], BeforeValidator(with_texts_for_keys)] = Field(
        default_factory=dict, description="that stay as they are, as in training"
    )
    ranges: dict[ParameterName, Range] = Field(
        default_factory=dict, description="that are searched, by the parameter's name"
    )

    @model_validator(mode="after")
    def _fixed_or_searched(self) -> Self:
        both = [name for name in self.ranges if name in self.parameters]
        if both:
            raise ValueError(f"{', '.join(both)}: fixed by parameters, and searched by ranges")
        return self

    def corners(self) -> Iterator[dict[str, Parameter]]:
        """Parameters with which each end of each range, and each choice, is tried once."""
        turns = 1
        for allowed in self.ranges.values():
            turns = max(turns, allowed.corners)
        for turn in range(turns):
            parameters = dict(self.parameters)
            for name, allowed in self.ranges.items():
                parameters[name] = allowed.corner(turn)
            yield parameters


class Search(Frozen):
    """Recipes that are tried on nights before the judged ones; ``training`` stays unless one is surely better."""

    candidates: tuple[SearchCandidate, ...] = Field(
        (),
        description="what is tried besides training as it stands; none: its own trainer over the usual ranges, and a"
        " linear one",
    )
    trials: int | None = Field(
        None, ge=2, le=1000, description="how many are tried at most; by default 24, fewer for more than 50,000 rows"
    )
    minutes: int = Field(20, ge=1, le=1440, description="after so many of all trials together no other begins")
    folds: int = Field(3, ge=1, le=10, description="fits of a trial, each judged by later nights, as of training")


def with_recipe(spec: "ModelSpec", trainer: str, parameters: dict[str, Parameter]) -> "ModelSpec":
    """The same spec where this is trained."""
    changed = {
        "trainer": trainer,
        "parameters": dict(parameters),
    }
    training = spec.training.model_copy(update=changed)
    return spec.model_copy(
        update={"training": training},
    )


def as_chosen(spec: "ModelSpec", searched: Searched | None) -> "ModelSpec":
    """The spec with the recipe that a search chose, if one did."""
    if searched is None:
        return spec
    return with_recipe(spec, searched.trainer, searched.parameters)


def recipes(training: Training, search: Search | None) -> Iterator[tuple[str, str, dict[str, Parameter]]]:
    """Where each recipe stands, its trainer and parameters: of a training, and of its search at the ends of ranges."""
    yield TRAINING, training.trainer, training.parameters
    if search is None:
        return
    for place, candidate in enumerate(search.candidates):
        where = f"search.candidates.{place}"
        trainer = candidate.trainer
        for parameters in candidate.corners():
            yield where, trainer, parameters
