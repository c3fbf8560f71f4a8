"""A version that is judged again says of itself what its record says."""

from types import SimpleNamespace

from nightshift.contracts import Verdict
from nightshift.releases.judged import candidate_of, record_of, verdict_of
from nightshift.stores.versions import VersionRecord
from tests.champions import FACTS

KEPT_OF = {
    "fitted_through": "2024-01-11",
    "recipe_sha256": "r",
    "twin_sha256": "t",
    "twin_key": "models/m/t",
    "twin_fitted_through": "2024-01-04",
    "exact_sha256": "e",
    "replay_sha256": "p",
    "reference_sha256": "f",
    "search_sha256": "s",
    "threshold": 0.3,
    "threshold_rule": "costs of 1 and 4",
}


def test_a_record_of_before_verdicts_were_kept_makes_one_that_says_the_same(spec, monkeypatch):
    record = VersionRecord(
        **FACTS, **KEPT_OF, model=spec.name, version="2", gate="failed", reason="inconclusive", origin={}
    )
    stores = SimpleNamespace(versions=SimpleNamespace(record=lambda *_: record), origin={})
    assert verdict_of(record, stores) is None
    candidate = candidate_of(record, "2024-02-01", stores)
    assert candidate.trained.snapshot.as_of == "2024-02-01"
    monkeypatch.setattr("nightshift.stores.verdicts.keep", lambda *_: "")
    verdict = Verdict(candidate, promote=False, reasons=["inconclusive"], champion="1")
    assert record_of(verdict, "failed", stores) == record
