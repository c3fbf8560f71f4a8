"""tools/audit.py: a run that looked nothing up is no result, and what is installed is written down without paths."""

import json
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.scripts import load_script

ROOT = Path(__file__).parents[2]
CLEAN = {"name": "good", "version": "1", "vulns": []}
SKIPPED = {"name": "ours", "skip_reason": "Dependency not found on PyPI"}
BAD = {"name": "bad", "version": "2", "vulns": [{"id": "CVE-1", "fix_versions": ["3"]}]}


audit = load_script(ROOT / "tools" / "audit.py")


class Programs:
    """Answers in place of pip-audit, cyclonedx-py and docker."""

    def __init__(self, reports: dict[str, list[dict[str, Any]] | None], *, image: bool = False) -> None:
        self.reports = reports
        self.image = image
        self.asked: list[str] = []

    def __call__(self, words: Sequence[str]) -> "subprocess.CompletedProcess[str]":
        program = {"pip-audit": self._pip_audit, "cyclonedx-py": self._cyclonedx, "docker": self._docker}[words[0]]
        code, out = program(list(words))
        return subprocess.CompletedProcess(list(words), code, out, "ConnectionError: no such host")

    def _pip_audit(self, words: list[str]) -> tuple[int, str]:
        source = words[words.index("--vulnerability-service") + 1]
        self.asked.append(source)
        packages = self.reports.get(source)
        return (1, "") if packages is None else (0, json.dumps({"dependencies": packages}))

    def _cyclonedx(self, words: list[str]) -> tuple[int, str]:
        url = {"type": "distribution", "url": "file:///somebody/nightshift"}
        page = {"type": "website", "url": "https://example.org"}
        components = [{"name": "good", "externalReferences": [url, page]}, {"name": "bare"}]
        Path(words[words.index("--output-file") + 1]).write_text(json.dumps({"components": components}))
        return 0, ""

    def _docker(self, words: list[str]) -> tuple[int, str]:
        if "inspect" in words:
            return (0 if self.image else 1), ""
        if "dpkg-query" in words:
            return 0, "libc6 2.36-9\n"
        return 0, json.dumps([{"name": "good", "version": "1"}])


@pytest.fixture
def environment(tmp_path: Path) -> Path:
    (tmp_path / "lib" / "python3.11" / "site-packages").mkdir(parents=True)
    return tmp_path


def looked_up(environment: Path, **reports: Any) -> tuple[int, str]:
    looked = audit.look_up(environment, environment, Programs(reports))
    return audit.status(looked), audit.sentence(looked)


@pytest.mark.parametrize(
    "reports",
    [
        {"pypi": [SKIPPED, SKIPPED], "osv": None},
        {"pypi": None, "osv": None},
        {"pypi": [], "osv": [SKIPPED]},
    ],
)
def test_a_run_in_which_every_package_was_skipped_is_no_result(
    environment: Path, reports: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    status, sentence = looked_up(environment, **reports)
    assert status == audit.NO_RESULT
    assert sentence.startswith("NO RESULT")
    assert not (environment / "vulnerabilities.json").exists()
    assert {line.partition(":")[0] for line in capsys.readouterr().out.splitlines()} == {"pypi", "osv"}


def test_another_source_is_asked_where_the_first_knows_nothing(environment: Path) -> None:
    status, sentence = looked_up(environment, pypi=[SKIPPED], osv=[CLEAN])
    assert status == audit.CLEAN
    assert sentence == "osv: 1 packages looked up, 0 known vulnerabilities"


def test_what_was_not_looked_up_is_said_beside_what_was(environment: Path) -> None:
    status, sentence = looked_up(environment, pypi=[CLEAN, SKIPPED])
    assert status == audit.CLEAN
    assert "NOT looked up, since it does not know them: 1 (ours)" in sentence


def test_a_known_vulnerability_fails_and_is_named(environment: Path) -> None:
    status, sentence = looked_up(environment, pypi=[CLEAN, BAD])
    assert status == audit.VULNERABLE
    assert "bad 2: CVE-1, mended by 3" in sentence
    assert json.loads((environment / "vulnerabilities.json").read_text())["dependencies"] == [CLEAN, BAD]


def test_the_list_of_the_environment_names_no_place_of_this_machine(environment: Path) -> None:
    lines = list(audit.write_lists(environment, environment, Programs({})))
    text = (environment / "environment.cdx.json").read_text()
    assert "somebody" not in text
    assert "https://example.org" in text
    assert "2 packages of the environment" in lines[0]


def test_the_image_is_listed_where_there_is_one(environment: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audit.shutil, "which", lambda _: "/usr/bin/docker")
    *_, line = audit.write_lists(environment, environment, Programs({}))
    assert "no list of the image" in line
    assert not (environment / "image.cdx.json").exists()
    *_, line = audit.write_lists(environment, environment, Programs({}, image=True))
    listed = json.loads((environment / "image.cdx.json").read_text())
    assert {one["purl"] for one in listed["components"]} == {"pkg:pypi/good@1", "pkg:deb/debian/libc6@2.36-9"}
    assert "2 packages of the image" in line


def test_what_it_installs_is_named_by_exact_version() -> None:
    lines = (ROOT / "tools" / "audit.txt").read_text().splitlines()
    assert {line.partition("==")[0] for line in lines if "==" in line} == {"cyclonedx-bom", "pip-audit"}
