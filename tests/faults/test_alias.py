"""The champion changes in mid-run, in a real ledger and MLflow: a night has one version, the one that was pinned."""

import pytest

from nightshift.contracts import Dataset, PartitionKey
from nightshift.steps.plan import plan
from nightshift.steps.predict import predict
from nightshift.steps.publish import publish
from nightshift.steps.score import score
from nightshift.stores import Stores
from tests.champions import register_version, seal_version, set_champion
from tests.faults.world import MODEL, Night, build, make_spec, pin_of

pytestmark = [pytest.mark.faults, pytest.mark.stack]

NIGHT = Night("2024-01-01", 90, row_group_rows=30)


@pytest.fixture
def versions(stores: Stores, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Two versions in the registry, with a graph each."""
    from nightshift.s3 import upload
    from nightshift.stores import parquet

    for module, name in ((parquet, "ROW_GROUP_ROWS"), (upload, "PART_BYTES")):
        monkeypatch.setattr(module, name, getattr(module, name))
    build(stores.settings, (NIGHT,))
    client = stores.registry.client
    client.create_registered_model(MODEL)
    for number in ("1", "2"):
        pin = pin_of(number)
        version = register_version(stores, MODEL)
        facts = {"onnx_sha256": pin.sha256, "onnx_key": pin.key, "snapshot_md5": "ab.dir"}
        seal_version(stores, MODEL, version, **facts, trained_through="2023-12-31")
    return ["1", "2"]


def test_an_alias_that_moves_in_mid_run_changes_nothing_in_it(stores: Stores, versions: list[str]) -> None:
    first, second = versions
    spec = make_spec(shard_rows=1)
    set_champion(stores, MODEL, first)
    decided = plan(spec, NIGHT.partition, stores)
    results = [score(spec, decided, decided.shards[0], stores)]
    set_champion(stores, MODEL, second)
    results += [score(spec, decided, shard, stores) for shard in decided.shards[1:]]
    publish(spec, decided, results, stores)
    assert published(stores) == (first, NIGHT.predictions(first)["score"])
    predict(spec, NIGHT.partition, stores)
    assert published(stores) == (second, NIGHT.predictions(second)["score"])


def published(stores: Stores) -> tuple[str, object]:
    """The one version of the night, and its scores."""
    found = stores.lake.read(stores.lake.require(PartitionKey(Dataset.PREDICTIONS, MODEL, "day", NIGHT.partition)))
    (version,) = found["model_version"].unique().to_pylist()
    return version, found["score"]
