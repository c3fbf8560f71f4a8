"""A lake with validated nights and labels, and judged versions that each give every row one score of their own."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa

from nightshift.contracts import Dataset, PartitionRef
from nightshift.partitions import following
from nightshift.spec import ModelSpec, load_spec
from nightshift.steps._moving import new_move
from nightshift.steps.predict import predict
from nightshift.stores import Stores, layout
from nightshift.stores.aliases import AliasMove
from nightshift.stores.manifest import Manifest
from nightshift.stores.registry import CANARY, CHALLENGER, SHADOW
from tests.champions import put_graph, register_version, seal_version, set_champion

SEEN = "2024-01-01"
NIGHTS = following("2024-01-02", 14)
SHARE = 0.3
# About half of the rows are late: 2 is better than 1, and 3 worse.
SCORES = {"1": 0.3, "2": 0.45, "3": 0.02}
FIRST_ROWS = 40
COLUMNS = {"kind": {"feature": False}, "amount": {"feature": False}}


class CanaryWorld(NamedTuple):
    """Version 1 is champion; whoever is put beside it scores a share of the rows from then on."""

    spec: ModelSpec
    stores: Stores

    def reset(self) -> None:
        """Nobody beside the champion, no night scored."""
        objects, model = self.stores.lake.objects, self.spec.name
        scored = (Dataset.SHADOW, Dataset.PREDICTIONS, Dataset.MONITORING)
        gone = [place(dataset, model) for dataset in scored for place in (layout.manifests, layout.served)]
        for prefix in (layout.ledger(model), *gone):
            for key in list(objects.keys(prefix)):
                objects.delete(key)
        for alias in (CHALLENGER, SHADOW, CANARY):
            self.stores.registry.delete_alias(model, alias)
        set_champion(self.stores, model, "1", SEEN)

    def move(self, alias: str, version: str | None, night: str | None = None, **more: Any) -> AliasMove:
        """The next entry of the ledger."""
        ledger = self.stores.aliases.ledger(self.spec.name)
        head = ledger.head()
        move = new_move(self.spec, alias, head, version, "a test", self.stores, night=night, **more)
        assert ledger.append(head, move)
        self.stores.aliases.project(self.spec.name)
        return move

    def enter(self, version: str = "2", since: str = NIGHTS[0], share: float = SHARE) -> int:
        """Put a version there, and say by which entry."""
        self.move(CANARY, version, since, share=share)
        return self.number

    @property
    def number(self) -> int:
        return self.stores.aliases.ledger(self.spec.name).head().number

    def scored(self, night: str) -> Manifest:
        """A night as it is published after it was scored."""
        self.predict(night)
        return self.published(night)

    def predict(self, night: str) -> PartitionRef:
        return predict(self.spec, night, self.stores)

    def published(self, night: str) -> Manifest:
        return self.stores.lake.require(self.spec.key(Dataset.PREDICTIONS, night))

    def rows(self, night: str) -> pa.Table:
        """As people read them."""
        return self.stores.lake.read(self.published(night))


def make_world(
    make_project: Callable[..., Path],
    open_stores: Callable[..., Stores],
    small_rows: Callable[..., pa.Table],
    root: Path,
    **changes: Any,
) -> CanaryWorld:
    """Of 90 rows a night, in two row groups, so in two shards."""
    known = {"columns": COLUMNS, "drift": {"features": ["items"]}, "canary": {}, "predict": {"shard_rows": FIRST_ROWS}}
    folder = make_project(root, **{**known, **changes})
    spec = load_spec(folder / "model.yaml")
    stores = open_stores(folder.parents[1])
    for night in NIGHTS:
        rows = small_rows(spec, night, 1).drop_columns([spec.partition.column])
        put_rows(spec, stores, Dataset.VALIDATED, night, rows.drop_columns([spec.label.column]))
        put_rows(spec, stores, Dataset.LABELS, night, rows.select([*spec.keys, spec.label.column]))
    stores.registry.client.create_registered_model(spec.name)
    for version, score in SCORES.items():
        assert register_version(stores, spec.name) == version
        graph = put_graph(stores, spec, score)
        run = f"run-{version}"
        seal_version(stores, spec.name, version, **graph, run_id=run, trained_through=SEEN)
    return CanaryWorld(spec, stores)


def put_rows(spec: ModelSpec, stores: Stores, dataset: Dataset, night: str, rows: pa.Table) -> None:
    """Publish a night in two row groups."""
    draft = stores.lake.begin(spec.key(dataset, night))
    file = stores.lake.add(draft, 0, rows.to_batches(), rows.schema, FIRST_ROWS)
    stores.lake.commit(draft, [file], rows.schema, rows_in=rows.num_rows, provenance={"by": "tests"})
