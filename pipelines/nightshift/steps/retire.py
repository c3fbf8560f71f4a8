"""Retire a model with its data: its Dags go, and every night of it is taken back, with one reason."""

from dataclasses import dataclass
from functools import partial
from pathlib import Path

from nightshift.concurrency import ordered_map
from nightshift.contracts import Dataset
from nightshift.errors import UsageError
from nightshift.settings import Settings
from nightshift.spec import ModelSpec, find_spec, load_spec
from nightshift.steps.maintain import maintain
from nightshift.steps.retract import retract_one
from nightshift.stores import Stores

RETIRED = "model.yaml.retired"
AT_ONCE = 8
STAYS = (
    "versions and runs in MLflow, snapshots in DVC, graphs and the ledger: what scored before can be explained."
    " Files of nights are collected a week after they were taken back: retire it again then"
)


@dataclass(frozen=True)
class Retired:
    """A model whose nights were all taken back, and whose Dags are gone; counts are of what was left to do.

    ``stays`` says what was not taken back; ``spec`` is where model.yaml lies now.
    """

    model: str
    why: str
    nights: int
    nights_of_labels: int
    files_collected: int
    spec: str
    stays: str
    bring_back: str


def find_retiring(models: Path, name: str) -> ModelSpec:
    """The spec of a model that is to be retired, or that was in part. Raises ``UsageError`` when there is none."""
    put_away = models / name / RETIRED
    if put_away.is_file() and not _spec_file(models, name).is_file():
        return load_spec(put_away)
    return find_spec(models, name)


def nights_left(spec: ModelSpec, stores: Stores) -> dict[Dataset, list[str]]:
    """The nights that people can read: under ``raw`` those of all datasets made from it, and those of ``labels``."""
    column = spec.partition.column
    readable = {dataset: stores.lake.partitions(dataset, spec.name, column) for dataset in Dataset}
    labels = readable.pop(Dataset.LABELS)
    made = set().union(*readable.values())
    return {Dataset.RAW: sorted(made), Dataset.LABELS: labels}


def retire(spec: ModelSpec, stores: Stores, *, why: str) -> Retired:
    """Put the spec away, so that its Dags go, and take back every night. Done again, it finishes what is left.

    Raises ``UsageError`` where the spec cannot be put away, and as ``retract_one``.
    """
    # First: a Dag that the clock starts would bring the next night.
    spec_file = _put_away(spec.name, stores.settings)
    left = nights_left(spec, stores)
    for dataset, nights in left.items():
        take_back = partial(_take_back, spec, dataset, stores, why)
        for _ in ordered_map(take_back, nights, AT_ONCE, 2 * AT_ONCE):
            pass
    tidied = maintain(spec, stores)
    return Retired(
        model=spec.name,
        why=why,
        nights=len(left[Dataset.RAW]),
        nights_of_labels=len(left[Dataset.LABELS]),
        files_collected=tidied.collected,
        spec=str(spec_file),
        stays=STAYS,
        bring_back=f"rename {spec_file.name} to model.yaml, then nightshift ingest {spec.name} NIGHT, one by one",
    )


def _take_back(spec: ModelSpec, dataset: Dataset, stores: Stores, why: str, night: str) -> None:
    # No night after it is judged without it: they are all taken back.
    retract_one(spec, night, stores, dataset=dataset, why=why)


def _spec_file(models: Path, name: str) -> Path:
    return models / name / "model.yaml"


def _put_away(name: str, settings: Settings) -> Path:
    """The spec under a name that nobody looks for. Whoever has models/ in git commits that."""
    spec_file = _spec_file(settings.models, name)
    put_away = spec_file.with_name(RETIRED)
    try:
        spec_file.rename(put_away)
    except FileNotFoundError:
        return put_away
    except OSError as error:
        raise UsageError(
            f"{spec_file} cannot be renamed, so the Dags of {name} would stay: {error}; nothing was taken back",
            fix=f"rename it to {RETIRED} where models/ is kept, then retire the model again",
        ) from error
    return put_away
