"""What ``nightshift init`` writes: a project that every command takes, and nothing over what is there."""

import os
import re
import subprocess
import tomllib
from pathlib import Path

import pytest
import yaml

from nightshift.authoring.init import TEMPLATES, init
from nightshift.errors import UsageError
from nightshift.project import PROJECT_FILE, find_project, read_project_file
from nightshift.settings import Settings

FILES = {
    ".env.example",
    ".github/workflows/ci.yml",
    ".gitignore",
    "README.md",
    "dags/nightshift_dags.py",
    "dags/nightshift_specs.py",
    "models/README.md",
    "nightshift.toml",
    "plugins/nightshift_links.py",
}


@pytest.fixture
def made(tmp_path: Path) -> Path:
    """A project as ``init`` writes it."""
    init(tmp_path / "team" / "churn")
    return tmp_path / "team" / "churn"


def files(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


def test_it_says_what_it_wrote(tmp_path: Path) -> None:
    written = init(tmp_path)
    assert {str(path.relative_to(tmp_path)) for path in written} == files(tmp_path) == FILES


def test_it_is_a_project(made: Path) -> None:
    assert find_project(made / "models") == made
    assert read_project_file(made).format == 1


def test_folders_with_other_files_get_one_too(tmp_path: Path) -> None:
    """A clone has its .git and a license; a virtual environment may lie there."""
    (tmp_path / ".git").mkdir()
    (tmp_path / "LICENSE").write_text("mine")
    init(tmp_path)
    assert (tmp_path / "LICENSE").read_text() == "mine"


@pytest.mark.parametrize("name", sorted(FILES))
def test_nothing_is_written_over_and_then_nothing_at_all(tmp_path: Path, name: str) -> None:
    file = tmp_path / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("mine")
    with pytest.raises(UsageError, match=f"has {re.escape(name)} already; nothing was written"):
        init(tmp_path)
    assert files(tmp_path) == {name}
    assert file.read_text() == "mine"


def test_a_link_to_nowhere_is_not_written_through(tmp_path: Path) -> None:
    (tmp_path / PROJECT_FILE).symlink_to(tmp_path / "elsewhere")
    with pytest.raises(UsageError, match="already"):
        init(tmp_path)


def test_where_nothing_can_be_written_is_one_clear_error(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(UsageError, match="cannot write a project into"):
        init(tmp_path / "file")


def test_the_repository_has_the_same_dags_and_plugins(made: Path, repository: Path) -> None:
    for folder in ("dags", "plugins"):
        assert files(made / folder) == {path.name for path in (repository / folder).glob("*.py")}
        for file in (made / folder).iterdir():
            assert file.read_text() == (repository / folder / file.name).read_text()


def test_toml_and_yaml_are_read(made: Path) -> None:
    assert tomllib.loads((made / PROJECT_FILE).read_text()) == {"format": 1}
    workflow = yaml.safe_load((made / ".github/workflows/ci.yml").read_text())
    commands = [step["run"] for step in workflow["jobs"]["check"]["steps"] if "run" in step]
    assert "nightshift check" in commands
    assert any("airflow dags list-import-errors" in command for command in commands)


@pytest.mark.parametrize("name", sorted(FILES))
def test_the_wheel_is_installed_by_path_and_no_host_is_named(made: Path, name: str) -> None:
    """On the package index, ``nightshift`` is a stranger's project."""
    text = (made / name).read_text()
    assert not re.search(r"https?://|index-url", text)
    for command in re.findall(r"pip install.*", text):
        assert "wheels/nightshift_batch-*.whl" in command


def test_the_example_of_an_environment_has_every_variable_and_sets_none(made: Path) -> None:
    lines = (made / ".env.example").read_text().splitlines()
    names = {match[1] for line in lines if (match := re.match(r"#([A-Z][A-Z0-9_]+)=", line))}
    others = {"NIGHTSHIFT_PROJECT", "NIGHTSHIFT_HOME", "NIGHTSHIFT_COMMIT"}
    assert names == {str(field.alias) for field in Settings.model_fields.values() if field.alias} | others
    assert all(line.startswith("#") or not line for line in lines)


def test_git_leaves_state_and_keys_alone(made: Path) -> None:
    subprocess.run(["git", "init", "--quiet"], cwd=made, check=True)
    ignored = [".nightshift/env", ".env", ".venv/bin/python", "artifacts/verdict.json", "data/x.parquet"]
    question = ["git", "check-ignore", *ignored, *FILES]
    answer = subprocess.run(question, cwd=made, capture_output=True, text=True, check=False)
    assert answer.stdout.split() == ignored


def test_no_template_is_hidden_or_executable() -> None:
    """Git would act on a hidden file, and setuptools leave it out of the wheel."""
    templates = list(TEMPLATES.rglob("*"))
    assert [path for path in templates if path.name.startswith(".")] == []
    assert [path for path in templates if path.is_file() and os.access(path, os.X_OK)] == []
