"""The acts of nights: each night goes through ingest, validate, predict and monitor under its partition key."""

from nightshift.demo.airflow_api import AirflowApi
from nightshift.demo.board import Board, BoardRun
from nightshift.demo.nights import BACKFILL, REPLAY_AT_MOST, REPLAY_FROM, SIDE_BY_SIDE
from nightshift.errors import StackError
from nightshift.partitions import between, following

CHAIN = ("ingest", "validate", "predict", "monitor")
# Airflow's word for a run that a task of another Dag triggered: here only the governor's.
BY_A_DAG = "operator"


class Nights:
    """Nights through the chain; each Dag starts the next by its asset, with the same partition key."""

    def __init__(self, api: AirflowApi, model: str, keys: list[str]) -> None:
        self._api, self._keys = api, keys
        self._chain = [f"{model}.{verb}" for verb in CHAIN]
        self._ingest, self._validate, _, self._monitor = self._chain

    def runs(self, board: Board) -> dict[str, list[BoardRun]]:
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
        super().__init__(api, model, between(*BACKFILL))

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
        """Start the next night while there is no retrain."""
        missing = self._missing(board, self._ahead)
        self._keys = [key for key in self._ahead if key not in missing]
        if missing and not self.retrain(board) and self._ready(board):
            board.put([self._api.trigger(self._ingest, f"demo__{missing[0]}", missing[0])])
            self._keys.append(missing[0])

    def _ready(self, board: Board) -> bool:
        # A decision reads the nights before it: nights follow one another through the chain, never in a bunch.
        last = board.nights(self._validate).get(self._keys[-1]) if self._keys else None
        ahead = not self._keys or (last is not None and last.state == "success")
        return ahead and len(self._open(board)) < SIDE_BY_SIDE

    def retrain(self, board: Board) -> BoardRun | None:
        """The latest run that the governor started."""
        return next((run for run in reversed(board.of(self._retrain)) if run.by == BY_A_DAG), None)

    def runs(self, board: Board) -> dict[str, list[BoardRun]]:
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
