"""Runs, model versions and aliases in MLflow.

What a version is shows there as its tags, ``nightshift.onnx_sha256``, ``.snapshot_md5``, ``.gate`` and others. Nothing
that scores believes them, for anybody who writes to MLflow may write them: see ``versions.py``.
"""

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

from nightshift.concurrency import ordered_map
from nightshift.errors import ModelError, RegistryUnavailable, UsageError
from nightshift.mlflow_pages import model_page, run_page
from nightshift.settings import Settings

if TYPE_CHECKING:
    from mlflow import MlflowClient

CHAMPION = "champion"
CHALLENGER = "challenger"
SHADOW = "shadow"
CANARY = "canary"
TAG = "nightshift."
TRAINED_WITHOUT = f"{TAG}trained_without"
"""The features that a run left out, each with the reason."""
EXPERIMENT_KIND = "mlflow.experimentKind"
PASSED: Literal["passed"] = "passed"
FAILED: Literal["failed"] = "failed"
LONGEST_TAG = 4000
TAGS_AT_ONCE = 4
LOGIN = ("MLFLOW_TRACKING_USERNAME", "MLFLOW_TRACKING_PASSWORD")
TOKEN = "MLFLOW_TRACKING_TOKEN"  # noqa: S105
CLIENT_ENV = {
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "3",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "30",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
    "MLFLOW_DISABLE_TELEMETRY": "true",
}


def _login(settings: Settings) -> dict[str, str]:
    """The environment of a client that logs in; empty where MLflow asks nobody."""
    login = {}
    if settings.mlflow_token is not None:
        login[TOKEN] = settings.mlflow_token.get_secret_value()
    if settings.mlflow_user is None or settings.mlflow_password is None:
        return login
    values = (settings.mlflow_user, settings.mlflow_password.get_secret_value())
    of_person = zip(LOGIN, values, strict=True)
    return {**login, **dict(of_person)}


class Registry:
    """MLflow, as far as Nightshift needs it."""

    def __init__(self, settings: Settings) -> None:
        if not settings.mlflow_uri:
            raise UsageError("MLFLOW_TRACKING_URI is not set", fix='nightshift up; eval "$(nightshift env)"')
        self.uri = settings.mlflow_uri
        self.url = settings.mlflow_url
        self._login = _login(settings)

    def connect(self) -> Any:
        """The ``mlflow`` module, pointed at this server; one that is down is an error within a minute, not ten.

        MLflow keeps where it points to for the whole process: who uses the module, not the client, connects first.
        """
        for name, value in CLIENT_ENV.items():
            os.environ.setdefault(name, value)
        # MLflow's client takes its login from there, at every call; that of another server is none of this one's.
        for name in (*LOGIN, TOKEN):
            os.environ.pop(name, None)
        os.environ.update(self._login)
        import mlflow

        logging.getLogger("mlflow").setLevel(logging.WARNING)
        mlflow.set_tracking_uri(self.uri)
        return mlflow

    @cached_property
    def client(self) -> "MlflowClient":
        """The MLflow client."""
        return self.connect().MlflowClient(self.uri, self.uri)

    def facts(self, model: str, version: str) -> tuple[dict[str, str], str]:
        """The ``nightshift.*`` tags of a version, without that prefix, and its run. Raises ``ModelError``."""
        from mlflow.exceptions import MlflowException

        with self._explained():
            try:
                registered = self.client.get_model_version(model, version)
            except MlflowException as error:
                if error.error_code != "RESOURCE_DOES_NOT_EXIST":
                    raise
                raise ModelError(
                    f"{model} has no version {version}", fix=f"see {model_page(self.url, model)}"
                ) from error
        ours = {key: value for key, value in registered.tags.items() if key.startswith(TAG)}
        facts = {key.removeprefix(TAG): value for key, value in ours.items()}
        return facts, str(registered.run_id)

    def alias(self, model: str, alias: str) -> str | None:
        """The version that an alias names here, or None; which one scores, ``Aliases`` says."""
        from mlflow.exceptions import MlflowException

        with self._explained():
            try:
                return str(self.client.get_model_version_by_alias(model, alias).version)
            except MlflowException as error:
                if error.error_code in {"RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE"}:
                    return None
                raise

    def set_alias(self, model: str, alias: str, version: str) -> None:
        """Let an alias name a version, as the ledger says."""
        with self._explained():
            self.client.set_registered_model_alias(model, alias, version)

    def delete_alias(self, model: str, alias: str) -> None:
        """Let an alias name no version."""
        with self._explained():
            self.client.delete_registered_model_alias(model, alias)

    def tag(self, model: str, version: str, facts: dict[str, str]) -> None:
        """Write facts on a version as ``nightshift.*`` tags."""

        def write(fact: tuple[str, str]) -> None:
            name, value = fact
            self.client.set_model_version_tag(model, version, TAG + name, value)

        with self._explained():
            # Each is two requests.
            for _ in ordered_map(write, facts.items(), TAGS_AT_ONCE, TAGS_AT_ONCE):
                pass

    def register(self, model: str, description: str, source: str, run_id: str, facts: dict[str, str]) -> str:
        """The version of a run's model: the one it has already, or a new one. A retried task registers once."""
        from mlflow.exceptions import MlflowException

        with self._explained():
            try:
                self.client.create_registered_model(model, description=description)
            except MlflowException as error:
                if error.error_code != "RESOURCE_ALREADY_EXISTS":
                    raise
            of_run = self.client.search_model_versions(f"name='{model}' and run_id='{run_id}'")
            if of_run:
                version = str(of_run[0].version)
                self.tag(model, version, facts)
                return version
            tags = {TAG + name: value for name, value in facts.items()}
            logged = source.removeprefix("models:/")
            created = self.client.create_model_version(model, source, run_id, tags=tags, model_id=logged)
            return str(created.version)

    def run(self, run_id: str) -> tuple[dict[str, str], str]:
        """The tags of a run, and its page in the MLflow UI."""
        with self._explained():
            run = self.client.get_run(run_id)
        return dict(run.data.tags), run_page(self.url, run.info.experiment_id, run_id)

    @contextmanager
    def session(self, experiment: str) -> Iterator[Any]:
        """The ``mlflow`` module, pointed at this server and an experiment, with our errors."""
        with self._explained():
            mlflow = self.connect()
            current = mlflow.set_experiment(experiment)
            if EXPERIMENT_KIND not in current.tags:
                # Without it the UI shows the experiment as one of language models.
                self.client.set_experiment_tag(current.experiment_id, EXPERIMENT_KIND, "custom_model_development")
            yield mlflow

    @contextmanager
    def _explained(self) -> Iterator[None]:
        from mlflow.exceptions import MlflowException
        from requests.exceptions import RequestException

        try:
            yield
        except RequestException as error:
            raise RegistryUnavailable(
                f"MLflow at {self.uri} does not answer: {error}", fix="nightshift status"
            ) from error
        except MlflowException as error:
            if error.error_code in {"INTERNAL_ERROR", "TEMPORARILY_UNAVAILABLE", "REQUEST_LIMIT_EXCEEDED"}:
                raise RegistryUnavailable(f"MLflow at {self.uri}: {error.message}", fix="nightshift status") from error
            raise ModelError(f"MLflow at {self.uri} refused: {error.message}") from error
