"""``nightshift demo --tiny``: real Dags, SeaweedFS and MLflow; killed in the middle and repeated, it ends the same."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from nightshift.demo.tiny import NIGHTS
from nightshift.project import PROJECT_FILE

pytestmark = pytest.mark.stack
NIGHTSHIFT = Path(sys.executable).with_name("nightshift")
FIRST_NIGHT = f"orders.validate {NIGHTS[0]}: done"


@pytest.fixture
def person(tmp_path: Path) -> Iterator[dict[str, str]]:
    """The environment of somebody who has a project, another stack in their shell, and no Airflow of their own."""
    (tmp_path / PROJECT_FILE).write_text("format = 1\n")
    foreign = {"AWS_ENDPOINT_URL": "http://127.0.0.1:9", "AWS_PROFILE": "work", "NIGHTSHIFT_LAKE": "s3://theirs"}
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith(("AIRFLOW", "AWS", "NIGHTSHIFT"))},
        **foreign,
        "HOME": str(tmp_path),
        "NIGHTSHIFT_PROJECT": str(tmp_path),
        "NIGHTSHIFT_HOME": str(tmp_path / "home"),
    }
    yield environment
    stopped = subprocess.run([NIGHTSHIFT, "down"], env=environment, check=True, capture_output=True, text=True)
    assert "mlflow: stopped" in stopped.stdout


def killed_after(line: str, environment: dict[str, str]) -> list[str]:
    """What the demo printed until the moment when it was killed."""
    printed = []
    with subprocess.Popen(
        [NIGHTSHIFT, "demo", "--tiny"], env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as demo:
        assert demo.stdout is not None
        for text in demo.stdout:
            printed.append(text)
            if text.startswith(line):
                demo.send_signal(signal.SIGKILL)
                break
    return printed


def test_a_demo_that_was_killed_goes_on_and_ends_with_three_published_nights(
    person: dict[str, str], tmp_path: Path
) -> None:
    printed = killed_after(FIRST_NIGHT, person)
    assert printed[-1].startswith(FIRST_NIGHT), "".join(printed)
    again = subprocess.run([NIGHTSHIFT, "demo", "--tiny"], env=person, capture_output=True, text=True, check=False)
    assert again.returncode == 0, again.stdout + again.stderr
    lines = again.stdout.splitlines()
    # The champion was there already; the night that was broken off is played anew, as a whole.
    assert not [line for line in lines if line.startswith("orders.train")]
    assert any(line.startswith(f"orders.ingest {NIGHTS[0]}") for line in lines)
    published = [line for line in lines if line.startswith("published ")]
    assert [line.split()[1].rstrip(":") for line in published] == list(NIGHTS)
    assert all("300 rows by version 1" in line for line in published)
    tiny = tmp_path / "home" / "tiny"
    assert "<html" in (tiny / "report.html").read_text()
    # Nothing of it lies in the person's own home or project, nor did it look for Airflow's.
    assert not (tmp_path / "models").exists()
    assert {path.name for path in (tmp_path / "home").iterdir()} == {"tiny"}
    assert not (tmp_path / "airflow").exists()
    (explain,) = (line for line in lines if " explain orders " in line)
    own = {name: value for name, value in person.items() if not name.startswith(("NIGHTSHIFT", "AWS"))}
    told = subprocess.run(explain.split(), env=own, cwd=tiny, capture_output=True, text=True, check=False)
    assert told.returncode == 0, told.stderr
    assert "mlflow_url" in told.stdout
