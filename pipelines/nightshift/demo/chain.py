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
        self._api = api
        self._keys = keys
        self._chain = [f"{model}.{verb}" for verb in CHAIN]
        self._ingest = f"{model}.ingest"
        self._validate = f"{model}.validate"
        self._monitor = f"{model}.monitor"

    def runs(self, board: Board) -> dict[str, list[BoardRun]]:
        """The latest run of each night in each Dag of the chain."""
        runs = {}
        for dag in self._chain:
            latest = board.nights(dag)
            runs[dag] = [latest[key] for key in self._keys if key in latest]
        return runs

    def expected(self, dag: str) -> int:
        """One run a night."""
        return len(self._keys)

    def done(self, board: Board) -> bool:
        """All nights are monitored."""
        return not self._open(board)

    def _open(self, board: Board) -> list[str]:
        runs = board.nights(self._monitor)
        monitored = {key for key, run in runs.items() if run.state == "success"}
        return [key for key in self._keys if key not in monitored]

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
            reason = "made no run for some nights" if accepted else "refused: another backfill runs"
            raise StackError(
                f"the backfill of {self._ingest} {reason}",
                fix="cancel it in Airflow, then `make demo`",
            )


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
            night = missing[0]
            run = self._api.trigger(self._ingest, f"demo__{night}", night)
            board.put([run])
            self._keys.append(night)

    def _ready(self, board: Board) -> bool:
        if self._keys:
            # A decision reads the nights before it: nights follow one another through the chain, never in a bunch.
            last = board.nights(self._validate).get(self._keys[-1])
            if last is None or last.state != "success":
                return False
        return len(self._open(board)) < SIDE_BY_SIDE

    def retrain(self, board: Board) -> BoardRun | None:
        """The latest run that the governor started."""
        by_governor = [run for run in board.of(self._retrain) if run.by == BY_A_DAG]
        return by_governor[-1] if by_governor else None

    def runs(self, board: Board) -> dict[str, list[BoardRun]]:
        """The nights so far, and the retrain."""
        runs = super().runs(board)
        retrain = self.retrain(board)
        runs[self._retrain] = [retrain] if retrain else []
        return runs

    def expected(self, dag: str) -> int:
        """So many as were triggered; one retrain."""
        if dag == self._retrain:
            return 1
        return len(self._keys)

    def done(self, board: Board) -> bool:
        """Nights and retrain are over, or all nights are used up."""
        retrain = self.retrain(board)
        if retrain is None and len(self._keys) != len(self._ahead):
            return False
        if retrain is not None and retrain.state != "success":
            return False
        return super().done(board)
