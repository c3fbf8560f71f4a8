"""Facts of a step, a line each, and no value broken."""

import pytest

from nightshift.cli.output import say

URL = "http://127.0.0.1:5000/#/experiments/1/runs/" + "0123456789abcdef" * 12


@pytest.mark.parametrize("columns", ["20", "80"])
def test_no_value_is_broken_whatever_the_width(
    columns: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", columns)
    monkeypatch.setenv("NO_COLOR", "1")
    say({"model": "churn", "training": {"mlflow_url": URL, "reason": "a b " * 60}, "brackets": "[bold]x[/bold]"})
    assert capsys.readouterr().out.splitlines() == [
        "model         churn",
        "training",
        f"  mlflow_url  {URL}",
        "  reason      " + ("a b " * 60).rstrip(),
        "brackets      [bold]x[/bold]",
    ]
