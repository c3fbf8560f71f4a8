"""What is not in the lake, and the command that brings it."""

from nightshift.contracts import Dataset, PartitionKey
from nightshift.errors import MissingPartition
from nightshift.stores import layout


def how_to_make(key: PartitionKey) -> str:
    """The command that brings a night which is not there."""
    return _command(key.dataset, key.model, key.partition)


def _command(dataset: Dataset, model: str, partition: str) -> str:
    night = f"{model} {partition}"
    match dataset:
        case Dataset.RAW:
            return f"nightshift ingest {night}"
        case Dataset.LABELS:
            # Not ingest: with a night it brings the labels of an earlier one, those that arrive then.
            return f"nightshift load {night} {partition}"
        case Dataset.VALIDATED | Dataset.QUARANTINE:
            return f"nightshift validate {night}"
        case Dataset.PREDICTIONS:
            return f"nightshift predict {night}"
        case Dataset.MONITORING:
            return f"nightshift monitor {night}"
        case Dataset.SHADOW:
            return f"nightshift shadow {night}"


def how_to_take_back(key: PartitionKey) -> str:
    """The command that takes a night back, with all that was made from it."""
    # A night and its quarantine are made together.
    dataset = Dataset.VALIDATED if key.dataset == Dataset.QUARANTINE else key.dataset
    return f"nightshift retract {key.model} {key.partition} --from {dataset}"


def how_to_replace(key: PartitionKey) -> str:
    """The commands for a night whose commit record is damaged."""
    return f"{how_to_take_back(key)}, then make it anew: {how_to_make(key)}"


def how_to_make_file(key: str) -> str:
    """The command that makes a file of a generation anew."""
    dataset, model, partition = layout.generation_of(key)
    return _command(Dataset(dataset), model, partition)


def missing_file(where: str, key: str) -> MissingPartition:
    """A file that a manifest names, or a plan, and that is gone: no outage, for it will not come back by itself."""
    return MissingPartition(
        f"{where}/{key} is named by a manifest but is not there", fix=f"make this night anew: {how_to_make_file(key)}"
    )
