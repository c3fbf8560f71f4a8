"""The page at ``/docs``: which columns a row has, and how to ask for its score. It fetches nothing from elsewhere."""

import json
from functools import cache

from jinja2 import Environment, PackageLoader, StrictUndefined, Template

from nightshift.serving.examples import example_value
from nightshift.serving.openapi import row_request, tensors
from nightshift.serving.protocol import datatype
from nightshift.serving.version import ServedVersion

HTML = "text/html; charset=utf-8"


def render(version: ServedVersion) -> bytes:
    """The page for the version that answers."""
    spec = version.spec
    columns = []
    for name in spec.features:
        column = spec.columns[name]
        columns.append((name, column, datatype(column), json.dumps(example_value(column))))
    text = _template().render(
        spec=spec,
        pin=version.pin,
        agreement=version.agreement,
        columns=columns,
        row=json.dumps(row_request(spec)),
        tensors=json.dumps(tensors(spec)),
    )
    return text.encode()


@cache
def _template() -> Template:
    loader = PackageLoader("nightshift.serving", "")
    environment = Environment(loader=loader, autoescape=True, undefined=StrictUndefined)
    return environment.get_template("docs.html.j2")
