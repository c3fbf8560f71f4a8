"""What each feature of a row adds to its score: Shapley values of the graph that scores, on its own inputs.

A row of a background takes a row's features one after the other, in a random order and then in the reverse of it, and
each feature is credited with the step that it makes (Castro et al., 2009, Computers & Operations Research 36; for
features that act alone or in pairs an order and its reverse are exact). The steps of one order add up to the row's
score less the background row's, whatever the order.

What is mixed are the graph's inputs as production feeds them, so nothing that trains is needed.
"""

from dataclasses import dataclass

import numpy as np

from nightshift.modelling.arrays import Booleans, Float64s, Int64s, Places
from nightshift.scoring.feeds import ArrowRows, GraphInputs
from nightshift.scoring.graph import OnnxGraph

MOST_AT_ONCE = 16_384
"""Mixed rows that are held in memory together."""


@dataclass(frozen=True)
class FedRows:
    """Rows as a graph is fed with them: inputs by name, each with a line per row."""

    inputs: GraphInputs
    rows: int

    @classmethod
    def of(cls, graph: OnnxGraph, rows: ArrowRows) -> "FedRows":
        """Raises ``ModelError`` for columns that the graph cannot be fed with."""
        return cls(graph.fed(rows), rows.num_rows)


@dataclass(frozen=True)
class Orders:
    """Paths from background rows to explained ones: of which, (n,), and each feature's place, (n, features)."""

    explained: Places
    background: Places
    places: Int64s

    def part(self, chosen: slice) -> "Orders":
        """Some of the paths."""
        return Orders(self.explained[chosen], self.background[chosen], self.places[chosen])

    def __len__(self) -> int:
        return len(self.explained)


def drawn(random: np.random.Generator, explained: Places, background: Places, features: int) -> Orders:
    """Paths between these rows, each in an order of its own."""
    shuffled = np.tile(np.arange(features), (len(explained), 1))
    return Orders(explained, background, random.permuted(shuffled, axis=1))


@dataclass(frozen=True)
class Mixer:
    """Scores of rows of which each feature is an explained row's or a background row's."""

    graph: OnnxGraph
    explained: FedRows
    background: FedRows

    def contributions(self, orders: Orders) -> Float64s:
        """What each feature adds on each path, the mean of the order and its reverse: (n, features, outputs)."""
        features = orders.places.shape[1]
        step = max(1, MOST_AT_ONCE // (2 * (features + 1)))
        parts = []
        for start in range(0, len(orders), step):
            parts.append(self._contributions(orders.part(slice(start, start + step))))
        return np.concatenate(parts)

    def _contributions(self, orders: Orders) -> Float64s:
        places = orders.places
        last = places.shape[1] - 1
        reverse = last - places
        forth = self._steps(orders, places)
        back = self._steps(orders, reverse)
        both = forth + back
        return both / 2

    def _steps(self, orders: Orders, places: Int64s) -> Float64s:
        """Of one order, each feature by its place in it, (n, features)."""
        number, features = places.shape
        counts = np.arange(features + 1)
        taken: Booleans = places[:, None, :] < counts[None, :, None]
        scores = self.scores(
            np.repeat(orders.explained, features + 1),
            np.repeat(orders.background, features + 1),
            taken.reshape(-1, features),
        )
        along = scores.reshape(number, features + 1, -1)
        by_place = np.diff(along, axis=1)
        return np.take_along_axis(by_place, places[:, :, None], axis=1)

    def scores(self, explained: Places, background: Places, taken: Booleans) -> Float64s:
        """Of n mixed rows, (n, outputs): features that are ``taken``, (n, features), are the explained row's."""
        place_of = {name: place for place, name in enumerate(self.graph.features)}
        inputs = {}
        for name, columns in self.graph.feeds.inputs.items():
            from_row = taken[:, [place_of[column] for column in columns]]
            ours = self.explained.inputs[name][explained]
            inputs[name] = np.where(from_row, ours, self.background.inputs[name][background])
        scores = self.graph.run(inputs, len(explained))
        return scores.reshape(len(explained), -1).astype(np.float64)
