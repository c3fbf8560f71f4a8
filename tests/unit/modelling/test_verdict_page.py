"""The gate's table as a person reads it: nothing of the data is obeyed where it is shown."""

from nightshift.contracts import Verdict
from nightshift.markdown import as_markdown
from nightshift.modelling.verdict_page import verdict_page
from nightshift.spec import ModelSpec
from tests.unit.steps.test_approval import CANDIDATE

BAD = "a|b\n# {{ 7*7 }} {% raw %} <script>x</script> [y](http://evil) ![z](https://evil/i.png) www.evil www.x @~~"


def test_a_row_has_a_line_with_all_that_is_known_of_it(spec: ModelSpec) -> None:
    table = [
        {
            "name": "log_loss",
            "estimate": -0.01,
            "low": -0.02,
            "high": 0.001,
            "verdict": "inconclusive",
            "needed": "-0.012",
        },
        {"name": "size", "verdict": "ok", "limit": 3},
    ]
    verdict = Verdict(CANDIDATE, False, ["not shown"], "1", {"brier": 0.25}, table, inconclusive=True)
    page = verdict_page(spec, verdict)
    assert f"# {spec.name} version 2: inconclusive" in page
    assert "| log_loss | -0.01 | -0.02 | 0.001 | inconclusive | -0.012 |  |" in page
    assert "| size |  |  |  | ok |  | 3 |" in page
    assert "| brier | 0.25 |" in page


def test_a_long_table_is_cut_and_says_so(spec: ModelSpec) -> None:
    table = [{"name": f"slice {number}"} for number in range(70)]
    page = verdict_page(spec, Verdict(CANDIDATE, True, [], None, {}, table), most_rows=60)
    assert page.count("| slice ") == 60
    assert "10 more questions are in `gate.md`" in page


def test_what_the_data_hold_is_shown_as_it_is(spec: ModelSpec) -> None:
    table = [{"name": BAD, "verdict": BAD}]
    page = verdict_page(spec, Verdict(CANDIDATE, False, [BAD], None, {}, table))
    (row,) = [line for line in page.splitlines() if line.startswith("| a")]
    assert row.replace("\\|", "").count("|") == 7
    for obeyed in ("<script", "](", "://", " www.", "\n# {{"):
        assert obeyed not in page.replace("\\<script", "").replace("\\](", "")
    assert as_markdown("carrier=AA: log_loss +0.0100 (95 % interval)") == "carrier=AA: log_loss +0.0100 (95 % interval)"
