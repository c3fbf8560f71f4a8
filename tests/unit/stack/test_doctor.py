"""The doctor refuses stores that break a promise; what it says of packages and disk."""

import threading
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from nightshift.errors import LakeUnavailable, StackError
from nightshift.settings import Settings
from nightshift.stack import Ports, doctor
from nightshift.stack.doctor import Scratch, create_race, listing, ranges, require_trusted, swap_race
from nightshift.stack.findings import DoctorResult
from nightshift.stack.host_checks import disk, packages, services


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

    def get(self, key: str, **options: str) -> bytes:
        body = self.objects[key]
        if self.loses or "Range" not in options:
            return body
        first, _, last = options["Range"].removeprefix("bytes=").partition("-")
        return body[int(first) : int(last) + 1] if first else body[-int(last) :]

    def keys(self, under: str = "") -> list[str]:
        return sorted(key for key in self.objects if key.startswith(under) and key != self.loses)


def test_a_store_that_keeps_its_word_passes() -> None:
    area = Careless()
    results = [create_race(area, rounds=2), swap_race(area, rounds=2), listing(area, count=50), ranges(area)]
    assert [finding.result for finding in results] == ["ok"] * 4
    require_trusted(results)


@pytest.mark.parametrize("race", [create_race, swap_race])
def test_a_store_with_two_winners_is_refused(race) -> None:
    finding = race(Careless(keeps=False), rounds=2)
    assert finding.result == "failed"
    assert finding.seen == "2 of 2 rounds had [16, 16] winners among 16 writers"
    with pytest.raises(StackError, match=f"cannot be trusted with a commit: {finding.check}"):
        require_trusted([finding])


def test_lost_keys_and_wrong_ranges_are_seen() -> None:
    area = Careless(loses="list/00007")
    assert listing(area, count=50).seen == "49 keys listed of 50, 1 missing"
    assert ranges(area).result == "failed"
    require_trusted([listing(area, count=50)])


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
