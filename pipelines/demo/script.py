"""The three acts. Each says what to trigger next, which runs belong to it, and when it is over.

Nothing is kept between two demos but what Airflow knows: an act that was played is over at once, one
that broke off goes on where it stopped.
"""

from typing import Protocol

from pipelines.demo.airflow_api import AirflowApi
from pipelines.demo.board import Board, Run
from pipelines.demo.nights import (
    BACKFILL,
    CHAMPION_AS_OF,
    REPLAY_AT_MOST,
    REPLAY_FROM,
    SIDE_BY_SIDE,
    following,
    nights,
)
from pipelines.errors import StackError

CHAIN = ("ingest", "validate", "predict", "monitor")
# Airflow's word for a run that a task of another Dag triggered: here only the governor's.
BY_A_DAG = "operator"


class Act(Protocol):
    """One part of the demo."""

    title: str

    def advance(self, board: Board) -> None:
        """Trigger what can be triggered now."""

    def runs(self, board: Board) -> dict[str, list[Run]]:
        """The runs that belong to it, by Dag, in the order of the story."""

    def expected(self, dag: str) -> int:
        """How many runs of a Dag there will be, as far as is known."""

    def done(self, board: Board) -> bool:
        """Whether it is over."""


class FirstChampion:
    """Train as of one night; what the lake lacks is loaded by the run itself."""

    title = f"the first champion: January to March, as of {CHAMPION_AS_OF}"

    def __init__(self, api: AirflowApi, model: str) -> None:
        self._api, self._dag, self._id = api, f"{model}.train", f"demo__train__{CHAMPION_AS_OF}"

    def advance(self, board: Board) -> None:
        """Trigger the one run."""
        if board.get(self._dag, self._id) is None:
            board.put([self._api.trigger(self._dag, self._id, CHAMPION_AS_OF)])

    def runs(self, board: Board) -> dict[str, list[Run]]:
        """That run."""
        run = board.get(self._dag, self._id)
        return {self._dag: [run] if run else []}

    def expected(self, dag: str) -> int:
        """One."""
        return 1

    def done(self, board: Board) -> bool:
        """It succeeded."""
        run = board.get(self._dag, self._id)
        return run is not None and run.state == "success"


class Nights:
    """Nights through the chain; each Dag starts the next by its asset, with the same partition key."""

    def __init__(self, api: AirflowApi, model: str, keys: list[str]) -> None:
        self._api, self._keys = api, keys
        self._chain = [f"{model}.{verb}" for verb in CHAIN]
        self._ingest, self._monitor = self._chain[0], self._chain[-1]

    def runs(self, board: Board) -> dict[str, list[Run]]:
        """The latest run of each night in each Dag of the chain."""
        known = {dag: board.nights(dag) for dag in self._chain}
        return {dag: [runs[key] for key in self._keys if key in runs] for dag, runs in known.items()}

    def expected(self, dag: str) -> int:
        """One run a night."""
        return len(self._keys)

    def done(self, board: Board) -> bool:
        """All nights are monitored."""
        return not self._open(board)

    def _open(self, board: Board) -> list[str]:
        monitored = board.nights(self._monitor)
        return [key for key in self._keys if key not in monitored or monitored[key].state != "success"]

    def _missing(self, board: Board, keys: list[str]) -> list[str]:
        ingested = board.nights(self._ingest)
        return [key for key in keys if key not in ingested]


class BackfilledNights(Nights):
    """Airflow's own backfill of the nights that have no run yet."""

    title = f"a backfill: the nights {BACKFILL[0]} to {BACKFILL[1]}"

    def __init__(self, api: AirflowApi, model: str) -> None:
        super().__init__(api, model, nights(*BACKFILL))

    def advance(self, board: Board) -> None:
        """Ask for the missing nights."""
        missing = self._missing(board, self._keys)
        if not missing:
            return
        accepted = self._api.backfill(self._ingest, missing[0], missing[-1], SIDE_BY_SIDE)
        board.put(self._api.changed_runs())
        if self._missing(board, self._keys):
            why = "made no run for some nights" if accepted else "refused: another backfill runs"
            raise StackError(f"the backfill of {self._ingest} {why}", fix="cancel it in Airflow, then `make demo`")


class ReplayedNights(Nights):
    """Night after night until the governor starts a retrain."""

    title = f"replayed nights from {REPLAY_FROM}, until the governor starts a retrain by itself"

    def __init__(self, api: AirflowApi, model: str) -> None:
        super().__init__(api, model, [])
        self._retrain = f"{model}.retrain"
        self._ahead = following(REPLAY_FROM, REPLAY_AT_MOST)

    def advance(self, board: Board) -> None:
        """Keep a few nights under way while there is no retrain."""
        missing = self._missing(board, self._ahead)
        self._keys = [key for key in self._ahead if key not in missing]
        room = 0 if self.retrain(board) else SIDE_BY_SIDE - len(self._open(board))
        for key in missing[: max(room, 0)]:
            board.put([self._api.trigger(self._ingest, f"demo__{key}", key)])
            self._keys.append(key)

    def retrain(self, board: Board) -> Run | None:
        """The latest run that the governor started."""
        return next((run for run in reversed(board.of(self._retrain)) if run.by == BY_A_DAG), None)

    def runs(self, board: Board) -> dict[str, list[Run]]:
        """The nights so far, and the retrain."""
        run = self.retrain(board)
        return {**super().runs(board), self._retrain: [run] if run else []}

    def expected(self, dag: str) -> int:
        """So many as were triggered; one retrain."""
        return 1 if dag == self._retrain else len(self._keys)

    def done(self, board: Board) -> bool:
        """Nights and retrain are over, or all nights are used up."""
        run = self.retrain(board)
        over = run.state == "success" if run else len(self._keys) == len(self._ahead)
        return over and super().done(board)
