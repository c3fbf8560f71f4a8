"""Where everything lies in the bucket; and that nobody but ``layout`` spells a key."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from nightshift.contracts import Dataset, PartitionKey
from nightshift.stores import layout

NIGHT = PartitionKey(Dataset.PREDICTIONS, "orders", "day", "2024-01-12")
SHARD = "generations/predictions/orders/2024-01-12/shards/0a1b.parquet"
TOP = (
    "manifests",
    "generations",
    "models",
    "monitoring",
    "ledger",
    "snapshots",
    "reports",
    "cache",
    "launches",
    *Dataset,
)
KEYS = {
    layout.manifests(Dataset.RAW, "orders"): "manifests/raw/orders/",
    layout.manifests_of_column(Dataset.RAW, "orders", "day"): "manifests/raw/orders/day=",
    layout.manifest(NIGHT): "manifests/predictions/orders/day=2024-01-12.json",
    layout.generations(Dataset.QUARANTINE, "orders"): "generations/quarantine/orders/",
    layout.maintained("orders", Dataset.RAW): "cache/maintain/orders/raw.json",
    layout.night_facts("orders", "2024"): "cache/nights/orders/2024.json",
    layout.served_of_column(Dataset.RAW, "orders", "day"): "raw/orders/day=",
    layout.validations_of_column("orders", "day"): "reports/validation/orders/day=",
    layout.generation_file(NIGHT, "9f", 3): "generations/predictions/orders/2024-01-12/9f/part-00003.parquet",
    layout.shard(Dataset.PREDICTIONS, "orders", "2024-01-12", "0a1b"): SHARD,
    layout.shard(Dataset.SHADOW, "orders", "2024-01-12", "0a1b"): SHARD.replace("predictions", "shadow"),
    layout.shard_result(SHARD): "generations/predictions/orders/2024-01-12/shards/0a1b.json",
    layout.shard_sample(SHARD): "generations/predictions/orders/2024-01-12/shards/0a1b.sample",
    layout.sample(NIGHT, "9f"): "generations/predictions/orders/2024-01-12/9f/_sample.parquet",
    layout.served(Dataset.VALIDATED, "orders"): "validated/orders/",
    layout.served_night(NIGHT): "predictions/orders/day=2024-01-12/",
    layout.served_file(NIGHT, 0): "predictions/orders/day=2024-01-12/part-00000.parquet",
    layout.validations("orders"): "reports/validation/orders/",
    layout.validation_result(NIGHT): "reports/validation/orders/day=2024-01-12/result.json",
    layout.data_docs(NIGHT): "reports/validation/orders/day=2024-01-12/data_docs.html",
    layout.drift(NIGHT): "monitoring/orders/day=2024-01-12/_drift.json",
    layout.drift_report(NIGHT): "monitoring/orders/day=2024-01-12/_report.html",
    layout.accuracy("orders", "2024-01-12"): "monitoring/orders/_accuracy/2024-01-12.json",
    layout.canary_night("orders", "2024-01-12"): "monitoring/orders/_canary/2024-01-12.json",
    layout.canary_night("orders", "2024-01-12", ".html"): "monitoring/orders/_canary/2024-01-12.html",
    layout.shadow_night("orders", "2024-01-12"): "monitoring/orders/_shadow/2024-01-12.json",
    layout.shadow_night("orders", "2024-01-12", ".html"): "monitoring/orders/_shadow/2024-01-12.html",
    layout.replayed_nights("orders"): "monitoring/orders/_replayed/",
    layout.replayed("orders", "2024-01-12"): "monitoring/orders/_replayed/2024-01-12.json",
    layout.requests_file("orders", "2024-01-12", "x"): "requests/orders/arrived=2024-01-12/x.parquet",
    layout.decisions("orders"): "monitoring/orders/_decisions/",
    layout.decision("orders", "2024-01-12"): "monitoring/orders/_decisions/2024-01-12.json",
    layout.graph("orders", "ab"): "models/orders/ab/model.onnx",
    layout.profile("orders", "ab"): "models/orders/ab/profile.json",
    layout.profile("orders", "ab", "cd"): "models/orders/ab/profile-cd.json",
    layout.reference("orders", "ab", "cd"): "models/orders/ab/reference-cd.json",
    layout.reference_rows("orders", "ab", "cd"): "models/orders/ab/reference-cd.parquet",
    layout.replay("orders", "ab"): "models/orders/replays/ab.json",
    layout.search("orders", "ab"): "models/orders/searches/ab.json",
    layout.trials("orders", "ab"): "models/orders/searches/ab/",
    layout.trial("orders", "ab", 3): "models/orders/searches/ab/000003.json",
    layout.beginning("orders", "ab", 3, 1): "models/orders/begun/ab/000003-1.json",
    layout.versions("orders"): "versions/orders/",
    layout.versions("orders", "3"): "versions/orders/3/",
    layout.asked("orders", "ab"): "asked/orders/ab.json",
    layout.ledger("orders"): "ledger/orders/",
    layout.ledger_entry(layout.ledger("orders"), 12): "ledger/orders/000012.json",
    layout.ledger_head(layout.ledger("orders")): "ledger/orders/head.json",
    layout.retrains("orders"): "ledger/orders/retrains/",
    layout.checkpoint("orders", "whole-ab"): "checkpoints/orders/whole-ab.bin",
    layout.join_cache("orders"): "snapshots/orders/nights.json",
}


@pytest.mark.parametrize(("key", "promised"), KEYS.items(), ids=KEYS.values())
def test_every_key_lies_where_the_lakes_of_today_have_it(key: str, promised: str) -> None:
    assert key == promised


def test_a_launch_is_of_no_model_and_all_of_it_lies_under_one_prefix() -> None:
    assert layout.launched_calls("ab") == "launches/ab/calls.json"
    assert layout.call_outcome("ab", "j-1", 3) == "launches/ab/j-1/000003.json"
    assert layout.call_outcome("ab", "j-1", 3).startswith(layout.launch("ab"))


@pytest.mark.parametrize(
    "key", [layout.manifest(NIGHT), layout.served_file(NIGHT, 0), layout.drift(NIGHT), layout.data_docs(NIGHT)]
)
def test_a_key_tells_the_night_it_is_of(key: str) -> None:
    assert layout.night_in(key, NIGHT.dataset, NIGHT.model) == NIGHT


@pytest.mark.parametrize("name", ["day=2024-02-30", "day=", "=2024-01-12", "2024-01-12", "day=2024-01-12x", "x"])
def test_what_is_no_night_is_not_taken_for_one(name: str) -> None:
    for key in (f"manifests/raw/orders/{name}.json", f"raw/orders/{name}/part-00000.parquet"):
        assert layout.night_in(key, Dataset.RAW, "orders") is None


def test_the_night_of_a_generation_and_of_a_decision_can_be_read_back() -> None:
    assert layout.generation_of(SHARD)[-1] == "2024-01-12"
    assert layout.generation_of(layout.generation_file(NIGHT, "9f", 0))[-1] == "2024-01-12"
    assert layout.night_of_decision(layout.decision("orders", "2024-01-12")) == "2024-01-12"


def texts(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """The beginning of every text and f-string of a module, but of its docstrings."""
    inside = {id(part) for node in ast.walk(tree) if isinstance(node, ast.JoinedStr) for part in node.values}
    inside |= {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            yield node.lineno, ast.unparse(node).removeprefix("f")[1:]
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in inside:
            yield node.lineno, node.value


def spelt(source: str) -> list[int]:
    """The lines on which a key of the bucket begins."""
    starts = [f"{prefix}/" for prefix in TOP] + [f"{{Dataset.{dataset.name}}}/" for dataset in Dataset]
    return [line for line, text in texts(ast.parse(source)) if text.startswith(tuple(starts))]


@pytest.mark.parametrize(
    "line", ['x = "ledger/"', 'f"raw/{model}/"', "f'models/{m}/x'", 'f"{Dataset.RAW}/{model}/"', 'get("reports/a")']
)
def test_a_spelt_key_is_seen(line: str) -> None:
    assert spelt(line if line.startswith(("x", "get")) else f"x = {line}") == [1]


@pytest.mark.parametrize("line", ['"""ledger/<model>/, and on"""', 'x = f"look at labels/{name}"', 'x = "raw"'])
def test_what_only_names_a_place_is_no_key(line: str) -> None:
    assert spelt(line) == []


def test_nobody_but_the_layout_spells_a_key(repository: Path) -> None:
    package = repository / "pipelines" / "nightshift"
    found = {file.relative_to(package).as_posix(): spelt(file.read_text()) for file in package.rglob("*.py")}
    assert found.pop("stores/layout.py")
    for handed_on in (
        "stores/training_keys.py",
        "stores/cache_keys.py",
        "stores/launch_keys.py",
        "stores/request_keys.py",
    ):
        assert found.pop(handed_on), "which the map hands on"
    assert {name: lines for name, lines in found.items() if lines} == {}


@pytest.mark.parametrize("key", KEYS.values())
def test_a_key_says_whose_it_is_by_its_place(key: str) -> None:
    assert layout.model_of(key) == "orders"


@pytest.mark.parametrize("word", ["manifests", "generations", "raw", "predictions", "shards", "models", "cache", "a"])
def test_a_model_named_like_a_word_of_the_lake_is_told_from_it(word: str) -> None:
    assert {layout.model_of(key.replace("orders", word)) for key in KEYS.values()} == {word}
    assert {layout.model_of(f"{key}/{word}/x") for key in KEYS.values()} == {"orders"}


def test_a_plain_file_is_of_the_night_that_it_lies_right_in() -> None:
    for key, night in {
        "raw/orders/day=2024-01-12/part-00000.parquet": "2024-01-12",
        "raw/orders/x/day=2024-01-12/part-00000.parquet": None,
        "raw/orders/day=not-a-night/part-00000.parquet": None,
        "raw/orders/x.parquet": None,
    }.items():
        named = layout.plain_night(key, Dataset.RAW, "orders")
        assert (named and named.partition) == night


def test_the_address_of_a_manifest_names_its_night_and_no_other_key_does() -> None:
    key = PartitionKey(Dataset.RAW, "m", "day", "2024-01-01")
    assert layout.manifest_in(f"s3://lake/a/{layout.manifest(key)}") == key
    assert layout.manifest_in(layout.retraction(key)) is None
    assert layout.manifest_in(layout.served_file(key, 0)) is None
    assert layout.manifest_in("manifests/other/m/day=2024-01-01.json") is None


def test_a_place_under_another_column_differs_in_its_name_alone() -> None:
    key = PartitionKey(Dataset.PREDICTIONS, "day", "day", "2024-01-01")
    moved = PartitionKey(Dataset.PREDICTIONS, "day", "date", "2024-01-01")
    for place in (layout.manifest, layout.served_night, layout.drift, layout.data_docs):
        assert layout.with_column(place(key), "date") == place(moved)
