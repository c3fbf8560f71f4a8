"""What was compiled for all tasks at once is compiled by none of them."""

import pytest
from jinja2 import Environment

from nightshift.monitoring import templates
from nightshift.validation import data_docs


def refused(*_: object) -> None:
    raise AssertionError("compiled again")


def test_templates_that_are_compiled_are_not_compiled_again(monkeypatch: pytest.MonkeyPatch) -> None:
    templates.compile_templates()
    data_docs.compile_templates()
    monkeypatch.setattr(Environment, "_generate", refused)
    report = templates.template_of("report.html.j2")
    for included in ("report/charts.html.j2", "report/matters.html.j2", "report/night.css.j2", "style.css.j2"):
        assert report.environment.get_template(included)
    page_of_great_expectations = data_docs._view().env.get_template("page.j2")
    assert page_of_great_expectations.render
