"""Search for a recipe, on nights before those that will judge it; every trial is a run of MLflow.

What a trial came to lies in the lake (``stores/searches.py``), and MLflow shows it. So a search that was killed reads
what it had finished, and goes on from there; a trial that MLflow lacks is shown to it then.
"""

from typing import Any

from nightshift.contracts import Searched, SnapshotRef
from nightshift.errors import SpecError
from nightshift.extras import require
from nightshift.progress import OnProgress, unheard
from nightshift.spec import ModelSpec
from nightshift.spec.search import Search
from nightshift.steps._costs import logged
from nightshift.steps._searched import log_search
from nightshift.steps.train import read_window
from nightshift.stores import Stores
from nightshift.stores.searches import SearchRecord, TrialRecord, begin_trial, keep_search, keep_trial, read_trials
from nightshift.training.search.nights import search_folds
from nightshift.training.search.space import space_of
from nightshift.training.search.study import Study, StudyResult, carry_on

STUDY = "nightshift.search"
"""The tag of a search's run: its study."""
TRIAL = "nightshift.trial"
STATE = "nightshift.state"
DESCRIPTION = "mlflow.note.content"
"""What MLflow shows of a run before its metrics, whole; of tags it shows the beginning."""
MOST_RUNS = 1000
"""Of one page of MLflow's search, which is as many as a search may have."""


def search(spec: ModelSpec, snapshot: SnapshotRef, stores: Stores, progress: OnProgress = unheard) -> Searched:
    """Try recipes until the budget is spent, and choose one: model.yaml's own, or one that surely lost less.

    No night that judges a training has a part in it. Raises ``SpecError`` without ``search`` in model.yaml,
    ``UsageError`` without the extras ``train`` and ``search``, ``DataError`` as ``train`` does.
    """
    wanted = spec.search
    if wanted is None:
        raise SpecError(f"{spec.name} has no search in model.yaml", fix="add search: {} to it")
    require("train", f"training {spec.name}")
    require("search", f"the search of {spec.name}")
    written, _, folds = read_window(spec, snapshot, stores)
    searched = search_folds(written, folds, wanted.folds)
    study = Study(space_of(written), searched, snapshot.md5)
    with stores.registry.session(spec.name) as mlflow, _run(mlflow, study, snapshot) as run, logged(mlflow) as costs:
        costs.stage("searching")
        result = _with_trials(mlflow, study, wanted, stores, progress)
        record = _record(study, result)
        sha256 = keep_search(record, stores)
        mlflow.set_tag(f"{STUDY}_sha256", sha256)
        _log(mlflow, record)
    run_id: str = run.info.run_id
    return Searched(
        model=spec.name,
        run_id=run_id,
        sha256=sha256,
        trainer=record.trainer,
        parameters=record.parameters,
        trial=record.winner,
        trials=len(record.trials),
        reason=record.reason,
    )


def _with_trials(mlflow: Any, study: Study, wanted: Search, stores: Stores, progress: OnProgress) -> StudyResult:
    """The search, each trial of it kept in the lake first, then shown in MLflow."""
    model = study.space.spec.name
    most = study.most_trials(wanted)
    stand = read_trials(model, study.sha256, stores)
    shown = _shown(mlflow)

    def show(trial: TrialRecord) -> None:
        number = str(trial.number)
        if number not in shown:
            _show(mlflow, study, trial)

    def keep(trial: TrialRecord) -> TrialRecord:
        kept = keep_trial(model, trial, stores)
        show(kept)
        done = kept.number + 1
        progress("searching", done, most)
        return kept

    def begin(number: int) -> int:
        return begin_trial(model, study.sha256, number, stores)

    for trial in stand:
        show(trial)

    progress("searching", len(stand), most)
    return carry_on(study, wanted, stand, keep, begin)


def _run(mlflow: Any, study: Study, snapshot: SnapshotRef) -> Any:
    """The run of this search: the one that it has, where it was begun before."""
    begun = mlflow.search_runs(
        filter_string=f"tags.`{STUDY}` = '{study.sha256}'",
        max_results=1,
        output_format="list",
    )
    if begun:
        return mlflow.start_run(run_id=begun[0].info.run_id)
    tags = {
        STUDY: study.sha256,
        "nightshift.model": study.space.spec.name,
        "nightshift.as_of": snapshot.as_of,
        "dvc.md5": snapshot.md5,
    }
    return mlflow.start_run(run_name=f"search {snapshot.as_of}", tags=tags)


def _shown(mlflow: Any) -> set[str]:
    """The numbers of the trials that the run has already."""
    parent = mlflow.active_run().info.run_id
    runs = mlflow.search_runs(
        filter_string=f"tags.`mlflow.parentRunId` = '{parent}'",
        max_results=MOST_RUNS,
        output_format="list",
    )
    return {run.data.tags.get(TRIAL, "") for run in runs}


def _show(mlflow: Any, study: Study, trial: TrialRecord) -> None:
    training = study.recipe(trial).training
    name = f"trial {trial.number}"
    with mlflow.start_run(run_name=name, nested=True):
        mlflow.set_tags({STATE: trial.state, "nightshift.why": trial.why})
        mlflow.log_params({"trainer": training.trainer, **training.parameters})
        for step, loss in enumerate(trial.losses):
            mlflow.log_metric("loss_so_far", loss, step=step)
        if trial.loss is not None:
            mlflow.log_metric("loss", trial.loss)
        mlflow.log_metric("seconds", trial.seconds)
        # At last: a run without it is one of a process that died, and the trial is shown again.
        mlflow.set_tag(TRIAL, trial.number)


def _record(study: Study, result: StudyResult) -> SearchRecord:
    spec = study.space.spec
    training = spec.training
    for trial in result.trials:
        if trial.number == result.won.number:
            training = study.recipe(trial).training
    return SearchRecord(
        model=spec.name,
        study=study.sha256,
        snapshot_md5=study.snapshot_md5,
        metric=spec.metric,
        night_rows=study.night_rows,
        candidates=study.space.as_json(),
        trials=result.trials,
        winner=result.won.number,
        trainer=training.trainer,
        parameters=dict(training.parameters),
        reason=result.won.reason,
        ended=result.ended,
    )


def _log(mlflow: Any, record: SearchRecord) -> None:
    trials = len(record.trials)
    mlflow.log_metrics({"trials": trials, "winner": record.winner})
    for trial in record.trials:
        if trial.number == record.winner and trial.loss is not None:
            mlflow.log_metric("loss", trial.loss)
    # No parameters: a search that goes on with more trials may choose another, and MLflow's do not change.
    chosen = f"{record.trainer} {record.parameters}"
    mlflow.set_tags({
        "nightshift.chosen": chosen,
        "nightshift.why": record.reason,
        DESCRIPTION: f"**{chosen}**: {record.reason}. All trials: search.md and plots among the artifacts.",
    })
    log_search(mlflow, record)
    body = record.to_json()
    text = body.decode()
    mlflow.log_text(text, "search.json")
