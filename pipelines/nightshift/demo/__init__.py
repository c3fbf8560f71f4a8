"""`make demo`: the whole loop on real data, through Airflow itself.

Airflow's scheduler runs the Dags; the demo only triggers and watches, over the REST API. Played again,
it goes on where it stopped, and shows the summary when there is nothing left to do.

    nights.py       which nights are played: the one place to tune
    script.py       what an act is, and the first: train a champion
    chain.py        the other two: backfill, then replay until the governor starts a retrain
    watch.py        the loop around an act: poll, trigger, show, fail
    view.py         what is on the screen meanwhile
    findings.py     what the acts left in the lake, the ledger and MLflow
    summary.py      the end
    airflow_api.py  a small client; board.py: what it has told us so far
    tiny.py         `make demo-tiny`: the same Dags in a minute, without Airflow's services; tiny_view.py: what it shows
    tiny_project/   the project that it plays, made up
"""

from nightshift.demo.stage import perform, perform_on_running

__all__ = ["perform", "perform_on_running"]
