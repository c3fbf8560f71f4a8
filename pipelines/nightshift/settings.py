"""Environment -> one frozen object.

Values come from the process environment first, then from ``.nightshift/env``, the file that
``nightshift up`` writes (mode 600). So a command works in a fresh shell, and a container or an
Airflow worker overrides anything by its environment. Importing this module reads nothing, and
reading settings changes nothing: ``export_env`` alone writes to ``os.environ``.
"""

import os
import shutil
import subprocess
from collections.abc import Mapping
from functools import cache, cached_property
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

from dotenv import dotenv_values
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, SecretStr, ValidationError

from nightshift.errors import UsageError
from nightshift.project import PROJECT_FILE, find_project, read_project_file

ENV_FILE = "env"
LAKE = "s3://lake"
DVC_REMOTE = "s3://dvc"
REGION = "us-east-1"
RETRY_SECONDS = 15.0
SEAL_KEY = "NIGHTSHIFT_SEAL_KEY"
MAX_GROUP_BYTES = 2**30
TRAINER_MODULES = ("sklearn",)
S3_URI = r"^s3://[a-z0-9][a-z0-9.-]{2,62}(/.*)?$"
# What decides how a model behaves; in a project without a package of its own, the last two.
CODE_FOLDERS = ("pipelines", "models", "dags")
THIS_MACHINE = {"localhost", "127.0.0.1", "::1"}
USUAL_PORTS = {"http": 80, "https": 443}


def _words(text: object) -> object:
    """Names that stand after one another, with commas between them."""
    if not isinstance(text, str):
        return text
    names = [name.strip() for name in text.split(",")]
    return tuple(name.removesuffix(".") for name in names if name)


def _named(text: object) -> object:
    """The names of ``name=number,...``."""
    if not isinstance(text, str):
        return text
    return tuple(part.partition("=")[0].strip() for part in text.split(",") if part.strip())


class Settings(BaseModel):
    """Where everything is. Field aliases are the names of the environment variables."""

    model_config = ConfigDict(frozen=True, populate_by_name=True)

    project: Path
    home: Path
    lake: str = Field(LAKE, alias="NIGHTSHIFT_LAKE", pattern=S3_URI)
    dvc_remote: str = Field(DVC_REMOTE, alias="NIGHTSHIFT_DVC_REMOTE", pattern=S3_URI)
    endpoint: str | None = Field(None, alias="AWS_ENDPOINT_URL")
    region: str = Field(REGION, alias="AWS_DEFAULT_REGION")
    access_key: str | None = Field(None, alias="AWS_ACCESS_KEY_ID")
    secret_key: SecretStr | None = Field(None, alias="AWS_SECRET_ACCESS_KEY")
    mlflow_uri: str | None = Field(None, alias="MLFLOW_TRACKING_URI")
    mlflow_user: str | None = Field(None, alias="MLFLOW_TRACKING_USERNAME")
    mlflow_password: SecretStr | None = Field(None, alias="MLFLOW_TRACKING_PASSWORD")
    mlflow_token: SecretStr | None = Field(None, alias="MLFLOW_TRACKING_TOKEN")
    mlflow_public_url: str | None = Field(None, alias="NIGHTSHIFT_MLFLOW_URL")
    airflow_url: str | None = Field(None, alias="NIGHTSHIFT_AIRFLOW_URL")
    airflow_user: str = Field("admin", alias="NIGHTSHIFT_AIRFLOW_USER")
    airflow_password: SecretStr | None = Field(None, alias="NIGHTSHIFT_AIRFLOW_PASSWORD")
    # What makes a record of the lake count, stores/seals.py; several, after a comma, while one replaces another.
    seal_key: SecretStr | None = Field(None, alias=SEAL_KEY)
    # Of a row group of a source, unpacked, in the columns that are needed: it is in memory whole.
    max_group_bytes: int = Field(MAX_GROUP_BYTES, alias="NIGHTSHIFT_MAX_GROUP_BYTES", ge=2**20)
    # Of which modules an estimator may be that a spec names by its path: to name one is to run it.
    trainer_modules: Annotated[tuple[str, ...], BeforeValidator(_words)] = Field(
        TRAINER_MODULES, alias="NIGHTSHIFT_TRAINER_MODULES", min_length=1
    )
    # What a scrape of `nightshift metrics` has to say; without it one is made and kept in the home.
    metrics_token: SecretStr | None = Field(None, alias="NIGHTSHIFT_METRICS_TOKEN", min_length=16)
    # Who scores on AWS Batch says with which queue and job definition (docs/engines.md).
    batch_queue: str | None = Field(None, alias="NIGHTSHIFT_BATCH_QUEUE")
    batch_job_definition: str | None = Field(None, alias="NIGHTSHIFT_BATCH_JOB_DEFINITION")
    # How the command line logs: lines for people, or a JSON object each (logs.py).
    log: Literal["text", "json"] = Field("text", alias="NIGHTSHIFT_LOG")
    # Pools that this Airflow has, of those that tasks take (orchestration/policies.py); docker/prepare.py makes them.
    pools: Annotated[tuple[str, ...], BeforeValidator(_named)] = Field((), alias="NIGHTSHIFT_POOLS")
    # The delay after a task's first failure; all waiting goes by it (orchestration/retries.py).
    retry_seconds: float = Field(RETRY_SECONDS, alias="NIGHTSHIFT_RETRY_SECONDS", gt=0, le=60)

    @property
    def models(self) -> Path:
        """The folder with one folder per model."""
        return self.project / "models"

    @cached_property
    def commit(self) -> str:
        """The git commit of the project, ``+changed`` when its code differs; images say it by NIGHTSHIFT_COMMIT."""
        if stamped := os.environ.get("NIGHTSHIFT_COMMIT"):
            return stamped
        head = _git(self.project, "rev-parse", "HEAD")
        if head is None:
            return "unknown"
        changes = _git(self.project, "status", "--porcelain", "--", *CODE_FOLDERS)
        return f"{head}+changed" if changes else head

    @property
    def lake_place(self) -> tuple[str, ...]:
        """Where the lake is: the same for each way in which its addresses may be written."""
        lake = self.lake.rstrip("/")
        if not self.endpoint:
            return (lake,)
        address = urlsplit(self.endpoint)
        host = address.hostname or ""
        port = address.port or USUAL_PORTS.get(address.scheme)
        place = "this machine" if host in THIS_MACHINE else host
        return lake, place, str(port), address.path.rstrip("/")

    @property
    def mlflow_url(self) -> str:
        """MLflow as a browser reaches it."""
        return (self.mlflow_public_url or self.mlflow_uri or "").rstrip("/")


def _git(folder: Path, *words: str) -> str | None:
    """What git prints, or None where there is no git or no commit."""
    if shutil.which("git") is None:
        return None
    command = ["git", "-C", str(folder), *words]
    done = subprocess.run(
        command,
        capture_output=True,
        text=True,
        check=False,
    )
    return None if done.returncode else done.stdout.strip()


def load_settings() -> Settings:
    """Read the environment now. Raises ``UsageError`` for a malformed value, or outside a project."""
    project = Path(os.environ.get("NIGHTSHIFT_PROJECT") or find_project(Path.cwd())).resolve()
    read_project_file(project)
    home = Path(os.environ.get("NIGHTSHIFT_HOME") or project / ".nightshift").resolve()
    return _of(project, home, environment_of(home))


def environment_of(home: Path) -> dict[str, str | None]:
    """This process's, over the file that ``nightshift up`` writes."""
    return {**dotenv_values(home / ENV_FILE), **os.environ}


def settings_of(project: Path, env: Path | None = None) -> Settings:
    """Those of another project, by the file that ``nightshift up`` wrote there, or by ``env``; not by this process's.

    Raises ``UsageError`` for a folder that is no project, or without such a file, or for one that cannot be read.
    """
    project = project.expanduser().resolve()
    if not (project / PROJECT_FILE).is_file():
        raise UsageError(
            f"{project} is not a Nightshift project: it has no {PROJECT_FILE}",
            fix=f"name the folder of the other project, in which {PROJECT_FILE} lies",
        )
    read_project_file(project)
    home = project / ".nightshift"
    file = env or home / ENV_FILE
    if not file.is_file():
        raise UsageError(
            f"{file} is not there: it says where the stores of {project} are",
            fix="nightshift up in that project, or name a file with such variables: --env FILE",
        )
    return _of(project, home, _as_written(file))


def _as_written(file: Path) -> dict[str, str | None]:
    """Its variables, without what this process's environment would put into them."""
    try:
        return dotenv_values(file, interpolate=False)
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{file} cannot be read: {error}", fix="write its lines, NAME=VALUE, in UTF-8") from error


def _of(project: Path, home: Path, environment: Mapping[str, str | None]) -> Settings:
    aliases = [field.alias for field in Settings.model_fields.values() if field.alias]
    values = {alias: environment[alias] for alias in aliases if environment.get(alias)}
    try:
        return Settings.model_validate({"project": project, "home": home, **values})
    except ValidationError as error:
        first = error.errors()[0]
        raise UsageError(
            f"environment variable {first['loc'][0]}: {first['msg']}", fix="correct it, or unset it"
        ) from error


@cache
def settings() -> Settings:
    """The settings of this process, read once."""
    return load_settings()


def export_env(origin: Settings) -> None:
    """Let libraries that look at ``os.environ`` see what the file says; what is set there already stays."""
    for name, value in dotenv_values(origin.home / ENV_FILE).items():
        if value is not None:
            os.environ.setdefault(name, value)
