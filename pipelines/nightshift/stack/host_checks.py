"""What the doctor looks at around the store: services, packages, disk."""

import re
import shutil
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

from nightshift.settings import Settings
from nightshift.stack.findings import DoctorResult

LITTLE_DISK = 5 * 2**30


def services(settings: Settings) -> list[DoctorResult]:
    """Whether MLflow and Airflow answer."""
    return [
        _answers("MLflow", settings.mlflow_uri, "/health"),
        _answers("Airflow", settings.airflow_url, "/api/v2/version"),
    ]


def _answers(name: str, url: str | None, path: str) -> DoctorResult:
    import requests

    if not url or not url.startswith("http"):
        return DoctorResult(name, "warning", f"no URL ({url or 'unset'}); run `nightshift up`")
    try:
        status = requests.get(url.rstrip("/") + path, timeout=10).status_code
    except requests.RequestException as error:
        return DoctorResult(name, "warning", f"{url} does not answer ({type(error).__name__}); run `nightshift up`")
    return DoctorResult(name, "ok" if status == 200 else "warning", f"{url} answers {status}")


def packages(project: Path) -> list[DoctorResult]:
    """Whether the installed packages are the set that is known to work together."""
    path = project / "constraints.txt"
    if not path.is_file():
        return []
    pinned = dict(_pins(path))
    wrong = [
        f"{name} {have}, not {want}" for name, want in pinned.items() if (have := _installed(name)) not in {None, want}
    ]
    if wrong:
        return [
            DoctorResult("packages", "warning", f"{len(wrong)} differ from constraints.txt: {', '.join(wrong[:5])}")
        ]
    return [DoctorResult("packages", "ok", f"as in constraints.txt ({len(pinned)} pins)")]


def _pins(path: Path) -> Iterator[tuple[str, str]]:
    for line in path.read_text(encoding="utf-8").splitlines():
        if pin := re.match(r"([A-Za-z0-9._-]+)\s*==\s*([^\s;#]+)", line):
            yield pin[1], pin[2]


def _installed(name: str) -> str | None:
    try:
        # A build for one kind of hardware has a local label: 2.13.0+cpu is 2.13.0.
        return metadata.version(name).partition("+")[0]
    except metadata.PackageNotFoundError:
        return None


def disk(home: Path) -> DoctorResult:
    """Whether there is room for data."""
    place = next(folder for folder in (home, *home.parents) if folder.exists())
    free = shutil.disk_usage(place).free
    return DoctorResult("disk", "ok" if free > LITTLE_DISK else "warning", f"{free / 2**30:.1f} GiB free at {place}")
