"""S3 or MLflow down in the middle of a step: a clear error worth a retry, and no published night changes."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from nightshift.contracts import Dataset
from nightshift.errors import LakeUnavailable, RegistryUnavailable
from nightshift.settings import Settings
from nightshift.spec import ModelSpec
from nightshift.stack import Ports, Stack, processes
from nightshift.steps.ingest import ingest
from nightshift.steps.plan import plan
from nightshift.steps.snapshot import snapshot
from nightshift.steps.validate import validate
from nightshift.stores import Stores
from nightshift.stores.lake import iter_row_groups
from nightshift.stores.parquet_source import ParquetSource
from nightshift.stores.snapshots import Snapshots
from tests.champions import append_move

pytestmark = pytest.mark.stack

NIGHT = "2024-01-03"


class Services:
    """Real services that a test may stop; whatever is asked next starts them again."""

    def __init__(self, home: Path) -> None:
        self.stack = Stack(home=home / "home", project=home, ports=Ports.free())

    def stop(self, name: str) -> None:
        running = processes.recall(self.stack.records, name)
        assert running is not None
        processes.stop([running])
        processes.forget(self.stack.records, name)

    def start(self) -> None:
        self.stack.up(only=["s3", "mlflow"])


@pytest.fixture(scope="module")
def services(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Services]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "1")
        found = Services(tmp_path_factory.mktemp("outage"))
        found.start()
        # MLflow takes its address and its login from the environment: what comes after must find its own again.
        for name in ("MLFLOW_TRACKING_URI", "MLFLOW_TRACKING_USERNAME", "MLFLOW_TRACKING_PASSWORD"):
            patch.setenv(name, found.stack.env()[name])
        yield found
        found.stack.down()


@pytest.fixture
def stores(services: Services, project: Path) -> Stores:
    """Stores on the services of this file, not on those that all tests share."""
    services.start()
    values = services.stack.env()
    here = {"project": project, "home": project / ".nightshift"}
    known = {str(f.alias): values[str(f.alias)] for f in Settings.model_fields.values() if str(f.alias) in values}
    return Stores(Settings.model_validate({**known, **here}), {"by": "tests"})


@pytest.fixture
def night(spec: ModelSpec, stores: Stores) -> pa.Table:
    """A night that is published and that nothing here may change."""
    ingest(spec, NIGHT, stores)
    validate(spec, NIGHT, stores)
    return published(spec, stores)


def published(spec: ModelSpec, stores: Stores) -> pa.Table:
    lake = Stores(stores.settings).lake
    return lake.read(lake.require(spec.key(Dataset.VALIDATED, NIGHT)))


def stopping(services: Services, name: str, real: Callable[..., Any]) -> Callable[..., Any]:
    """The same function, during which a service goes away."""

    def act(*args: Any, **kwargs: Any) -> Any:
        result = real(*args, **kwargs)
        services.stop(name)
        return result

    return act


def test_s3_stops_while_a_night_is_validated(
    spec: ModelSpec, stores: Stores, night: pa.Table, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    from nightshift.steps import validate as step

    monkeypatch.setattr(step, "check", stopping(services, "s3", step.check))
    with pytest.raises(LakeUnavailable, match="S3 does not answer for s3://lake/generations/") as error:
        validate(spec, NIGHT, stores)
    assert error.value.fix == "nightshift status"
    services.start()
    assert published(spec, stores).equals(night)


def test_s3_stops_between_writing_and_committing(
    spec: ModelSpec, stores: Stores, night: pa.Table, services: Services
) -> None:
    lake = stores.lake
    draft = lake.begin(spec.key(Dataset.VALIDATED, NIGHT))
    other = night.slice(0, 50)
    file = lake.add(draft, 0, other.to_batches(), other.schema)
    services.stop("s3")
    with pytest.raises(LakeUnavailable):
        lake.commit(draft, [file], other.schema, rows_in=50, provenance={})
    services.start()
    assert published(spec, stores).equals(night)
    ref = lake.commit(draft, [file], other.schema, rows_in=50, provenance={})
    assert published(spec, stores).num_rows == ref.rows == 50


def test_s3_stops_at_the_very_put(
    spec: ModelSpec, stores: Stores, night: pa.Table, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    lake, put_if = stores.lake, stores.lake.objects.put_if

    def too_late(*args: Any) -> None:
        services.stop("s3")
        put_if(*args)

    monkeypatch.setattr(lake.objects, "put_if", too_late)
    with pytest.raises(LakeUnavailable):
        lake.publish(lake.begin(spec.key(Dataset.VALIDATED, NIGHT)), night.slice(0, 50), provenance={})
    services.start()
    assert published(spec, stores).equals(night)


def test_s3_stops_while_a_file_is_read_or_uploaded(
    spec: ModelSpec, stores: Stores, night: pa.Table, services: Services
) -> None:
    lake = stores.lake
    key = lake.require(spec.key(Dataset.VALIDATED, NIGHT)).files[0].key
    file, draft = ParquetSource(lake.objects, key).open(), lake.begin(spec.key(Dataset.RAW, "2024-01-09"))
    services.stop("s3")
    for act in (
        lambda: list(iter_row_groups(file, ["site"], 0, 1)),
        lambda: ParquetSource(lake.objects, key).open(),
        lambda: lake.add(draft, 0, night.to_batches(), night.schema),
        lambda: lake.partitions(Dataset.RAW, spec.name),
    ):
        with pytest.raises(LakeUnavailable):
            act()
    services.start()
    assert lake.partitions(Dataset.RAW, spec.name) == [NIGHT]


def test_s3_is_down_for_a_snapshot(
    spec: ModelSpec, stores: Stores, services: Services, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def add(body: str) -> str:
        return stores.snapshots.freeze({"x": stores.snapshots.keep(lambda file: file.write_text(body))[0]})

    md5 = add("x")
    elsewhere = Snapshots(stores.settings.model_copy(update={"home": tmp_path / "elsewhere"}))
    services.stop("s3")
    with pytest.raises(LakeUnavailable):
        snapshot(spec, "2024-01-12", stores)
    with pytest.raises(LakeUnavailable, match="S3 does not answer for s3://dvc"):
        add("new")
    with pytest.raises(LakeUnavailable, match="S3 does not answer for s3://dvc"):
        elsewhere.checkout(md5)
    services.start()
    assert (elsewhere.checkout(md5) / "x").read_text() == "x"


def test_mlflow_is_down_when_a_night_is_planned(
    spec: ModelSpec, stores: Stores, night: pa.Table, services: Services
) -> None:
    assert append_move(stores, spec.name, "1")
    services.stop("mlflow")
    with pytest.raises(RegistryUnavailable, match=f"MLflow at {stores.settings.mlflow_uri}") as error:
        plan(spec, NIGHT, stores)
    assert error.value.fix == "nightshift status"
    assert published(spec, stores).equals(night)
    assert stores.lake.partitions(Dataset.PREDICTIONS, spec.name) == []


def test_mlflow_stops_in_the_middle_of_a_run(spec: ModelSpec, stores: Stores, services: Services) -> None:
    def use() -> None:
        with stores.registry.session(spec.name) as mlflow, mlflow.start_run():
            mlflow.log_metric("before", 1.0)
            services.stop("mlflow")
            mlflow.log_metric("after", 1.0)

    with pytest.raises(RegistryUnavailable):
        use()
    services.start()
    with Stores(stores.settings).registry.session(spec.name) as mlflow, mlflow.start_run() as run:
        mlflow.log_metric("again", 1.0)
    assert stores.registry.client.get_run(run.info.run_id).data.metrics == {"again": 1.0}
