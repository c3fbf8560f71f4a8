"""``load.*``: a hundred nights of flights loaded in bulk, beside the same by the code of before, in one run.

The former code is taken out of git and run as it was, in processes of its own, before and after today's: noise of the
machine meets both. Some rows go to quarantine, and the last night is refused. What both publish is held together object
by object; what is not the same ends the benchmark.
"""

import hashlib
import io
import json
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from benchmarks.results import REPOSITORY
from benchmarks.world import MODEL, World
from nightshift.contracts import Dataset
from nightshift.project import PROJECT_FILE
from nightshift.settings import Settings
from nightshift.spec import find_spec
from nightshift.stores import Stores, layout

FORMER_COMMIT = "aea87f5"
"""It loads night by night, and makes all that Great Expectations needs for each."""
FIRST, MIDDLE, AFTER, LAST = "2013-01-06", "2013-02-24", "2013-02-25", "2013-04-15"
WARM = "2013-05-01"
# Of 100 nights the last alone has more flights.
MOST_FLIGHTS = 992
# A quarter of the nights have older aircraft.
MOST_YEARS = 50
PUBLISHED = (Dataset.RAW, Dataset.VALIDATED, Dataset.QUARANTINE, Dataset.LABELS)


@dataclass(frozen=True)
class Side:
    """Some code, the project whose models it reads, and the lake that it writes."""

    package: str
    path: Path
    project: Path
    settings: Settings

    def load(self, first: str, last: str) -> dict[str, Any]:
        """What a range of nights cost, in a process of its own."""
        environment = {
            **os.environ,
            "PYTHONPATH": str(self.path),
            "NIGHTSHIFT_PROJECT": str(self.project),
            "NIGHTSHIFT_LAKE": self.settings.lake,
            "GX_ANALYTICS_ENABLED": "false",
        }
        # Not with this folder in front: its requests.py is not the library.
        child = Path(__file__).with_name("load_child.py")
        command = [sys.executable, "-P", str(child), self.package, MODEL, first, last]
        done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True, check=True)
        told: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
        return told


def figures(world: World) -> dict[str, float]:
    """How many times as long the former code takes, on the clock and of cores; and what a night costs now."""
    with tempfile.TemporaryDirectory(prefix="nightshift-sides-") as folder:
        former_project, todays_project = Path(folder, "former"), Path(folder, "today")
        _take_former_code(former_project)
        todays_project.mkdir()
        shutil.copytree(world.project / "models", todays_project / "models")
        shutil.copyfile(world.project / PROJECT_FILE, todays_project / PROJECT_FILE)
        former = _side(world, "pipelines", former_project, former_project)
        today = _side(world, "nightshift", REPOSITORY / "pipelines", todays_project)
        for side in (former, today):
            # The first reading of the flights prepares tables for all others.
            side.load(WARM, WARM)
        halves = [former.load(FIRST, MIDDLE)]
        whole = today.load(FIRST, LAST)
        halves.append(former.load(AFTER, LAST))
        nights = _require_same(former, today)
    before = {name: sum(half[name] for half in halves) for name in ("seconds", "cpu_seconds")}
    world.console.print(f"former {before['seconds']:.0f} s, today {whole['seconds']:.0f} s")
    world.console.print(f"refused: {whole['refused']}")
    assert whole["refused"] == halves[-1]["refused"], halves[-1]["refused"]
    return {
        "load.vs_before": before["seconds"] / whole["seconds"],
        "load.cpu_vs_before": before["cpu_seconds"] / whole["cpu_seconds"],
        "load.seconds_per_night": whole["seconds"] / nights,
        "load.cpu_seconds_per_night": whole["cpu_seconds"] / nights,
        "load.peak_mib_of_a_process": whole["peak_mib"],
    }


def _take_former_code(folder: Path) -> None:
    """The package and the models of the former commit. Needs the whole history, not a shallow clone."""
    archive = subprocess.run(
        ["git", "archive", FORMER_COMMIT, "pipelines", "models", "pyproject.toml"],
        cwd=REPOSITORY,
        stdout=subprocess.PIPE,
        check=True,
    )
    with tarfile.open(fileobj=io.BytesIO(archive.stdout)) as files:
        files.extractall(folder, filter="data")


def _side(world: World, package: str, path: Path, project: Path) -> Side:
    """A side over a lake of its own, with a model.yaml that drops some rows and refuses the last night."""
    file = project / "models" / MODEL / "model.yaml"
    spec = yaml.safe_load(file.read_text())
    spec["night"] |= {"max_rows": MOST_FLIGHTS, "max_quarantined_share": 0.1}
    spec["columns"]["aircraft_age"] |= {"max": MOST_YEARS, "on_breach": "drop"}
    file.write_text(yaml.safe_dump(spec, sort_keys=False))
    settings = world.settings.model_copy(update={"lake": f"{world.settings.lake}/load-{package}"})
    return Side(package, path, project, settings)


def _require_same(former: Side, today: Side) -> int:
    """Every published object byte for byte, and of every night the verdict; how many nights passed or were refused."""
    spec = find_spec(today.project / "models", MODEL)
    bytes_before, bytes_now = _published(former), _published(today)
    different = [key for key in bytes_before.keys() | bytes_now.keys() if bytes_before.get(key) != bytes_now.get(key)]
    assert not different, sorted(different)[:5]
    verdicts_before, verdicts_now = _verdicts(former), _verdicts(today)
    assert verdicts_before == verdicts_now
    quarantined = sum(rows for _, _, rows, _ in verdicts_now.values())
    assert quarantined > 0
    expected = [night for night in spec.partition.nights_between(FIRST, LAST) if night != LAST]
    assert sorted(set(verdicts_now) - {WARM}) == expected
    return len(expected) + 1


def _published(side: Side) -> dict[str, str]:
    """The digest of every plain file that people read, by its key."""
    objects = Stores(side.settings).lake.objects
    digests = {}
    for dataset in PUBLISHED:
        for key in objects.keys(layout.served(dataset, MODEL)):
            stored = objects.get(key)
            assert stored is not None
            digests[key] = hashlib.sha256(stored[0]).hexdigest()
    return digests


def _verdicts(side: Side) -> dict[str, tuple[int, int, int, int]]:
    """Rows in, rows out, rows in quarantine and the number of expectations of each night that passed."""
    objects = Stores(side.settings).lake.objects
    verdicts = {}
    for key in objects.keys(layout.manifests(Dataset.VALIDATED, MODEL)):
        stored = objects.get(key)
        assert stored is not None
        # Not as a manifest of today: the former code's had fewer fields.
        night = json.loads(stored[0])
        counts = (night["rows_in"], night["rows"], night["rows_quarantined"], night["provenance"]["expectations"])
        verdicts[night["partition"]] = counts
    return verdicts
