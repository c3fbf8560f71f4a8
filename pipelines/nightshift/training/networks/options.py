"""What ``training.parameters`` may say of a tabular network, in the words of scikit-learn's where these have one."""

import math
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Self

NAME = "network"
WIDEST = 16_384
"""Of two layers side by side: a gigabyte of weights."""
MOST_PROCESSES = 64


@dataclass(frozen=True)
class NetworkOptions:
    """How large a network is and how it learns.

    ``max_iter`` are epochs at most. With ``early_stopping`` so many are run as did best on the last
    ``validation_fraction`` of the nights, and ``n_iter_no_change`` more end the search for them. ``batch_size`` and
    ``embedding_size`` of 0 are chosen by the rows and by the categories. ``processes`` share the rows of each batch.
    """

    hidden_layer_sizes: tuple[int, ...] = (128, 64)
    embedding_size: int = 0
    dropout: float = 0.0
    learning_rate_init: float = 2e-3
    weight_decay: float = 1e-4
    batch_size: int = 0
    max_iter: int = 100
    early_stopping: bool = True
    validation_fraction: float = 0.15
    n_iter_no_change: int = 8
    mixed_precision: bool = False
    gradient_checkpointing: bool = False
    processes: int = 1

    @classmethod
    def of(cls, parameters: Mapping[str, Any]) -> Self:
        """As a spec says it. Raises ``TypeError`` for a name that there is not, ``ValueError`` for a wrong value."""
        given = dict(parameters)
        if "hidden_layer_sizes" in given:
            given["hidden_layer_sizes"] = _sizes(given["hidden_layer_sizes"])
        options = cls(**given)
        for name, value in asdict(options).items():
            rule, words = RULES[name]
            if not rule(value):
                raise ValueError(f"The {name!r} parameter of {NAME} must be {words}. Got {value!r} instead.")
        return options

    def as_parameters(self) -> dict[str, Any]:
        """As plain values, from which ``of`` makes the same."""
        parameters = asdict(self)
        parameters["hidden_layer_sizes"] = list(self.hidden_layer_sizes)
        return parameters


def _sizes(value: Any) -> tuple[int, ...]:
    """A number is one layer, ``64-32`` or a list of two are two layers."""
    parts = value if isinstance(value, (list, tuple)) else str(value).split("-")
    return tuple(_whole(part) for part in parts)


def _whole(part: Any) -> Any:
    """A text as the number that it is; others as they are, for a rule to judge."""
    if isinstance(part, str) and part.strip().isdecimal():
        return int(part)
    return part


def _is_whole(least: int, most: float = math.inf) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, int) and not isinstance(value, bool) and least <= value <= most


def _is_between(low: float, high: float) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, (int, float)) and not isinstance(value, bool) and low <= value <= high


def _is_truth(value: Any) -> bool:
    return isinstance(value, bool)


def _are_sizes(value: Any) -> bool:
    is_size = _is_whole(1, WIDEST)
    return bool(value) and all(map(is_size, value))


TRUTH = (_is_truth, "true or false")
RULES: dict[str, tuple[Callable[[Any], bool], str]] = {
    "hidden_layer_sizes": (_are_sizes, f"one or more whole numbers from 1 to {WIDEST}, as 64-32 or [64, 32]"),
    "embedding_size": (_is_whole(0), "a whole number, 0 for one that the categories decide"),
    "dropout": (_is_between(0, 0.9), "a number from 0 to 0.9"),
    "learning_rate_init": (_is_between(1e-7, 1), "a number from 1e-7 to 1"),
    "weight_decay": (_is_between(0, 1), "a number from 0 to 1"),
    "batch_size": (_is_whole(0), "a whole number, 0 for one that the rows decide"),
    "max_iter": (_is_whole(1), "a whole number above 0"),
    "early_stopping": TRUTH,
    "validation_fraction": (_is_between(0.01, 0.5), "a number from 0.01 to 0.5"),
    "n_iter_no_change": (_is_whole(1), "a whole number above 0"),
    "mixed_precision": TRUTH,
    "gradient_checkpointing": TRUTH,
    "processes": (_is_whole(1, MOST_PROCESSES), f"a whole number from 1 to {MOST_PROCESSES}"),
}
"""What a value has to be, and that in words."""
