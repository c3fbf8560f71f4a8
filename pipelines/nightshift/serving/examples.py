"""A row that a model.yaml would allow, for the page of a server: made up, never one of the data."""

from typing import Any

from nightshift.spec import Column, ModelSpec

DAY = "2024-01-01"


def example_row(spec: ModelSpec) -> dict[str, Any]:
    """A value for each feature."""
    return {name: example_value(spec.columns[name]) for name in spec.features}


def example_value(column: Column) -> Any:
    """What a column may have: its first known text, its lowest number, or something plain."""
    if column.type == "string":
        return column.values[0] if column.values else "text"
    if column.type == "bool":
        return True
    if column.type == "date":
        return str(column.min or DAY)
    lowest = column.min if isinstance(column.min, int | float) else 0
    highest = column.max if isinstance(column.max, int | float) else lowest + 2
    middle = (lowest + highest) / 2
    return int(middle) if column.is_whole else round(float(middle), 2)
