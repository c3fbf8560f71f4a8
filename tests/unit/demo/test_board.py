"""What the demo knows of runs and tasks."""

from nightshift.demo.board import Board, BoardRun, BoardTask, RunCounts, count, tasks_of


def run(dag="m.ingest", run_id="a", state="success", partition="2013-04-01", queued="1"):
    return BoardRun(dag, run_id, state, partition, queued=queued)


def test_a_new_state_replaces_the_old_one():
    board = Board()
    board.put([run(state="running")])
    board.put([run(state="success")])
    assert count(board.of("m.ingest")) == RunCounts(done=1)


def test_a_night_counts_as_its_last_run_says():
    board = Board()
    board.put([run(run_id="second", state="success", queued="2"), run(run_id="first", state="failed", queued="1")])
    assert board.nights("m.ingest")["2013-04-01"].run_id == "second"


def test_a_run_without_a_night_is_no_night():
    board = Board()
    board.put([run(partition=None)])
    assert board.nights("m.ingest") == {}
    assert len(board.of("m.ingest")) == 1


def test_states_are_counted():
    runs = [run(run_id=s, state=s) for s in ("success", "running", "queued", "failed")]
    assert count(runs) == RunCounts(1, 1, 1, 1)


def test_only_tasks_of_the_given_runs():
    mine, other = BoardTask("m.ingest", "a", "ingest", "running"), BoardTask("m.ingest", "b", "ingest", "running")
    assert tasks_of([mine, other], [run()]) == [mine]
