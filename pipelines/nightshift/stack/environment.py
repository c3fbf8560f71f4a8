"""The environment that the stack gives to people, to its services and to Airflow's tasks."""

import os
import shlex
from collections.abc import Mapping
from pathlib import Path

from nightshift.settings import DVC_REMOTE, ENV_FILE, LAKE, REGION, SEAL_KEY
from nightshift.stack.files import write_private
from nightshift.stack.keys import Keys
from nightshift.stack.ports import HOST, Ports

USER = "admin"

# A caller's session token or profile would win over, or spoil, the stack's own keys.
CONFLICTING_ENV = ("AWS_SESSION_TOKEN", "AWS_SECURITY_TOKEN", "AWS_PROFILE", "AWS_DEFAULT_PROFILE")
# No service has the key that says which model scores but Airflow, whose tasks seal; it is told by ``extra``.
_FOREIGN = ("AWS_", "MLFLOW_", "AIRFLOW_", "AIRFLOW__", "WEED_", "S3_", SEAL_KEY)


def client_env(home: Path, project: Path, ports: Ports, keys: Keys) -> dict[str, str]:
    """What a client needs to reach everything, with no more configuration."""
    s3 = f"{HOST}:{ports.s3}"
    return {
        "NIGHTSHIFT_HOME": str(home),
        "NIGHTSHIFT_PROJECT": str(project),
        "NIGHTSHIFT_LAKE": LAKE,
        "NIGHTSHIFT_DVC_REMOTE": DVC_REMOTE,
        "AWS_ACCESS_KEY_ID": keys.s3_access_key,
        "AWS_SECRET_ACCESS_KEY": keys.s3_secret_key,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_REGION": REGION,
        "AWS_ENDPOINT_URL": f"http://{s3}",
        "AWS_ALLOW_HTTP": "true",  # Polars and delta-rs refuse plain HTTP otherwise
        "AWS_EC2_METADATA_DISABLED": "true",  # without it SDKs ask the network for a region
        "DUCKDB_S3_ENDPOINT": s3,
        "DUCKDB_S3_USE_SSL": "false",
        "MLFLOW_TRACKING_URI": f"http://{HOST}:{ports.mlflow}",
        "MLFLOW_TRACKING_USERNAME": USER,
        "MLFLOW_TRACKING_PASSWORD": keys.mlflow_password,
        "NIGHTSHIFT_AIRFLOW_URL": f"http://{HOST}:{ports.airflow}",
        "NIGHTSHIFT_AIRFLOW_USER": USER,
        "NIGHTSHIFT_AIRFLOW_PASSWORD": keys.airflow_password,
        SEAL_KEY: keys.seal_key,
        **_no_proxy(),
    }


def _no_proxy() -> dict[str, str]:
    env = {name.lower(): value for name, value in os.environ.items()}
    if not any(name.endswith("_proxy") for name in env):
        return {}
    hosts = [host for host in env.get("no_proxy", "").split(",") if host]
    distinct = dict.fromkeys([*hosts, HOST, "localhost"])
    no_proxy = ",".join(distinct)
    return {"NO_PROXY": no_proxy, "no_proxy": no_proxy}


def service_env(extra: Mapping[str, str]) -> dict[str, str]:
    """The caller's environment without what would steer a service elsewhere, plus ``extra``."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(_FOREIGN)}
    return {
        **kept,
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "DO_NOT_TRACK": "true",
        "GX_ANALYTICS_ENABLED": "false",
        "ORT_DISABLE_TELEMETRY": "1",
        "PYTHONUNBUFFERED": "1",
        **extra,
    }


def enter(values: Mapping[str, str]) -> None:
    """Let this process be a client of the stack whose ``env()`` this is."""
    # Keys that the caller's shell has for some other S3 would win over the stack's own.
    for name in CONFLICTING_ENV:
        os.environ.pop(name, None)
    os.environ.update(values)


def write_env(home: Path, values: Mapping[str, str]) -> None:
    """Write the file that ``settings()`` reads in a fresh shell."""
    lines = [f"{name}={_quoted(value)}\n" for name, value in values.items()]
    write_private(home / ENV_FILE, "".join(lines))


def _quoted(value: str) -> str:
    if shlex.quote(value) == value:
        return value
    escaped = value.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"


def exports(values: Mapping[str, str]) -> str:
    """``values`` as shell commands for ``eval``."""
    lines = [f"unset {' '.join(CONFLICTING_ENV)}"]
    for name, value in values.items():
        lines.append(f"export {name}={shlex.quote(value)}")
    return "\n".join(lines)
