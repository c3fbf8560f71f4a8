"""What a shard's key and layout depend on."""

from collections import Counter
from collections.abc import Callable
from dataclasses import asdict, replace
from importlib.metadata import PackageNotFoundError, version

import pytest

from nightshift.code_digest import code_digest, import_closure
from nightshift.contracts import CanaryPin, Pin, Plan, Shard
from nightshift.scoring import shards
from nightshift.scoring.shards import CODE, ShardFile, first_rows, night_digest, package_versions, shard_file
from nightshift.spec import ModelSpec

SHARD = Shard(0, "validated", "cd" * 32, 0, 2, 90)
MAKES_ROWS = {
    "nightshift.concurrency",
    "nightshift.modelling.inputs",
    "nightshift.modelling.label_types.binary",
    "nightshift.profiles.bins",
    "nightshift.scoring.engine",
    "nightshift.steps.score",
    "nightshift.stores.parquet",
    "nightshift.stores.types",
}


@pytest.fixture
def plan(spec: ModelSpec) -> Plan:
    pin = Pin(spec.name, "3", "run", "ab" * 32, "graph", "5f.dir", "2024-01-10")
    return Plan(spec.name, "2024-01-11", pin, "generation", "input", 90, None, [SHARD])


@pytest.fixture
def install(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """``install(numpy="2.0")``: another version, or with None no installation, of some packages."""

    def do(**versions: str | None) -> None:
        named = {name.replace("_", "-"): number for name, number in versions.items()}

        def found(name: str) -> str:
            number = named.get(name, version(name) if name not in named else None)
            if number is None:
                raise PackageNotFoundError(name)
            return number

        monkeypatch.setattr(shards, "version", found)
        shards.package_versions.cache_clear()

    yield do
    shards.package_versions.cache_clear()


def test_what_makes_rows_is_in_the_digest_and_what_trains_is_not() -> None:
    closure = set(import_closure(*shards.CODE))
    assert closure >= MAKES_ROWS
    assert {name.split(".")[1] for name in closure if name.count(".") > 1} == {
        "contracts", "modelling", "profiles", "s3", "scoring", "spec", "steps", "stores",
    }  # fmt: skip
    assert not [name for name in closure if name.startswith("nightshift.training")]
    assert {name for name in closure if name.startswith("nightshift.steps.")} == {"nightshift.steps.score"}


@pytest.mark.parametrize("package", ["numpy", "onnxruntime", "pyarrow"])
def test_another_version_of_what_computes_is_another_shard(
    package: str, spec: ModelSpec, plan: Plan, install: Callable[..., None]
) -> None:
    before = shard_file(spec, plan, SHARD)
    install(**{package: "0.0.1"})
    assert shard_file(spec, plan, SHARD).key != before.key


def test_a_shard_has_a_key_where_only_another_onnx_runtime_is_installed(
    spec: ModelSpec, plan: Plan, install: Callable[..., None]
) -> None:
    """``onnxruntime-gpu`` brings the module ``onnxruntime`` without a distribution of that name."""
    before = shard_file(spec, plan, SHARD)
    install(onnxruntime=None, onnxruntime_gpu="1.27.0")
    assert shard_file(spec, plan, SHARD).key != before.key


def test_a_key_depends_on_input_range_version_and_spec_but_not_on_how_a_night_is_cut(
    spec: ModelSpec, plan: Plan, change: Callable[..., ModelSpec]
) -> None:
    others = [
        shard_file(spec, plan, SHARD),
        shard_file(spec, plan, replace(SHARD, sha256="0" * 64)),
        shard_file(spec, plan, replace(SHARD, last=1)),
        shard_file(spec, replace(plan, pin=replace(plan.pin, version="4")), SHARD),
        shard_file(change(spec, predict={"threshold": 0.9}), plan, SHARD),
    ]
    assert len({file.key for file in others}) == len(others)
    assert shard_file(change(spec, predict={"shard_rows": 7}), plan, SHARD) == others[0]
    assert shard_file(spec, plan, replace(SHARD, index=3)) == others[0]


def test_the_keys_of_a_night_are_others_with_another_canary_and_what_they_were_without_one(
    spec: ModelSpec, plan: Plan, change: Callable[..., ModelSpec]
) -> None:
    canary = CanaryPin(replace(plan.pin, version="4"), 0.1, 7)
    plans = [
        plan,
        replace(plan, canary=canary),
        replace(plan, canary=replace(canary, share=0.2)),
        replace(plan, canary=replace(canary, number=8)),
        replace(plan, canary=replace(canary, threshold=0.3)),
        replace(plan, canary=replace(canary, pin=replace(plan.pin, version="5"))),
    ]
    keys = {shard_file(spec, one, SHARD).key for one in plans}
    assert len(keys) == len(plans)
    # By the formula of before there were canaries.
    before = shards._digest(
        shards.FORMAT,
        plan.input_digest,
        asdict(plan.pin),
        shards._relevant(spec),
        code_digest(*CODE),
        package_versions(),
    )
    assert night_digest(spec, plan) == before
    assert night_digest(change(spec, canary={"share": 0.2}), plan) == before


def test_one_call_gives_the_key_and_the_layout(spec: ModelSpec, plan: Plan) -> None:
    file = shard_file(spec, plan, SHARD)
    night = night_digest(spec, plan)
    rows = SHARD.rows
    assert file == ShardFile(file.key, first_rows(night, rows), shards.empty_groups(night, rows))
    assert 1 <= file.first_rows <= rows


@pytest.mark.parametrize(("rows", "most"), [(1, 0.05), (2, 0.04), (10, 0.01), (100, 0.002)])
def test_nights_of_few_rows_are_laid_out_alike_seldom(rows: int, most: float) -> None:
    nights = [shards._digest(number) for number in range(2_000)]
    layouts = Counter((first_rows(night, rows), shards.empty_groups(night, rows)) for night in nights)
    alike = sum(count * (count - 1) for count in layouts.values())
    assert alike / (2_000 * 1_999) < most


def test_a_night_of_many_rows_begins_with_no_empty_row_group() -> None:
    assert {shards.empty_groups(shards._digest(number), 1_000) for number in range(50)} == {0}
