"""Great Expectations: a suite made from the spec's columns, run on one night.

The context is ephemeral and made inside the call: contexts shared between tasks corrupt each other.
"""

import logging
import os
import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pipelines.spec import Column, ModelSpec

if TYPE_CHECKING:
    import pandas as pd

EXAMPLES = 5


@dataclass(frozen=True)
class Breach:
    """One expectation that a night did not meet."""

    column: str
    expectation: str
    expected: str
    observed: str
    examples: list[str]

    def __str__(self) -> str:
        examples = f", e.g. {', '.join(self.examples)}" if self.examples else ""
        return f"{self.column}: {self.expectation} ({self.expected}): {self.observed}{examples}"


@dataclass(frozen=True)
class Outcome:
    """What the suite said: breaches, the complete result as JSON, and the Data Docs page."""

    breaches: list[Breach]
    expectations: int
    json: dict[str, Any]
    html: str


def check_night(spec: ModelSpec, frame: "pd.DataFrame", name: str) -> Outcome:
    """Run the suite of a spec on a night's frame."""
    os.environ.setdefault("GX_ANALYTICS_ENABLED", "false")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import great_expectations as gx

        logging.getLogger("great_expectations").setLevel(logging.WARNING)
        context = gx.get_context(mode="ephemeral")
        context.variables.progress_bars = {"globally": False}
        suite = gx.ExpectationSuite(name=name, expectations=expectations(spec))
        asset = context.data_sources.add_pandas("night").add_dataframe_asset(spec.name)
        batch = asset.add_batch_definition_whole_dataframe(name).get_batch({"dataframe": frame})
        result = batch.validate(suite, result_format="SUMMARY")
        return Outcome(
            breaches=[_breach(item.to_json_dict()) for item in result.results if not item.success],
            expectations=len(result.results),
            json=result.to_json_dict(),
            html=_data_docs(result),
        )


def expectations(spec: ModelSpec) -> list[Any]:
    """The expectations of a night: its size, its keys, then column by column in the spec's order."""
    import great_expectations.expectations as gxe

    found: list[Any] = [
        gxe.ExpectTableRowCountToBeBetween(min_value=spec.night.min_rows, max_value=spec.night.max_rows),
        gxe.ExpectCompoundColumnsToBeUnique(column_list=list(spec.keys))
        if len(spec.keys) > 1
        else gxe.ExpectColumnValuesToBeUnique(column=spec.keys[0]),
    ]
    for column, promise in spec.columns.items():
        found += _of_column(column, promise)
    return found


def _of_column(name: str, column: Column) -> list[Any]:
    import great_expectations.expectations as gxe

    found: list[Any] = []
    if not column.nullable:
        found.append(gxe.ExpectColumnValuesToNotBeNull(column=name))
    elif column.max_null_share is not None and column.max_null_share < 1:
        found.append(gxe.ExpectColumnValuesToNotBeNull(column=name, mostly=1 - column.max_null_share))
    if column.min is not None or column.max is not None:
        found.append(gxe.ExpectColumnValuesToBeBetween(column=name, min_value=column.min, max_value=column.max))
    if column.values is not None:
        found.append(gxe.ExpectColumnValuesToBeInSet(column=name, value_set=list(column.values)))
    if column.pattern is not None:
        found.append(gxe.ExpectColumnValuesToMatchRegex(column=name, regex=column.pattern))
    return found


def _breach(item: dict[str, Any]) -> Breach:
    kwargs = item["expectation_config"]["kwargs"]
    result = item["result"]
    column = kwargs.get("column") or ", ".join(kwargs.get("column_list", ())) or "the night"
    limits = {k: v for k, v in kwargs.items() if k not in {"column", "column_list", "batch_id"} and v is not None}
    return Breach(
        column=column,
        expectation=item["expectation_config"]["type"],
        expected=", ".join(f"{name} {value}" for name, value in limits.items()) or "all",
        observed=_observed(item, result),
        examples=[str(value) for value in result.get("partial_unexpected_list", ())][:EXAMPLES],
    )


def _observed(item: dict[str, Any], result: dict[str, Any]) -> str:
    if item["exception_info"].get("raised_exception"):
        return str(item["exception_info"].get("exception_message"))
    if "unexpected_count" in result:
        return f"{result['unexpected_count']} of {result['element_count']} rows"
    return f"observed {result.get('observed_value')}"


def _data_docs(result: Any) -> str:
    from great_expectations.render.renderer import ValidationResultsPageRenderer
    from great_expectations.render.view import DefaultJinjaPageView

    return str(DefaultJinjaPageView().render(ValidationResultsPageRenderer().render(result)))
