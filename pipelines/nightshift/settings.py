"""Environment -> one frozen object.

Values come from the process environment first, then from ``.nightshift/env``, the file that
``nightshift up`` writes (mode 600). So a command works in a fresh shell, and a container or an
Airflow worker overrides anything by its environment. Importing this module reads nothing.
"""

import os
import shutil
import subprocess
from functools import cache, cached_property
from pathlib import Path

from dotenv import dotenv_values
from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError

from nightshift.errors import UsageError

ENV_FILE = "env"
S3_URI = r"^s3://[a-z0-9][a-z0-9.-]{2,62}(/.*)?$"


class Settings(BaseModel):
    """Where everything is. Field aliases are the names of the environment variables."""

    model_config = ConfigDict(frozen=True, populate_by_name=True)

    project: Path
    home: Path
    lake: str = Field("s3://lake", alias="NIGHTSHIFT_LAKE", pattern=S3_URI)
    dvc_remote: str = Field("s3://dvc", alias="NIGHTSHIFT_DVC_REMOTE", pattern=S3_URI)
    endpoint: str | None = Field(None, alias="AWS_ENDPOINT_URL")
    region: str = Field("us-east-1", alias="AWS_DEFAULT_REGION")
    access_key: str | None = Field(None, alias="AWS_ACCESS_KEY_ID")
    secret_key: SecretStr | None = Field(None, alias="AWS_SECRET_ACCESS_KEY")
    mlflow_uri: str | None = Field(None, alias="MLFLOW_TRACKING_URI")
    mlflow_public_url: str | None = Field(None, alias="NIGHTSHIFT_MLFLOW_URL")
    airflow_url: str | None = Field(None, alias="NIGHTSHIFT_AIRFLOW_URL")
    airflow_user: str = Field("admin", alias="NIGHTSHIFT_AIRFLOW_USER")
    airflow_password: SecretStr | None = Field(None, alias="NIGHTSHIFT_AIRFLOW_PASSWORD")

    @property
    def models(self) -> Path:
        """The folder with one folder per model."""
        return self.project / "models"

    @cached_property
    def commit(self) -> str:
        """The code's git commit, ``+changed`` when the tree differs; images say it by NIGHTSHIFT_COMMIT."""
        if stamped := os.environ.get("NIGHTSHIFT_COMMIT"):
            return stamped
        if shutil.which("git") is None:
            return "unknown"
        git = ["git", "-C", str(self.project)]
        head = subprocess.run([*git, "rev-parse", "HEAD"], capture_output=True, text=True, check=False)
        if head.returncode:
            return "unknown"
        changed = subprocess.run(
            [*git, "status", "--porcelain", "--", "pipelines", "models", "dags"],
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        return head.stdout.strip() + ("+changed" if changed.stdout.strip() else "")

    @property
    def mlflow_url(self) -> str:
        """MLflow as a browser reaches it."""
        return (self.mlflow_public_url or self.mlflow_uri or "").rstrip("/")


def find_project(start: Path) -> Path:
    """The nearest folder at or above ``start`` that has ``models/`` and ``pyproject.toml``."""
    for folder in (start, *start.parents):
        if (folder / "models").is_dir() and (folder / "pyproject.toml").is_file():
            return folder
    raise UsageError(
        f"{start} is not inside a Nightshift project (no models/ beside a pyproject.toml)",
        fix="cd into your clone, or set NIGHTSHIFT_PROJECT to it",
    )


def load_settings() -> Settings:
    """Read the environment now. Raises ``UsageError`` when a value is malformed."""
    project = Path(os.environ.get("NIGHTSHIFT_PROJECT") or find_project(Path.cwd())).resolve()
    home = Path(os.environ.get("NIGHTSHIFT_HOME") or project / ".nightshift").resolve()
    values = {**dotenv_values(home / ENV_FILE), **os.environ}
    known = {f.alias: values[f.alias] for f in Settings.model_fields.values() if f.alias and values.get(f.alias)}
    try:
        return Settings.model_validate({"project": project, "home": home, **known})
    except ValidationError as error:
        first = error.errors()[0]
        raise UsageError(
            f"environment variable {first['loc'][0]}: {first['msg']}", fix="correct it, or unset it"
        ) from error


@cache
def settings() -> Settings:
    """The settings of this process, read once; libraries that look at os.environ see the same values."""
    loaded = load_settings()
    for name, value in dotenv_values(loaded.home / ENV_FILE).items():
        if value is not None:
            os.environ.setdefault(name, value)
    return loaded
