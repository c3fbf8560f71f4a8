"""docker/keep.py: what a backup holds comes back as it was, and what is none is refused before anything is written."""

import io
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from tests.scripts import load_script

SCRIPT = Path(__file__).parents[3] / "docker" / "keep.py"
PROGRAM = "import sys; from pathlib import Path; from tests.scripts import load_script\n\
keep = load_script(Path(sys.argv[1])); keep.STATE = Path(sys.argv[2]); keep.main(sys.argv[3])"
VOLUMES = load_script(SCRIPT).VOLUMES


def run(state: Path, verb: str, given: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    command = [sys.executable, "-c", PROGRAM, str(SCRIPT), str(state), verb]
    return subprocess.run(command, input=given, capture_output=True, check=False, cwd=SCRIPT.parents[1])


@pytest.fixture
def state(tmp_path: Path) -> Path:
    """The volumes of a project that ran."""
    for volume in VOLUMES:
        (tmp_path / "old" / volume / "deep").mkdir(parents=True)
        (tmp_path / "old" / volume / "deep" / "file").write_text(volume)
    private = tmp_path / "old" / "secrets" / "keys.json"
    private.write_text("{}")
    private.chmod(0o600)
    (tmp_path / "old" / "postgres").chmod(0o700)
    return tmp_path / "old"


@pytest.fixture
def empty(tmp_path: Path) -> Path:
    """New volumes."""
    for volume in VOLUMES:
        (tmp_path / "new" / volume).mkdir(parents=True)
    return tmp_path / "new"


def content(folder: Path) -> dict[str, tuple[int, str]]:
    """Every file and folder: its mode, and what is in it."""
    paths = sorted(folder.rglob("*"))
    return {
        str(path.relative_to(folder)): (path.stat().st_mode, path.read_text() if path.is_file() else "")
        for path in paths
    }


def test_all_comes_back_with_its_modes(state: Path, empty: Path) -> None:
    saved = run(state, "save")
    assert saved.returncode == 0, saved.stderr
    assert b"postgres is kept" in saved.stderr
    restored = run(empty, "restore", saved.stdout)
    assert restored.returncode == 0, restored.stderr
    assert content(empty) == content(state)


def test_nothing_is_written_over(state: Path, tmp_path: Path) -> None:
    saved = run(state, "save").stdout
    before = content(state)
    refused = run(state, "restore", saved)
    assert refused.returncode == 1
    assert refused.stderr.startswith(b"error: secrets, postgres")
    assert b"down --volumes" in refused.stderr
    assert content(state) == before


@pytest.mark.parametrize("share", [0.2, 0.5, 0.9])
def test_a_backup_that_was_cut_short_is_told(state: Path, empty: Path, share: float) -> None:
    saved = run(state, "save").stdout
    cut = run(empty, "restore", saved[: int(len(saved.rstrip(b"\0")) * share)])
    assert cut.returncode == 1
    assert cut.stderr.splitlines()[-1].startswith(b"error: the backup ")
    assert b"Traceback" not in cut.stderr


def tar(name: str, text: str) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        info = tarfile.TarInfo(name)
        info.size = len(text)
        archive.addfile(info, io.BytesIO(text.encode()))
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (tar("format", "nightshift-state 9"), b"begins with 'nightshift-state 9'"),
        (tar("secrets/keys.json", "{}"), b"is no backup of Nightshift"),
        (b"not a tar at all", b"cannot be read"),
        (b"", b"cannot be read"),
    ],
)  # fmt: skip
def test_what_is_no_backup_is_refused_in_a_line(empty: Path, given: bytes, said: bytes) -> None:
    refused = run(empty, "restore", given)
    assert refused.returncode == 1
    assert said in refused.stderr
    assert len(refused.stderr.splitlines()) == 1
    assert not any(path.is_file() for path in empty.rglob("*"))


@pytest.mark.parametrize("name", ["../outside", "secrets/../../outside", "/etc/passwd", "elsewhere/file"])
def test_no_name_leads_out_of_the_volumes(empty: Path, name: str) -> None:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for member, text in (("format", "nightshift-state 1"), (name, "bad")):
            info = tarfile.TarInfo(member)
            info.size = len(text)
            archive.addfile(info, io.BytesIO(text.encode()))
    refused = run(empty, "restore", buffer.getvalue())
    assert refused.returncode == 1
    assert b"which is no place of ours" in refused.stderr
    assert not list(empty.parent.glob("outside"))


def test_a_project_that_never_ran_has_nothing_to_keep(empty: Path) -> None:
    refused = run(empty, "save")
    assert refused.returncode == 1
    assert b"nothing to keep" in refused.stderr
    assert not refused.stdout
