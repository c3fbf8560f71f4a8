"""What the doctor looks at around the store: services, packages, disk."""

import re
import shutil
from collections.abc import Iterator, Mapping
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
        response = requests.get(url.rstrip("/") + path, timeout=10)
    except requests.RequestException as error:
        reason = type(error).__name__
        return DoctorResult(name, "warning", f"{url} does not answer ({reason}); run `nightshift up`")
    status = response.status_code
    return DoctorResult(
        name,
        "ok" if status == 200 else "warning",
        f"{url} answers {status}",
    )


def packages(project: Path) -> list[DoctorResult]:
    """Whether the installed packages are the set that is known to work together."""
    path = project / "constraints.txt"
    if not path.is_file():
        return []
    pins = dict(_pins(path))
    differences = list(_differences(pins))
    if differences:
        examples = ", ".join(differences[:5])
        seen = f"{len(differences)} differ from constraints.txt: {examples}"
        return [DoctorResult("packages", "warning", seen)]
    return [DoctorResult("packages", "ok", f"as in constraints.txt ({len(pins)} pins)")]


def _pins(path: Path) -> Iterator[tuple[str, str]]:
    text = path.read_text(encoding="utf-8")
    for line in text.splitlines():
        pin = re.match(r"([A-Za-z0-9._-]+)\s*==\s*([^\s;#]+)", line)
        if pin:
            yield pin[1], pin[2]


def _differences(pins: Mapping[str, str]) -> Iterator[str]:
    for name, pinned in pins.items():
        installed = _installed(name)
        if installed not in {None, pinned}:
            yield f"{name} {installed}, not {pinned}"


def _installed(name: str) -> str | None:
    try:
        version = metadata.version(name)
    except metadata.PackageNotFoundError:
        return None
    # A build for one kind of hardware has a local label: 2.13.0+cpu is 2.13.0.
    release, _, _ = version.partition("+")
    return release


def disk(home: Path) -> DoctorResult:
    """Whether there is room for data."""
    folder = next(folder for folder in (home, *home.parents) if folder.exists())
    free = shutil.disk_usage(folder).free
    return DoctorResult(
        "disk",
        "ok" if free > LITTLE_DISK else "warning",
        f"{free / 2**30:.1f} GiB free at {folder}",
    )
