"""A search in the real services: killed and run again, shown in MLflow, and what it chose is what is trained."""

import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from nightshift.contracts import Searched, SnapshotRef, Verdict
from nightshift.errors import UnreadableRecord
from nightshift.spec import ModelSpec, load_spec
from nightshift.steps.load import load
from nightshift.steps.promote import promote
from nightshift.steps.reproduce import reproduce
from nightshift.steps.retrain import train_and_gate
from nightshift.steps.search import TRIAL, search
from nightshift.steps.snapshot import snapshot
from nightshift.stores import Stores, layout
from nightshift.stores.searches import SearchRecord, TrialRecord, begin_trial, read_search

pytestmark = pytest.mark.stack

AS_OF = "2024-01-17"
TRIALS = 6
# Two stumps that hardly move, so that the linear one surely loses less.
WEAK = {"max_iter": 2, "learning_rate": 0.01, "max_leaf_nodes": 2}
SEARCH = {
    "candidates": [{"trainer": "logistic_regression", "ranges": {"C": {"low": 0.01, "high": 10.0, "log": True}}}],
    "trials": TRIALS,
}
SECONDS = 120
CHILD = """
import sys
from pathlib import Path
from nightshift.settings import Settings, load_settings
from nightshift.spec import load_spec
from nightshift.steps.search import search
from nightshift.steps.snapshot import snapshot
from nightshift.stores import Stores

file, lake, dvc_remote, as_of = sys.argv[1:]
project = Path(file).parents[2]
settings = load_settings().model_dump() | {
    "project": project, "home": project / ".nightshift", "lake": lake, "dvc_remote": dvc_remote,
}
stores = Stores(Settings.model_validate(settings), {"by": "tests"})
spec = load_spec(Path(file))
search(spec, snapshot(spec, as_of, stores), stores)
"""


class Killed(NamedTuple):
    """A search that was killed with some trials done, what lay in the lake then, and what came of it at last."""

    spec: ModelSpec
    stores: Stores
    frozen: SnapshotRef
    stood: dict[str, str]
    searched: Searched
    verdict: Verdict

    @property
    def record(self) -> SearchRecord:
        return read_search(self.spec.name, self.searched.sha256, self.stores)


def trials_in_lake(spec: ModelSpec, stores: Stores) -> dict[str, str]:
    """The finished trials, each with the ETag of its object."""
    folder = layout.search(spec.name, "").removesuffix(".json")
    listed = stores.lake.objects.listing(folder)
    return {item.key: item.etag for item in listed if item.key.count("/") == folder.count("/") + 1}


def kill_amid(file: Path, spec: ModelSpec, stores: Stores, after: int) -> dict[str, str]:
    """Let a process search until so many trials are done, and kill it; what lies in the lake then."""
    settings = stores.settings
    words = [sys.executable, "-c", CHILD, str(file), settings.lake, settings.dvc_remote, AS_OF]
    child = subprocess.Popen(words)
    deadline = time.monotonic() + SECONDS
    while len(trials_in_lake(spec, stores)) < after:
        assert child.poll() is None, "it ended by itself"
        assert time.monotonic() < deadline
        time.sleep(0.02)
    child.send_signal(signal.SIGKILL)
    assert child.wait() == -signal.SIGKILL
    return trials_in_lake(spec, stores)


@pytest.fixture(scope="module")
def killed(
    make_project: Callable[..., Path], open_stores: Callable[..., Stores], tmp_path_factory: pytest.TempPathFactory
) -> Killed:
    training = {"window_days": 16, "holdout_days": 3, "parameters": WEAK}
    folder = make_project(
        tmp_path_factory.mktemp("search") / "project",
        training=training,
        search=SEARCH,
        gates={"slices": []},
        optimize={"variants": []},
    )
    file = folder / "model.yaml"
    spec, stores = load_spec(file), open_stores(folder.parents[1])
    load(spec, "2024-01-01", AS_OF, stores)
    frozen = snapshot(spec, AS_OF, stores)
    stood = kill_amid(file, spec, stores, after=2)
    verdict = train_and_gate(spec, frozen, stores)
    promote(spec, verdict, stores)
    searched = verdict.candidate.trained.searched
    assert searched is not None
    return Killed(spec, stores, frozen, stood, searched, verdict)


def as_tried(trials: list[TrialRecord]) -> list[Any]:
    return [trial.model_copy(update={"seconds": 0.0}) for trial in trials]


def test_what_was_finished_before_it_was_killed_is_not_done_again(killed: Killed) -> None:
    assert 2 <= len(killed.stood) < TRIALS
    stand = trials_in_lake(killed.spec, killed.stores)
    assert len(stand) == TRIALS
    assert killed.stood.items() <= stand.items(), "the same objects, written once"
    again = search(killed.spec, killed.frozen, killed.stores)
    assert again == killed.searched, "done a third time, it says the same, to the digest"
    assert trials_in_lake(killed.spec, killed.stores) == stand


def test_it_comes_to_what_one_comes_to_that_nobody_killed(
    killed: Killed, open_stores: Callable[..., Stores], tmp_path: Path
) -> None:
    settings = killed.stores.settings
    elsewhere = open_stores(settings.project, dvc_remote=settings.dvc_remote)
    whole = search(killed.spec, killed.frozen, elsewhere)
    unkilled = read_search(killed.spec.name, whole.sha256, elsewhere)
    assert unkilled.study == killed.record.study
    assert as_tried(unkilled.trials) == as_tried(killed.record.trials)
    assert (whole.trial, whole.trainer, whole.parameters) == (
        killed.searched.trial,
        killed.searched.trainer,
        killed.searched.parameters,
    )


def test_each_trial_is_a_run_inside_that_of_the_search(killed: Killed) -> None:
    client = killed.stores.registry.client
    parent = client.get_run(killed.searched.run_id)
    assert parent.info.status == "FINISHED"
    inside = client.search_runs(
        [parent.info.experiment_id], f"tags.`mlflow.parentRunId` = '{killed.searched.run_id}'", max_results=100
    )
    numbers = [run.data.tags[TRIAL] for run in inside if TRIAL in run.data.tags]
    assert sorted(map(int, numbers)) == list(range(TRIALS)), "each once, also those of the process that died"
    losses = {int(run.data.tags[TRIAL]): run.data.metrics.get("loss") for run in inside if TRIAL in run.data.tags}
    assert losses == {trial.number: trial.loss for trial in killed.record.trials}
    files = {file.path for file in client.list_artifacts(killed.searched.run_id)}
    assert {"search.md", "search.json", "plots"} <= files


def test_what_won_is_trained_judged_and_kept_with_the_version(killed: Killed) -> None:
    trained = killed.verdict.candidate.trained
    assert killed.searched.trial > 0
    record = killed.stores.versions.record(killed.spec.name, killed.verdict.candidate.version)
    assert record is not None
    assert record.search_sha256 == killed.searched.sha256
    run = killed.stores.registry.client.get_run(trained.run_id)
    assert run.data.params["trainer"] == "logistic_regression"
    assert run.data.params["C"] == str(killed.searched.parameters["C"])
    assert run.data.tags["nightshift.search_run"] == killed.searched.run_id
    plots = {file.path for file in killed.stores.registry.client.list_artifacts(trained.run_id, "plots")}
    assert {"plots/search.png", "plots/shap.png", "plots/importance.png"} <= plots
    costs = {name for name in run.data.metrics if name.startswith("cost_")}
    assert {"cost_folds_seconds", "cost_fitting_cpu_seconds", "cost_optimizing_peak_mb"} <= costs
    assert max(killed.record.night_rows) < trained.folds[0].first_judged, "no judged night chose it"


def test_it_is_reproduced_as_it_was_chosen_without_a_search(killed: Killed) -> None:
    before = sorted(killed.stores.lake.objects.keys(""))
    reproduced = reproduce(killed.spec, killed.verdict.candidate.version, killed.stores)
    assert reproduced.differs == {}
    assert f"trial {killed.searched.trial} of {TRIALS} of a search, logistic_regression" in reproduced.searched
    assert sorted(killed.stores.lake.objects.keys("")) == before


def test_a_search_of_other_bytes_than_its_digest_is_refused(killed: Killed) -> None:
    key = layout.search(killed.spec.name, killed.searched.sha256)
    stored = killed.stores.lake.objects.get(key)
    assert stored is not None
    other = killed.record.model_copy(update={"reason": "because"})
    killed.stores.lake.objects.put_record(key, other)
    with pytest.raises(UnreadableRecord, match="is not as it was written"):
        read_search(killed.spec.name, killed.searched.sha256, killed.stores)
    killed.stores.lake.objects.put(key, stored[0])


def test_a_trial_says_in_the_lake_that_it_was_begun_and_how_often(killed: Killed) -> None:
    study = killed.record.study
    again = [begin_trial(killed.spec.name, study, TRIALS + 7, killed.stores) for _ in range(3)]
    assert again == [0, 1, 2]
    # One of those that were finished was begun by the process that ended it, or by a copy that was killed before.
    assert begin_trial(killed.spec.name, study, 0, killed.stores) >= 1
