"""The first act, against an Airflow that only takes notes."""

from nightshift.demo.board import Board, BoardRun
from nightshift.demo.nights import CHAMPION_AS_OF
from nightshift.demo.script import FirstChampion

MODEL = "flight_delays"


class Notes:
    """Stands where Airflow is."""

    def __init__(self):
        self.triggered = []

    def trigger(self, dag, run_id, partition):
        self.triggered.append((dag, run_id, partition))
        return BoardRun(dag, run_id, "queued", partition)


def test_the_first_champion_is_trained_once_under_a_fixed_id():
    api, board = Notes(), Board()
    act = FirstChampion(api, MODEL)
    act.advance(board)
    act.advance(board)
    run_id = f"demo__train__{CHAMPION_AS_OF}"
    assert api.triggered == [(f"{MODEL}.train", run_id, CHAMPION_AS_OF)]
    assert not act.done(board)
    board.put([BoardRun(f"{MODEL}.train", run_id, "success", CHAMPION_AS_OF)])
    assert act.done(board)
