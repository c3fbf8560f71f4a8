"""The acts of nights, against an Airflow that only takes notes."""

import pytest

from nightshift.demo.board import Board, BoardRun
from nightshift.demo.chain import CHAIN, BackfilledNights, ReplayedNights
from nightshift.demo.nights import BACKFILL, REPLAY_AT_MOST, REPLAY_FROM, SIDE_BY_SIDE
from nightshift.errors import StackError
from nightshift.partitions import between, following

MODEL = "flight_delays"
INGEST, RETRAIN = f"{MODEL}.ingest", f"{MODEL}.retrain"


class Notes:
    """Stands where Airflow is."""

    def __init__(self, accepts=True):
        self.triggered, self.backfilled, self.accepts = [], [], accepts

    def trigger(self, dag, run_id, partition):
        self.triggered.append((dag, run_id, partition))
        return BoardRun(dag, run_id, "queued", partition)

    def backfill(self, dag, first, last, side_by_side):
        self.backfilled.append((dag, first, last, side_by_side))
        return self.accepts

    def changed_runs(self):
        made = [key for _, first, last, _ in self.backfilled if self.accepts for key in between(first, last)]
        return [BoardRun(INGEST, f"backfill__{key}", "queued", key) for key in made]


def through(board, keys, verbs=CHAIN):
    board.put([
        BoardRun(f"{MODEL}.{verb}", f"{verb}__{key}", "success", key, queued="9") for verb in verbs for key in keys
    ])


def test_the_backfill_asks_once_for_all_nights():
    api, board = Notes(), Board()
    act = BackfilledNights(api, MODEL)
    act.advance(board)
    act.advance(board)
    assert api.backfilled == [(INGEST, *BACKFILL, SIDE_BY_SIDE)]
    assert not act.done(board)
    through(board, between(*BACKFILL))
    assert act.done(board)


def test_a_backfill_that_broke_off_asks_only_for_what_is_missing():
    api, board = Notes(), Board()
    through(board, between(*BACKFILL)[:10])
    BackfilledNights(api, MODEL).advance(board)
    assert api.backfilled == [(INGEST, between(*BACKFILL)[10], BACKFILL[1], SIDE_BY_SIDE)]


def test_a_backfill_beside_another_is_a_clear_error():
    with pytest.raises(StackError, match="another backfill runs"):
        BackfilledNights(Notes(accepts=False), MODEL).advance(Board())


def test_replay_starts_a_night_when_the_one_before_is_validated():
    api, board = Notes(), Board()
    act = ReplayedNights(api, MODEL)
    act.advance(board)
    act.advance(board)
    assert api.triggered == [(INGEST, f"demo__{REPLAY_FROM}", REPLAY_FROM)]
    through(board, [REPLAY_FROM], verbs=["ingest", "validate"])
    act.advance(board)
    assert [key for _, _, key in api.triggered] == following(REPLAY_FROM, 2)


def test_replay_has_only_a_few_nights_under_way():
    api, board = Notes(), Board()
    act = ReplayedNights(api, MODEL)
    for _ in range(2 * SIDE_BY_SIDE):
        act.advance(board)
        through(board, [key for _, _, key in api.triggered], verbs=["ingest", "validate"])
    assert len(api.triggered) == SIDE_BY_SIDE


def test_a_retrain_by_the_governor_ends_the_replay_when_all_is_over():
    api, board = Notes(), Board()
    act = ReplayedNights(api, MODEL)
    started = following(REPLAY_FROM, 3)
    through(board, started, verbs=["ingest", "validate"])
    board.put([BoardRun(RETRAIN, "retrain__1", "running", REPLAY_FROM, by="operator")])
    act.advance(board)
    assert api.triggered == []
    through(board, started)
    assert not act.done(board)
    board.put([BoardRun(RETRAIN, "retrain__1", "success", REPLAY_FROM, by="operator")])
    assert act.done(board)


def test_a_retrain_by_hand_is_not_the_governors():
    board = Board()
    board.put([BoardRun(RETRAIN, "manual__1", "success", REPLAY_FROM, by="rest_api")])
    assert ReplayedNights(Notes(), MODEL).retrain(board) is None


def test_replay_ends_when_the_nights_are_used_up():
    api, board = Notes(), Board()
    act = ReplayedNights(api, MODEL)
    for _ in range(REPLAY_AT_MOST):
        act.advance(board)
        through(board, [key for _, _, key in api.triggered])
        act.advance(board)
        if act.done(board):
            break
    assert act.done(board)
    assert len(api.triggered) == REPLAY_AT_MOST
    assert act.retrain(board) is None
