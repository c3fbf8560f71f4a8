"""How each row of docs/runbook.md is provoked with data in which a person's name stands, or why it is not."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import pytest

from nightshift.contracts import Approval, Dataset
from nightshift.stack import Ports, Stack
from nightshift.steps.ingest import ingest_labels
from nightshift.steps.promote import promote
from nightshift.steps.snapshot import snapshot
from nightshift.stores import Stores, layout
from tests.planted import MODEL, NAME, NIGHTS, ROWS, SCORED, TRAINED, URL_PASSWORD, Planted, orders

RUNBOOK = Path(__file__).parents[1] / "docs" / "runbook.md"
Act = Callable[[Planted], None]


class Provocation(NamedTuple):
    act: Act
    says: str


PROVOKED: dict[str, Provocation] = {}
HOSTILE = (
    "`SchemaMismatch`, *has a text of ... bytes*",
    "*observed more than ...*, `ExpectationsFailed` in `validate`; *no labels are read*",
    "`ExpectationsFailed`, *was read up to*",
    "`SourceUnreadable`, *row group ... once it is unpacked*",
    "`SourceUnreadable`, *times as large when unpacked*, *a line of more than*, *columns, allowed*",
    "`UnsafeGraph`, *operator ... is not allowed*",
    "`UnsafeGraph`, *a call of 32 rows would take more than*",
    "`ModelError`, *ONNX Runtime cannot run the graph*, *gives ... which are no scores*",
    "`UsageError`, *has no parameter*",
    "`UsageError`, *is no version*",
    "`SpecError`, *leads out of*",
    "`SpecError`, *too deep*, *aliases written out*, *characters, allowed*, *may take for ever*",
    "`UnreadableRecord`, *bytes, allowed*",
)
"""Rows that tests/unit/hostile provokes: names, counts and sizes."""
FOREIGN = (
    "`UnsealedRecord`, *is not sealed by a key*",
    "`ModelError` in `plan`, *MLflow has the alias champion on*",
    "`ModelError`, *has no sealed record in the lake*",
    "`UnreadableRecord`, *was not written for*",
    "`UnreadableRecord` or `DamagedFile`, *pinned is*, *is not the graph*",
    "`ModelError` in `optimize`, *was replaced, and is not read*",
    "`ModelError` in `optimize`, *does not say the digest of its model*",
)
"""Rows that tests/integration/test_foreign_version.py provokes: versions, nights and digests."""
DECIDED = (
    "`UnsealedRecord` in `govern`, *and the sealed log of retrains does not*;"
    " the warning *started a retrain is not sealed*",
    "`Superseded` in `nightshift seal`, *not what it was when it was shown*",
    "`ModelError` in `plan`, *has no champion left*",
    "`ModelError`, *was withdrawn, by entry*",
    "a red `shadow`, `shadow_verdict` or `canary_verdict` in a green run of `<model>.predict`",
    "`ModelError` or `UsageError` in `nightshift shadow` or `nightshift canary`",
    "`TakenBack` in `canary_verdict` or `nightshift canary`",
    "`MissingPartition` in `nightshift ab`",
    "a skipped `promote`, *was withdrawn since its gate*",
    "a failed `rollback`, *cannot score now, and nothing has moved*",
    "a run that *awaits input* in `approve`",
    "`NotApproved` in `promote`, *approved was*",
    "`UnsealedRecord` in `approve`",
    "`NotReproduced` in `reproduce`",
    "`ModelError` in `reproduce`, *does not say how it was trained*",
    "`UnreadableRecord` in `reproduce`, *is not as it was written*",
)
"""Rows that tests/integration provokes (decisions, seal, approval, reproduce, who stands beside): versions, people."""
JUDGED_AGAIN = (
    "`UsageError` in `nightshift backtest`, *has no scored night from*, *ends before it begins*",
    "`UsageError`, *cannot be judged so*",
    "`DataError`, *nights can be judged, the first for this*",
)
"""Rows that tests/integration/test_backtest.py provokes: nights and versions."""
RELEASED = (
    "`ModelError` in `nightshift promote`, *of another recipe than model.yaml there*",
    "`ModelError` in `nightshift promote`, *goes nowhere*, *does not say all that its gate said*",
    "`ModelError` in `nightshift promote`, *nothing there judges version*",
    "`UsageError` in `nightshift promote`, *has the lake of this project*, *it says where the stores of*",
)
"""Rows that tests/integration/test_releases.py provokes: versions, keys of model.yaml, folders."""
OF_COLUMNS = (
    "`CollapsedRefit` in `optimize`",
    "`DataError` in `train`, *no feature says anything*",
    "`DataError` in `train`, *numbers that float32 cannot hold*",
    "*trained without ...*, a warning of `train`",
    "*An old champion*, a note",
)
"""Rows that tests/unit and others of tests/integration provoke: names of columns, days and means."""
OF_FIGURES = (
    "*NightshiftFiguresMissing*",
    "*NightshiftLakeDown*",
    "*NightshiftModelUnreadable*",
    "*NightshiftNightNotPublished*",
    "*NightshiftQuarantine*",
    "*NightshiftDrift*",
    "*NightshiftAccuracyLost*",
    "*NightshiftRetrainBudgetSpent*",
    "*NightshiftChampionOld*",
    "*NightshiftSkew*",
)
"""Alerts that Prometheus raises and its own tests provoke: names of models, counts and ages."""
OF_ALERTS = (
    "*the alert ... was not sent by*, a warning of a task",
    "`UsageError` in `nightshift alerts test`, *alerts.toml*",
    "*is kept on this machine's disk*, a warning of a task",
)
"""Rows that tests/unit/alerts provokes: channels, keys of alerts.toml and ids; it looks for secrets in them."""
NOT_PROVOKED = {
    "`UsageError`, *has no episode*": "the message has an episode's name: model, version, night",
    "a decision of the governor, *retrain.give_up_after is*": "no error; a decision has nights, versions and counts",
    "a failed run of `<model>.retrain`": "the errors of its steps have rows of their own",
    "a skipped task, `Superseded`, *was taken back*": "a race of two runs; the message has the night and who took it",
    "`LostRows` in `publish` or `validate`": "a fault of Nightshift; the message has counts",
    "`LostRows` in `snapshot` or `monitor`": "labels written past ingest; the message has counts",
    "`DataError` in `validate`": "a fault of Nightshift; its words of a breach are those of ExpectationsFailed",
    "a skipped `publish`, `Superseded`": "a race of two runs; the message has the night",
    "`ParityFailed` in `optimize`": "needs a converter that is wrong; the message has distances",
    "`VariantRefused`": "of a graph, before it sees a row",
    "`DataError` in `train`": "a training of its own; the message has counts and a class of model.yaml",
    "a skipped `rollback`, `Superseded`": "a race of two runs; the message has versions",
    "`DataError` in `data checkout` or `data diff`": "a snapshot that was tampered with; the message has a file's name",
    "*given up after ... tries*": "Airflow's retries take half an hour; it is the message of LakeUnavailable",
    "*given up: the worker of this task died 6 times*": "Airflow's; the message has the task",
    "`StackError`, *cannot be trusted with a commit*": "another store; no row is read",
    "`UsageError`, *tried before a commit*": "other keys; no row is read",
    "`EngineUnavailable`": "needs Ray or Spark; tests/engines kills their workers",
    "`ServerUnavailable`": "another's server; tests/unit/export asks one that is not there",
    "*Redis is away* in the log of `nightshift serve`": "of tests/unit/serving; no row is quoted",
    "*the keys that tokens are tried by could not be had* in the log of `nightshift serve`": "the same",
    "`OutOfSpace`": "needs a full disk; the message has a folder",
    "`NightshiftError`, *not ... this version reads*": "a record of the registry; no row is read",
    "`StackError` in `demo --tiny`, *failed for*": "plays the demo; its data are made up",
    **dict.fromkeys(OF_ALERTS, "of tests/unit/alerts; no row is quoted"),
    **dict.fromkeys(HOSTILE, "of tests/unit/hostile; no row is quoted"),
    **dict.fromkeys(DECIDED, "of tests/integration; no row is quoted"),
    **dict.fromkeys(JUDGED_AGAIN, "of tests/integration/test_backtest.py; no row is quoted"),
    **dict.fromkeys(RELEASED, "of tests/integration/test_releases.py; no row is quoted"),
    **dict.fromkeys(OF_FIGURES, "of docker/monitoring/rules_test.yml; no row is quoted"),
    **dict.fromkeys(OF_COLUMNS, "of a training of its own; no row is quoted"),
    **dict.fromkeys(FOREIGN, "of tests/integration/test_foreign_version.py; no row is quoted"),
}


def rows_of_the_runbook() -> list[str]:
    """The first cell of every row of its tables."""
    lines = [line for line in RUNBOOK.read_text().splitlines() if line.startswith("| ")]
    cells = [line.split("|")[1].strip() for line in lines]
    return [cell for cell in cells if cell != "you see"]


def provokes(row: str, says: str) -> Callable[[Act], Act]:
    """Note how a row is provoked, and what must then be heard."""

    def note(act: Act) -> Act:
        PROVOKED[row] = Provocation(act, says)
        return act

    return note


@provokes("*too few rows to learn ...*, a warning of `train`", "too few rows to learn")
def _(world: Planted) -> None:
    """The first: a night whose labels are of no class is in the training, and a class has no row."""
    from nightshift.steps.retrain import train_and_gate

    frozen = world.do(snapshot, world.spec, TRAINED[-1], world.stores)
    verdict = world.do(train_and_gate, world.spec, frozen, world.stores)
    VERDICTS.append(verdict)
    world.do(promote, world.spec, verdict, world.stores)


VERDICTS: list = []


@provokes("`ExpectationsFailed` in `validate`", "expect_column_values_to_match_regex")
def _(world: Planted) -> None:
    world.spoilt(NIGHTS[9], 2, note=f"{NAME} 1485!", amount=-5)
    world.run("ingest", NIGHTS[9])
    world.run("validate", NIGHTS[9])


@provokes("*rows would go to quarantine* in `validate`", "would go to quarantine")
def _(world: Planted) -> None:
    world.spoilt(NIGHTS[10], 12, kind=NAME)
    world.bring(NIGHTS[10])


@provokes("rows in quarantine on the *Nightshift* page", "1 quarantined")
def _(world: Planted) -> None:
    frame = orders(SCORED)
    frame.loc[3, "kind"] = NAME
    frame.loc[[7, 8], "site"] = NAME
    world.put(SCORED, frame)
    world.run("ingest", SCORED)
    world.run("validate", SCORED)
    world.run("predict", SCORED)
    world.run("monitor", SCORED)
    quarantine = world.stores.lake.require(world.spec.key(Dataset.QUARANTINE, SCORED))
    world.said.append(f"{quarantine.rows} quarantined")


@provokes("`SchemaMismatch` in `ingest`", "column amount is not")
def _(world: Planted) -> None:
    world.spoilt(NIGHTS[11], 2, amount=NAME)
    world.run("ingest", NIGHTS[11])
    binary = {"column": "late", "type": "binary", "positive": "late", "negative": "early", "delay_days": 1}
    world.spoilt(NIGHTS[12], 2, late=NAME)
    with world.other(label=binary):
        world.do(ingest_labels, world.spec, NIGHTS[12], world.stores)


@provokes("`SourceMissing`, `SourceUnreadable` in `ingest`", "Expected 7 columns, got 8")
def _(world: Planted) -> None:
    file = world.put(NIGHTS[12])
    file.write_text(file.read_text() + f"99,book,north,{NAME},1,2,late,{NAME}\n")
    world.run("ingest", NIGHTS[12])
    with world.other(source={"files": "nothing/*.csv"}):
        world.run("ingest", NIGHTS[12])


@provokes("`SourceUnavailable` in `ingest`", "does not answer")
def _(world: Planted) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SHOP_URL", f"postgresql+psycopg2://shop:{URL_PASSWORD}@127.0.0.1:9/shop")
        with world.other(source={"sql": "SELECT 1 WHERE :night > '1'", "url_variable": "SHOP_URL"}):
            world.run("ingest", NIGHTS[12])


@provokes("a skipped `labels`, *there is no column ... yet*", "there is no column")
def _(world: Planted) -> None:
    world.put(NIGHTS[13], orders(NIGHTS[13]).drop(columns="late"))
    world.do(ingest_labels, world.spec, NIGHTS[13], world.stores)


@provokes("*label.classes lacks ...*, a warning of `labels`", "label.classes lacks")
def _(world: Planted) -> None:
    world.spoilt(NIGHTS[14], 3, late=NAME)
    world.do(ingest_labels, world.spec, NIGHTS[14], world.stores)


@provokes("a skipped `ingest`, `NoSourceData`", "the night is skipped")
def _(world: Planted) -> None:
    world.run("ingest", NIGHTS[19])


@provokes("`RowsGone` in `ingest`, *no rows any more*", "any more")
def _(world: Planted) -> None:
    file = world.put(NIGHTS[17])
    world.bring(NIGHTS[17])
    file.unlink()
    world.run("ingest", NIGHTS[17])


@provokes("`UsageError`, *partition.start*", "partition.start")
def _(world: Planted) -> None:
    world.run("ingest", "2020-01-01")


@provokes("`UsageError`, *lies under the partition column*", "partition column")
def _(world: Planted) -> None:
    with world.other(partition={"column": "evening", "start": NIGHTS[0]}):
        world.run("ingest", NIGHTS[2])


@provokes("`MissingPartition`, *was taken back by*", "was taken back by")
def _(world: Planted) -> None:
    world.run("retract", NIGHTS[17], "--why", "it has a name")
    world.run("validate", NIGHTS[17])


@provokes("`DamagedFile`", "is not as it was written")
def _(world: Planted) -> None:
    world.put(NIGHTS[16])
    world.bring(NIGHTS[16])
    raw = world.stores.lake.require(world.spec.key(Dataset.RAW, NIGHTS[16]))
    (file, *_) = raw.files
    objects = world.stores.lake.objects
    whole = objects.get(file.key)[0]
    middle = len(whole) // 2
    objects.put(file.key, whole[:middle] + bytes([whole[middle] ^ 0xFF]) + whole[middle + 1 :])
    world.run("validate", NIGHTS[16])
    objects.put(file.key, whole)


@provokes("`UnreadableRecord`", "is not a manifest")
def _(world: Planted) -> None:
    key = layout.manifest(world.spec.key(Dataset.RAW, NIGHTS[16]))
    world.stores.lake.objects.put(key, b'{"rows": ')
    world.run("validate", NIGHTS[16])


@provokes("`LaterRecord`", "install the version")
def _(world: Planted) -> None:
    objects = world.stores.lake.objects
    whole = json.loads(objects.get(layout.manifest(world.spec.key(Dataset.RAW, SCORED)))[0])
    later = json.dumps({**whole, "format": 99}).encode()
    objects.put(layout.manifest(world.spec.key(Dataset.RAW, NIGHTS[16])), later)
    world.run("validate", NIGHTS[16])


@provokes("`MissingPartition`", "nightshift ingest")
def _(world: Planted) -> None:
    world.run("validate", NIGHTS[18])


@provokes("*labels match no row of the night*, a warning of `snapshot`", "match no row")
def _(world: Planted) -> None:
    world.put(TRAINED[3], orders(TRAINED[3]).head(ROWS - 6))
    world.bring(TRAINED[3])
    world.do(snapshot, world.spec, TRAINED[-1], world.stores)


@provokes("*told apart by another clock*, a warning of `snapshot`", "another clock")
def _(world: Planted) -> None:
    with world.other(partition={**MODEL["partition"], "timezone": "Asia/Tokyo"}):
        world.do(snapshot, world.spec, TRAINED[-1], world.stores)


@provokes("`DataError` in `labels`, *repeat a key*", "repeat a key")
def _(world: Planted) -> None:
    outcomes = orders(NIGHTS[12])[["number", "late", "note"]]
    outcomes["number"] = 7
    world.put(NIGHTS[12], outcomes, "outcomes")
    source = {"files": "outcomes/**/*.csv", "night": "path", "column": "day"}
    with world.other(label={**MODEL["label"], "source": source}):
        world.do(ingest_labels, world.spec, NIGHTS[12], world.stores)


@provokes("`DataError` in `monitor`", "other rows than are validated now")
def _(world: Planted) -> None:
    world.spoilt(SCORED, 2, amount=17)
    world.bring(SCORED)
    world.run("monitor", SCORED)


@provokes("a skipped `plan`, `NoChampion`", "nightshift train")
def _(world: Planted) -> None:
    world.run("predict", TRAINED[2])


@provokes("`FromTheFuture` in `plan`", "trained")
def _(world: Planted) -> None:
    world.run("predict", TRAINED[2])


@provokes("`SchemaMismatch` in `score`, *has no column ... any more*", "any more")
def _(world: Planted) -> None:
    columns = {name: rules for name, rules in MODEL["columns"].items() if name != "amount"}
    drift = {"features": ["items"]}
    with world.other(columns={**columns, "price": {"type": "float64", "source": "amount"}}, drift=drift):
        world.put(NIGHTS[12])
        world.bring(NIGHTS[12])
        world.run("predict", NIGHTS[12])


@provokes("`OtherLabel` in `score`", "label")
def _(world: Planted) -> None:
    with world.other(label={**MODEL["label"], "classes": ["early", "late"]}):
        world.run("predict", SCORED)


@provokes("a skipped `promote`", "challenger")
def _(world: Planted) -> None:
    promotion = world.do(promote, world.spec, replace(VERDICTS[-1], promote=False), world.stores)
    world.said.append(f"the challenger: {promotion}")


@provokes("a skipped `promote`, `Superseded`", "Superseded")
def _(world: Planted) -> None:
    other = replace(VERDICTS[-1].candidate, version="7")
    world.do(promote, world.spec, replace(VERDICTS[-1], candidate=other, champion="9"), world.stores)


@provokes("`NotApproved`, *did not pass its gate*", "did not pass its gate")
def _(world: Planted) -> None:
    approval = Approval(digest="ab" * 32, approved=True, by="tests")
    world.do(promote, world.spec, replace(VERDICTS[-1], promote=False), world.stores, approval)


@provokes("`UsageError` in `approve`, *a person was asked about*", "a person was asked about")
def _(world: Planted) -> None:
    world.run("approve", "abababab")


@provokes("`ModelError`", "99")
def _(world: Planted) -> None:
    world.run("rollback", "--to", "99")


@provokes("`UnsafeGraph` in `score`", "UnsafeGraph")
def _(world: Planted) -> None:
    objects = world.stores.lake.objects
    key = VERDICTS[-1].candidate.graph.key
    objects.put(key, objects.get(key)[0] + b"x")
    home = world.project / "another_worker"
    from nightshift.steps.predict import predict

    fresh = world.open_stores(world.project, home=home, lake=world.stores.settings.lake)
    world.do(predict, world.spec, SCORED, fresh)


@provokes("`LakeUnavailable`, `RegistryUnavailable`", "RegistryUnavailable")
def _(world: Planted) -> None:
    away = world.stores.settings.model_copy(
        update={"mlflow_uri": "http://127.0.0.1:9", "endpoint": "http://127.0.0.1:9"}
    )
    stores = Stores(away, {"by": "tests"})
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
        world.do(lambda: stores.registry.facts(world.name, "1"))
    world.do(lambda: stores.lake.manifest(world.spec.key(Dataset.RAW, SCORED)))


@provokes("`SpecError`; a Dag that Airflow cannot import", "trainer")
def _(world: Planted) -> None:
    with world.other(training={**MODEL["training"], "trainer": "oracle"}):
        world.run("check")


@provokes("`UsageError`", "2024-13-99")
def _(world: Planted) -> None:
    world.run("ingest", "2024-13-99")


@provokes("`PortTaken` in `up`", "is in use")
def _(world: Planted) -> None:
    free = Ports.free()
    ports = replace(free, s3=world.stack.ports.s3)
    world.do(Stack(world.project / "second", world.project, ports).up, only=["s3"])


@provokes("`ServiceDied` in `up`", "its log ends with")
def _(world: Planted) -> None:
    home = world.project / "third"
    (home / "s3").mkdir(parents=True)
    (home / "s3" / "filerldb2").write_text("a file where a folder should be")
    world.do(Stack(home, world.project, Ports.free()).up, only=["s3"])


@provokes("`StackError`", "nightshift up")
def _(world: Planted) -> None:
    home = world.project / "fourth"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NIGHTSHIFT_HOME", str(home))
        from typer.testing import CliRunner

        from nightshift.cli.main import app

        result = CliRunner().invoke(app, ["env"])
    world.said.append(f"{result.output}{result.exception}")
