"""What an act is, and the first one: it says what to trigger next, which runs belong to it, and when it is over.

Nothing is kept between two demos but what Airflow knows: an act that was played is over at once, one
that broke off goes on where it stopped.
"""

from typing import Protocol

from nightshift.demo.airflow_api import AirflowApi
from nightshift.demo.board import Board, BoardRun
from nightshift.demo.nights import CHAMPION_AS_OF


class Act(Protocol):
    """One part of the demo."""

    title: str

    def advance(self, board: Board) -> None:
        """Trigger what can be triggered now."""

    def runs(self, board: Board) -> dict[str, list[BoardRun]]:
        """The runs that belong to it, by Dag, in the order of the story."""

    def expected(self, dag: str) -> int:
        """How many runs of a Dag there will be, as far as is known."""

    def done(self, board: Board) -> bool:
        """Whether it is over."""


class FirstChampion:
    """Train as of one night; what the lake lacks is loaded by the run itself."""

    title = f"the first champion: January to March, as of {CHAMPION_AS_OF}"

    def __init__(self, api: AirflowApi, model: str) -> None:
        self._api = api
        self._dag = f"{model}.train"
        self._run_id = f"demo__train__{CHAMPION_AS_OF}"

    def advance(self, board: Board) -> None:
        """Trigger the one run."""
        if board.get(self._dag, self._run_id) is None:
            run = self._api.trigger(self._dag, self._run_id, CHAMPION_AS_OF)
            board.put([run])

    def runs(self, board: Board) -> dict[str, list[BoardRun]]:
        """That run."""
        run = board.get(self._dag, self._run_id)
        runs = [] if run is None else [run]
        return {self._dag: runs}

    def expected(self, dag: str) -> int:
        """One."""
        return 1

    def done(self, board: Board) -> bool:
        """It succeeded."""
        run = board.get(self._dag, self._run_id)
        return run is not None and run.state == "success"
