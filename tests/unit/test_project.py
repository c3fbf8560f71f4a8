"""What makes a folder a project, and what its file may hold."""

from pathlib import Path

import pytest

from nightshift.errors import UsageError
from nightshift.project import PROJECT_FILE, ProjectFile, find_project, read_project_file


def write(folder: Path, content: str = "format = 1\n") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / PROJECT_FILE).write_text(content)
    return folder


def test_the_nearest_folder_with_the_file_is_the_project(tmp_path: Path) -> None:
    outer = write(tmp_path / "outer")
    inner = write(outer / "teams" / "inner")
    deep = inner / "models" / "churn"
    deep.mkdir(parents=True)
    assert find_project(deep) == find_project(inner) == inner
    assert find_project(outer / "teams") == outer


def test_models_beside_a_pyproject_are_no_project_any_more(tmp_path: Path) -> None:
    (tmp_path / "models").mkdir()
    (tmp_path / "pyproject.toml").touch()
    with pytest.raises(UsageError, match="is not inside a Nightshift project") as refused:
        find_project(tmp_path)
    assert "nightshift init" in str(refused.value.fix)


def test_a_project_needs_no_models_yet(tmp_path: Path) -> None:
    assert find_project(write(tmp_path)) == tmp_path
    assert read_project_file(tmp_path) == ProjectFile(format=1)


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ("", "format: Field required"),
        ("format = 2\n", "format: Input should be 1"),
        ("format = '1'\n", "format: Input should be 1"),
        ("format = 1\nlake = 's3://lake'\n", "lake: unknown key; allowed: format"),
        ("format = \n", "is not TOML"),
    ],
)
def test_what_the_file_may_not_hold_is_said_with_file_and_key(tmp_path: Path, content: str, problem: str) -> None:
    with pytest.raises(UsageError, match=problem) as refused:
        read_project_file(write(tmp_path, content))
    assert str(tmp_path / PROJECT_FILE) in refused.value.message


def test_a_file_that_is_not_text_is_one_clear_error(tmp_path: Path) -> None:
    (tmp_path / PROJECT_FILE).write_bytes(b"\xff\xfe")
    with pytest.raises(UsageError, match="is not TOML"):
        read_project_file(tmp_path)


def test_the_repository_is_a_project(repository: Path) -> None:
    assert find_project(repository / "models") == repository
    assert read_project_file(repository).format == 1
