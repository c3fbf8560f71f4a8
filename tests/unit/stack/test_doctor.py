"""The doctor refuses stores that break a promise; what it says of packages and disk."""

import threading
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from nightshift.errors import LakeUnavailable, StackError
from nightshift.s3.scratch import Scratch
from nightshift.settings import Settings
from nightshift.stack import Ports, doctor
from nightshift.stack.doctor import require_trusted
from nightshift.stack.findings import DoctorResult
from nightshift.stack.host_checks import disk, packages, services
from nightshift.stores.objects import Objects
from tests import careless
from tests.careless import Hand


@dataclass(frozen=True)
class Careless(Scratch):
    """A store in memory; ``keeps`` says whether conditions hold, ``loses`` which key listings forget."""

    client: object = None
    bucket: str = "b"
    prefix: str = ""
    keeps: bool = True
    loses: str = ""
    objects: dict[str, bytes] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def put(self, key: str, body: bytes, **conditions: str) -> str | None:
        with self.lock:
            there = self.objects.get(key)
            if self.keeps and conditions.get("IfNoneMatch") and there is not None:
                return None
            if self.keeps and conditions.get("IfMatch") and conditions["IfMatch"] != repr(there):
                return None
            self.objects[key] = body
            return repr(body)

    def copy(self, source: str, key: str, **conditions: str) -> str | None:
        return self.put(key, self.objects[source], **conditions)

    def get(self, key: str, **options: str) -> bytes:
        body = self.objects[key]
        if self.loses or "Range" not in options:
            return body
        first, _, last = options["Range"].removeprefix("bytes=").partition("-")
        return body[int(first) : int(last) + 1] if first else body[-int(last) :]

    def keys(self, under: str = "") -> list[str]:
        return sorted(key for key in self.objects if key.startswith(under) and key != self.loses)


def examined(area: Scratch) -> dict[str, DoctorResult]:
    return {finding.check: finding for finding in (probe.examine(area) for probe in doctor.PROBES)}


def test_a_store_that_keeps_its_word_passes() -> None:
    results = examined(Careless())
    assert {finding.result for finding in results.values()} == {"ok"}
    assert list(results)[:3] == ["conditional create", "conditional swap", "conditional copy"]
    require_trusted(list(results.values()))


def test_a_store_with_two_winners_is_refused_and_one_that_copies_so_is_not() -> None:
    results = examined(Careless(keeps=False))
    for check in ("conditional create", "conditional swap"):
        assert results[check] == DoctorResult(check, "failed", "20 of 20 rounds had 16 winners among 16 writers", True)
        with pytest.raises(StackError, match=f"cannot be trusted with a commit: {check}"):
            require_trusted([results[check]])
    copy = results["conditional copy"]
    assert copy.result == "warning"
    assert copy.seen.endswith("readers of the plain prefix may be set back for one run at most")
    require_trusted([copy])


def test_lost_keys_and_wrong_ranges_are_seen() -> None:
    results = examined(Careless(loses="list/00007"))
    assert results["list after write"].seen == "999 keys listed of 1,000, 1 missing"
    assert results["range reads"].result == "failed"
    require_trusted(list(results.values()))


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "ROUNDS", 2)
    monkeypatch.setattr(doctor, "WRITERS", 4)
    monkeypatch.setattr(doctor, "KEYS", 20)


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize(
    ("hand", "create", "swap", "copy"),
    [
        (careless.honest, "ok", "ok", "warning"),
        (careless.deaf, "failed", "failed", "warning"),
        (careless.breaking("HTTP_IF_NONE_MATCH"), "unknown", "ok", "warning"),
        (careless.breaking(careless.COPY), "ok", "ok", "unknown"),
        (careless.breaking("HTTP_IF_MATCH", status="501 No", code="NotImplemented"), "ok", "failed", "warning"),
    ],
    ids=["moto", "conditions never arrive", "500 on create", "500 on copies", "501 on a swap"],
)
def test_a_probe_that_breaks_hides_no_verdict_of_the_others(
    hand: Hand, create: str, swap: str, copy: str, tmp_path: Path
) -> None:
    with careless.s3(hand) as server:
        here = server.settings(tmp_path)
        findings = doctor.store(here)
        assert list(Objects(here, here.lake).keys("")) == []
    assert [finding.result for finding in findings] == [create, swap, copy, "ok", "ok"]
    broken = [finding for finding in findings if finding.result == "unknown"]
    assert all("InternalError" in finding.seen for finding in broken)
    if {create, swap} == {"ok"}:
        require_trusted(findings)
    else:
        with pytest.raises(StackError):
            require_trusted(findings)


def settings(home: Path, **values: object) -> Settings:
    return Settings.model_validate({"project": home, "home": home, **values})


def test_a_store_that_is_away_is_one_clear_error(tmp_path: Path) -> None:
    port = Ports.free().s3
    away = settings(tmp_path, endpoint=f"http://127.0.0.1:{port}", access_key="k", secret_key="s")
    with pytest.raises(LakeUnavailable, match=f"127.0.0.1:{port} does not answer"):
        doctor.store(away)


def test_services_that_are_away_are_warnings(tmp_path: Path) -> None:
    port = Ports.free().mlflow
    results = services(settings(tmp_path, mlflow_uri=f"http://127.0.0.1:{port}"))
    assert [(finding.check, finding.result) for finding in results] == [("MLflow", "warning"), ("Airflow", "warning")]
    assert "does not answer" in results[0].seen
    assert "no URL" in results[1].seen


def test_packages_are_compared_with_the_pins(tmp_path: Path) -> None:
    assert packages(tmp_path) == []
    (tmp_path / "constraints.txt").write_text(f"# known\npytest=={pytest.__version__}\nnot-here==1.0 ; extra\n")
    assert packages(tmp_path) == [DoctorResult("packages", "ok", "as in constraints.txt (2 pins)")]
    (tmp_path / "constraints.txt").write_text("pytest==0.1\n")
    assert packages(tmp_path)[0].result == "warning"
    assert f"pytest {pytest.__version__}, not 0.1" in packages(tmp_path)[0].seen


def test_disk_is_looked_at_before_the_home_exists(tmp_path: Path) -> None:
    assert f"GiB free at {tmp_path}" in disk(tmp_path / "not" / "yet").seen
