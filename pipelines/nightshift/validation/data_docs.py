"""The Data Docs page of a night: Great Expectations renders it, of texts that hold no markup any more.

Its templates put values of the data into the page as they are. So all texts of the results are escaped before, and the
page says itself that nothing of it may run or be loaded, wherever it is opened.

What says nothing is left out of the page, and of the page alone: the values that an expectation allowed, nulls one by
one, the limits of a float's type, how the rows were handed over.
"""

import copy
import html
import re
import warnings
from types import CodeType
from typing import Any

import numpy as np
from jinja2 import BytecodeCache
from jinja2.bccache import Bucket

from nightshift.errors import plain

LONGEST_TEXT = 500
POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none';"
    " script-src 'none'; frame-src 'none'"
)
HEAD = "<head>"
NOT_NULL = "expect_column_values_to_not_be_null"
EXAMPLES = frozenset({
    "partial_unexpected_counts",
    "partial_unexpected_index_list",
    "partial_unexpected_list",
    "unexpected_index_list",
    "unexpected_list",
})
"""What a result names single values in."""
LARGEST_FLOATS = "|".join(re.escape(str(float(np.finfo(kind).max))) for kind in ("float32", "float64"))
VALUE = r"<span[^>]*>{}</span>"
TYPE_LIMITS = re.compile(
    "values must be greater than or equal to "
    + VALUE.format(f"-(?P<largest>{LARGEST_FLOATS})")
    + " and less than or equal to "
    + VALUE.format("(?P=largest)")
)
"""Great Expectations' words for the limits of a float's type, which nobody wrote."""
FINITE = "every number must be finite"


class CompiledTemplates(BytecodeCache):
    """What Great Expectations' templates compile to, kept for the nights after: each view would compile them again."""

    def __init__(self) -> None:
        self._code: dict[tuple[str, str], CodeType] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        """Of a template with this very text, if it was compiled before."""
        bucket.code = self._code.get((bucket.key, bucket.checksum))

    def dump_bytecode(self, bucket: Bucket) -> None:
        """Keep what a template was compiled to."""
        if bucket.code is not None:
            self._code[bucket.key, bucket.checksum] = bucket.code


COMPILED = CompiledTemplates()


def data_docs(suite_result: Any) -> str:
    """The page."""
    from great_expectations.render.renderer import ValidationResultsPageRenderer

    escaped_result = copy.deepcopy(suite_result)
    escaped_result.meta = {"batch_kwargs": {"data_asset_name": "the night's rows, as they came"}}
    for item in escaped_result.results:
        configuration = item.expectation_config
        is_telling = not item.success and configuration.type != NOT_NULL
        told = item.result if is_telling else _without_examples(item.result)
        item.result = escaped(told)
        item.exception_info = escaped(item.exception_info)
        configuration.kwargs = escaped(configuration.kwargs)
    page = ValidationResultsPageRenderer(run_info_at_end=True).render(escaped_result)
    # The last section says how and when the rows were handed over.
    page.sections.pop()
    page.page_title = f"Validation of {escaped(suite_result.suite_name)}"
    view = _view()
    rendered = str(view.render(page))
    html_page = TYPE_LIMITS.sub(FINITE, rendered)
    return with_policy(html_page)


def compile_templates() -> None:
    """Compile now what the page is made of."""
    environment = _view().env
    for name in environment.list_templates(extensions=["j2"]):
        environment.get_template(name)


def _view() -> Any:
    with warnings.catch_warnings():
        # Of modules that Python has deprecated: nobody here can mend it.
        warnings.simplefilter("ignore")
        from great_expectations.render.view import DefaultJinjaPageView

    view = DefaultJinjaPageView()
    view.env.bytecode_cache = COMPILED
    return view


def _without_examples(result: dict[str, Any]) -> dict[str, Any]:
    """Counts and shares stay."""
    return {name: value for name, value in result.items() if name not in EXAMPLES}


def escaped(content: Any) -> Any:
    """The same lists and objects with texts that a page may hold; names of fields are Great Expectations' own."""
    if isinstance(content, str):
        short = content if len(content) <= LONGEST_TEXT else f"{content[:LONGEST_TEXT]}..."
        return html.escape(plain(short))
    if isinstance(content, dict):
        return {name: escaped(value) for name, value in content.items()}
    if isinstance(content, list | tuple | set):
        return [escaped(value) for value in content]
    return content


def with_policy(page: str) -> str:
    """The page with the policy at its head, before anything that it would forbid."""
    policy = f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">'
    head = HEAD + policy
    return page.replace(HEAD, head, 1)
