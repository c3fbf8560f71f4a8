"""What a person says of the data that a model is drafted from."""

from dataclasses import dataclass

from nightshift.spec.label import LabelKind


@dataclass(frozen=True)
class NewModelRequest:
    """What a person says of the data. ``keys`` and ``label`` are the source's names."""

    name: str
    data: str
    label: str
    keys: tuple[str, ...]
    partition_by: str
    label_type: LabelKind | None = None
    delay_days: int = 1
    timezone: str = "UTC"
    force: bool = False
