"""Airflow: its four processes on SQLite, run by the stack and not by ``airflow standalone``."""

import os
import sys
from collections.abc import Callable, Mapping
from importlib import metadata
from pathlib import Path

from nightshift.stack.environment import USER, service_env
from nightshift.stack.files import write_json, write_private
from nightshift.stack.health import answers, beats
from nightshift.stack.keys import Keys
from nightshift.stack.mlflow_server import use_wal
from nightshift.stack.ports import HOST, Ports
from nightshift.stack.processes import Running
from nightshift.stack.service import Group, InitTask, Service

EXECUTOR = "nightshift.orchestration.executor.WarmLocalExecutor"
PASSWORDS = "passwords.json"

# What the caller's environment may say to Airflow: how it tells of itself, off by default (docs/metrics.md).
HANDED_ON = (
    "LOGGING__JSON_LOGS",
    "METRICS__METRICS_ALLOW_LIST",
    "METRICS__METRICS_BLOCK_LIST",
    "METRICS__OTEL_ON",
    "METRICS__STATSD_HOST",
    "METRICS__STATSD_ON",
    "METRICS__STATSD_PORT",
    "METRICS__STATSD_PREFIX",
)

# Its log servers would listen on 0.0.0.0; on one machine the api-server reads the files itself.
_PARTS = {
    "api-server": ("api-server",),
    "scheduler": ("scheduler", "--skip-serve-logs"),
    "dag-processor": ("dag-processor",),
    "triggerer": ("triggerer", "--skip-serve-logs"),
}


def airflow_env(
    home: Path,
    project: Path,
    ports: Ports,
    keys: Keys,
    client: Mapping[str, str],
) -> dict[str, str]:
    """The environment of every Airflow process, and of Airflow's command line."""
    folder = home / "airflow"
    url = f"http://{HOST}:{ports.airflow}"
    options = {
        **_core(project, folder, keys),
        **_short_waits(),
        **_handed_on(),
        "API__HOST": HOST,
        "API__PORT": str(ports.airflow),
        "API__BASE_URL": url,
        "API__WORKERS": "1",
        "API__SECRET_KEY": keys.airflow_secret_key,
        "API_AUTH__JWT_SECRET": keys.airflow_jwt_secret,
        "CORE__EXECUTION_API_SERVER_URL": f"{url}/execution/",
    }
    settings = {f"AIRFLOW__{name}": value for name, value in options.items()}
    return service_env({**client, "AIRFLOW_HOME": str(folder), **settings})


def _core(project: Path, folder: Path, keys: Keys) -> dict[str, str]:
    return {
        "CORE__EXECUTOR": EXECUTOR,
        "CORE__PARALLELISM": "4",
        "CORE__DAGS_FOLDER": str(project / "dags"),
        "CORE__PLUGINS_FOLDER": str(project / "plugins"),
        "CORE__LOAD_EXAMPLES": "False",
        "CORE__DAGS_ARE_PAUSED_AT_CREATION": "False",
        # Both are of a file, which makes the Dags of all models: of a thousand that takes most of a minute.
        "CORE__DAGBAG_IMPORT_TIMEOUT": "300",
        "DAG_PROCESSOR__DAG_FILE_PROCESSOR_TIMEOUT": "600",
        "CORE__FERNET_KEY": keys.airflow_fernet_key,
        "CORE__SIMPLE_AUTH_MANAGER_USERS": f"{USER}:admin",
        "CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": str(folder / PASSWORDS),
        "CORE__ALLOWED_DESERIALIZATION_CLASSES": "airflow.* nightshift.contracts.*",
        "CORE__HOSTNAME_CALLABLE": "socket.gethostname",  # the default asks DNS, for seconds when there is none
        "DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{folder / 'airflow.db'}",
        "LOGGING__BASE_LOG_FOLDER": str(folder / "logs"),
        "LOGGING__FILE_TASK_HANDLER_NEW_FOLDER_PERMISSIONS": "0o700",
        "LOGGING__FILE_TASK_HANDLER_NEW_FILE_PERMISSIONS": "0o600",
    }


def _short_waits() -> dict[str, str]:
    """Short waits between tasks: on one small machine, polling a local SQLite is cheap."""
    return {
        "LOGGING__NAMESPACE_LEVELS": "great_expectations=WARNING",  # hundreds of lines at import
        "SCHEDULER__SCHEDULER_IDLE_SLEEP_TIME": "0.2",
        "SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT": "120",
        "WORKERS__EXECUTION_API_TIMEOUT": "30",  # a busy api-server is not a dead one
        "DAG_PROCESSOR__REFRESH_INTERVAL": "5",
        "DAG_PROCESSOR__BUNDLE_REFRESH_CHECK_INTERVAL": "5",
        "DAG_PROCESSOR__MIN_FILE_PROCESS_INTERVAL": "30",  # each time costs a second of a core, by day too
        "DAG_PROCESSOR__PARSING_PROCESSES": "1",
        "DATABASE__CHECK_MIGRATIONS": "False",  # `up` migrates; each process would ask again
    }


def _handed_on() -> dict[str, str]:
    switches = {name: os.environ.get(f"AIRFLOW__{name}") for name in HANDED_ON}
    return {name: value for name, value in switches.items() if value}


def airflow_group(home: Path, ports: Ports, keys: Keys, env: Mapping[str, str]) -> Group:
    """Airflow's processes; the database is migrated before they start."""
    folder = home / "airflow"
    return Group(
        "airflow",
        services=tuple(_service(name, ports.airflow, folder, env) for name in _PARTS),
        prepare=lambda: _prepare(folder, keys),
        init_tasks=(_migrate(folder, env),),
    )


def _service(name: str, port: int, folder: Path, env: Mapping[str, str]) -> Service:
    return Service(
        name=name,
        command=(sys.executable, "-m", "airflow", *_PARTS[name]),
        env=env,
        cwd=folder,
        ready=_ready(name, port),
        url=f"http://{HOST}:{port}" if name == "api-server" else "",
        patience=300,
    )


def _prepare(folder: Path, keys: Keys) -> None:
    write_json(folder / PASSWORDS, {USER: keys.airflow_password})
    use_wal(folder / "airflow.db")


def _ready(name: str, port: int) -> Callable[[Running], bool]:
    if name == "api-server":
        # Its first answer to a task takes longer than tasks wait, so it is asked for here.
        return lambda _: answers(port, "/execution/health", timeout=30)
    part = name.replace("-", "_")
    beating = beats(port, part)
    if name == "scheduler":
        # It beats before its executor has imported and forked: only then do tasks start.
        return lambda running: running.has_children() and beating(running)
    return beating


def _migrate(folder: Path, env: Mapping[str, str]) -> InitTask:
    marker = folder / "migrated"
    version = metadata.version("apache-airflow")

    def is_migrated() -> bool:
        return marker.exists() and marker.read_text(encoding="utf-8").strip() == version

    return InitTask(
        name="migrate",
        command=(sys.executable, "-m", "airflow", "db", "migrate"),
        env=env,
        cwd=folder,
        done=is_migrated,
        finish=lambda: write_private(marker, version + "\n"),
    )
