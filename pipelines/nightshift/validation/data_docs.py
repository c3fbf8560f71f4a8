"""The Data Docs page of a night: Great Expectations renders it, of texts that hold no markup any more.

Its templates put values of the data into the page as they are. So all texts of the results are escaped before, and the
page says itself that nothing of it may run or be loaded, wherever it is opened.
"""

import copy
import html
from types import CodeType
from typing import Any

from jinja2 import BytecodeCache
from jinja2.bccache import Bucket

from nightshift.errors import plain

LONGEST_TEXT = 500
POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none';"
    " script-src 'none'; frame-src 'none'"
)
HEAD = "<head>"


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
    from great_expectations.render.view import DefaultJinjaPageView

    escaped_result = copy.deepcopy(suite_result)
    for item in escaped_result.results:
        configuration = item.expectation_config
        item.result = escaped(item.result)
        item.exception_info = escaped(item.exception_info)
        configuration.kwargs = escaped(configuration.kwargs)
    page = ValidationResultsPageRenderer().render(escaped_result)
    view = DefaultJinjaPageView()
    view.env.bytecode_cache = COMPILED
    return with_policy(str(view.render(page)))


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
