"""What reads figures and logs elsewhere: rules, dashboards and shippers are well-formed and name what there is."""

import json
import logging
import re
import shutil
import subprocess
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.dashboard import Dashboard

from nightshift import logs
from nightshift.figures.catalogue import FIGURES

ROOT = Path(__file__).parents[3]
FOLDER = ROOT / "docker" / "monitoring"
LABELS = {figure.name: set(figure.labels) for figure in FIGURES}
DASHBOARDS = sorted((FOLDER / "grafana").glob("*.json"))
RULES = yaml.safe_load((FOLDER / "rules.yml").read_text())["groups"][0]["rules"]
MATCHED = re.compile(r"(nightshift_\w+)(?:\{([^}]*)\})?")
ASKED = re.compile(r"(\w+)\s*=")
WITHOUT_PROMTOOL = "promtool is not installed: Debian has it in the package prometheus"
promtool = pytest.mark.skipif(shutil.which("promtool") is None, reason=WITHOUT_PROMTOOL)
each_dashboard = pytest.mark.parametrize("file", DASHBOARDS, ids=lambda file: file.stem)


def dashboard(file: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(file.read_text())
    return content


def unknown(expression: str) -> Iterator[str]:
    """Figures of an expression that there are not, and labels that they do not have."""
    for name, matchers in MATCHED.findall(expression):
        if name not in LABELS:
            yield name
        else:
            yield from (f"{name}{{{label}}}" for label in ASKED.findall(matchers) if label not in LABELS[name])


def expressions(file: Path) -> list[str]:
    content = dashboard(file)
    asked = [target["expr"] for panel in content["panels"] for target in panel["targets"]]
    return asked + [variable["query"] for variable in content["templating"]["list"] if variable["type"] == "query"]


def ran(*words: str) -> str:
    done = subprocess.run(words, cwd=FOLDER, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_a_figure_or_a_label_that_is_gone_is_seen() -> None:
    asked = 'nightshift_gone + nightshift_night_rows{model="m", night="n"}'
    assert list(unknown(asked)) == ["nightshift_gone", "nightshift_night_rows{night}"]


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule["alert"])
def test_a_rule_names_figures_that_there_are_and_where_it_is_explained(rule: dict[str, Any]) -> None:
    assert list(unknown(rule["expr"])) == []
    assert rule["labels"]["severity"] in {"page", "ticket"}
    page, _, heading = rule["annotations"]["runbook"].partition("#")
    headings = re.findall(r"^## (.+)$", (ROOT / page).read_text(), re.MULTILINE)
    assert heading in {title.lower().replace(" ", "-") for title in headings}


def test_the_runbook_has_a_row_for_every_alert_of_a_figure() -> None:
    runbook = (ROOT / "docs" / "runbook.md").read_text()
    assert [rule["alert"] for rule in RULES if f"*{rule['alert']}*" not in runbook] == []


@promtool
def test_promtool_reads_the_rules_and_each_of_them_does_what_its_tests_say() -> None:
    assert f"{len(RULES)} rules found" in ran("promtool", "check", "rules", "rules.yml")
    ran("promtool", "check", "config", "--syntax-only", "prometheus.yml")
    assert "SUCCESS" in ran("promtool", "test", "rules", "rules_test.yml")


def test_every_rule_is_tested_to_fire_and_to_be_quiet() -> None:
    fires: set[str] = set()
    is_quiet: set[str] = set()
    for test in yaml.safe_load((FOLDER / "rules_test.yml").read_text())["tests"]:
        for expected in test["alert_rule_test"]:
            (fires if expected.get("exp_alerts") else is_quiet).add(expected["alertname"])
    assert fires == is_quiet == {rule["alert"] for rule in RULES}


@each_dashboard
def test_a_dashboard_asks_for_figures_that_there_are(file: Path) -> None:
    assert [fault for expression in expressions(file) for fault in unknown(expression)] == []


def test_every_figure_of_a_model_is_on_a_dashboard() -> None:
    shown = {name for file in DASHBOARDS for expression in expressions(file) for name, _ in MATCHED.findall(expression)}
    assert set(LABELS) - shown == NOT_SHOWN


NOT_SHOWN = {
    # Of which version serves, since when a model is known, and what the age beside it says already.
    "nightshift_build_info",
    "nightshift_model_last_success_timestamp_seconds",
    "nightshift_champion_trained_through_timestamp_seconds",
    "nightshift_champion_max_age_seconds",
}


@each_dashboard
def test_grafana_s_own_types_take_a_dashboard_and_lose_nothing_of_it(file: Path) -> None:
    content = dashboard(file)
    again = json.loads(JSONEncoder().encode(Dashboard.from_json(content)))
    assert lost(content, again) == []


def lost(given: Any, kept: Any, where: str = "") -> list[str]:
    """Where something that was given is not kept."""
    if isinstance(given, dict) and isinstance(kept, dict):
        inner = [(f"{where}/{name}", value, kept.get(name)) for name, value in given.items()]
    elif isinstance(given, list) and isinstance(kept, list) and len(given) == len(kept):
        inner = [(f"{where}/{place}", *pair) for place, pair in enumerate(zip(given, kept, strict=True))]
    else:
        return [] if given == kept else [where]
    return [path for place, one, other in inner for path in lost(one, other, place)]


def test_a_key_that_grafana_does_not_know_is_seen() -> None:
    content = dashboard(DASHBOARDS[0]) | {"tittle": "x"}
    assert lost(content, json.loads(JSONEncoder().encode(Dashboard.from_json(content)))) == ["/tittle"]


@each_dashboard
def test_panels_have_room_and_names_of_their_own(file: Path) -> None:
    panels = dashboard(file)["panels"]
    cells: set[tuple[int, int]] = set()
    for panel in panels:
        place = panel["gridPos"]
        own = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert max(x for x, _ in own) < 24
        assert not cells & own, panel["title"]
        cells |= own
        assert panel["title"]
        assert panel["description"].endswith(".")
        references = [target["refId"] for target in panel["targets"]]
        assert len(set(references)) == len(references) > 0
    assert len({panel["id"] for panel in panels}) == len(panels)


# Shippers of logs


def line_of_a_command() -> dict[str, Any]:
    """All that a line may say."""
    record = logging.makeLogRecord({"name": "nightshift", "msg": "done", **dict.fromkeys(logs.MORE, 1)})
    try:
        logs.bind(**dict.fromkeys(logs.FIELDS, "x"))
        line: dict[str, Any] = json.loads(logs.JsonLines().format(record))
    finally:
        logs.forget()
    return line


def test_vector_s_file_parses_and_takes_fields_that_lines_have() -> None:
    content = tomllib.loads((FOLDER / "shippers" / "vector-opensearch.toml").read_text())
    transform = content["transforms"]["documents"]
    assert set(transform["inputs"]) == set(content["sources"])
    assert content["sinks"]["opensearch"]["inputs"] == ["documents"]
    taken = set(re.findall(r"line\.(\w+)", transform["source"]))
    # Airflow's tasks say when and what by other names.
    assert taken - {"timestamp", "event"} <= set(line_of_a_command())
    assert set(content["sinks"]["opensearch"]["auth"].values()) == {
        "basic",
        "${OPENSEARCH_USER}",
        "${OPENSEARCH_PASSWORD}",
    }


def test_fluent_bit_s_file_parses_and_its_labels_are_bounded() -> None:
    content = yaml.safe_load((FOLDER / "shippers" / "fluent-bit-loki.yaml").read_text())
    parsers = {parser["name"]: parser for parser in content["parsers"]}
    assert {entry["parser"] for entry in content["pipeline"]["inputs"]} == set(parsers)
    line = line_of_a_command()
    assert parsers["commands"]["time_key"] in line
    (loki,) = content["pipeline"]["outputs"]
    assert set(re.findall(r"\$(\w+)", loki["label_keys"])) == {"model", "level"} <= set(line)
    looked_up = re.findall(r"(\w+)=\$(\w+)", loki["structured_metadata"])
    assert {name for pair in looked_up for name in pair} == set(logs.FIELDS) - {"model"}
    assert loki["http_passwd"] == "${LOKI_PASSWORD}"
