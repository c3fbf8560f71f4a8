"""What a joined night is trusted by."""

from nightshift.code_digest import import_closure
from nightshift.steps import _join_cache as join_cache

MAKES_A_NIGHT = {
    "nightshift.modelling.labelled_night",
    "nightshift.stores.lake",
    "nightshift.stores.parquet",
    "nightshift.stores.types",
}


def test_what_joins_and_writes_is_in_the_digest_and_no_step_or_trainer_is() -> None:
    closure = set(import_closure(join_cache.CODE))
    assert closure >= MAKES_A_NIGHT
    assert {name.split(".")[1] for name in closure if name.count(".") > 1} == {
        "contracts", "modelling", "s3", "spec", "stores",
    }  # fmt: skip
    assert {name for name in closure if name.startswith("nightshift.modelling.")} == {join_cache.CODE}
