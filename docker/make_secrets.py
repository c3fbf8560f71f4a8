"""Make the secrets of a compose project at its first start; ``show`` prints what a client on the host needs.

Its own volume keeps all of them. Each service has another one, with what that service needs and no more, see
``with-secrets``.
"""

import os
import secrets
import sys
from collections.abc import Mapping
from pathlib import Path

from nightshift.stack import Ports
from nightshift.stack.environment import USER, client_env, exports
from nightshift.stack.files import write_json, write_private
from nightshift.stack.keys import Keys, load_keys
from nightshift.stack.mlflow_server import AUTH_FILE, auth_file, login_env
from nightshift.stack.ports import requested_ports
from nightshift.stack.weed_security import secure_folder

KEPT = Path("/keys")
MADE = Path("/made")
SEEN = Path("/secrets")
"""Where a service sees its own folder of ``MADE``."""
OWN_S3 = "http://s3:8333"
INSIDE = ("NIGHTSHIFT_HOME", "NIGHTSHIFT_PROJECT")
ROLES = ("postgres", "airflow", "mlflow")
LOGINS = "mlflow_logins"
"""The database of MLflow's users."""
POSTGRES_GROUP = 999
FORMER = ("s3.env", "mlflow.env", "airflow.env")
"""Files that projects of before have among the kept ones, for every service to read."""


def main() -> None:
    """Write what is missing, keep what is there."""
    keys = load_keys(KEPT)
    client = client_env(KEPT, KEPT, Ports(**requested_ports()), keys)
    if sys.argv[1:] == ["show"]:
        print(exports({name: value for name, value in client.items() if name not in INSIDE}))
        return
    for name in FORMER:
        (KEPT / name).unlink(missing_ok=True)
    for service, values in environments(keys, client).items():
        write(service, values)
    for role in ROLES:
        write_private(MADE / "init" / role, password(role))
    write_json(MADE / "api-server" / "passwords.json", {USER: keys.airflow_password})
    write_private(MADE / "mlflow" / AUTH_FILE, auth_file(database("mlflow", LOGINS)))
    secure_folder(MADE / "s3", keys, SEEN)
    write_for_postgres()


def environments(keys: Keys, client: Mapping[str, str]) -> dict[str, dict[str, str]]:
    """What each service is told, and no other."""
    store = {name: value for name, value in client.items() if name.startswith("AWS_")}
    store["AWS_ENDPOINT_URL"] = OWN_S3
    metadata = {
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": database("airflow"),
        "AIRFLOW__CORE__FERNET_KEY": keys.airflow_fernet_key,
    }
    # The api-server checks the tokens that the scheduler gives to tasks; both read the lake and the registry.
    tasks = {
        **metadata,
        **store,
        "AIRFLOW__API__SECRET_KEY": keys.airflow_secret_key,
        "AIRFLOW__API_AUTH__JWT_SECRET": keys.airflow_jwt_secret,
        "NIGHTSHIFT_SEAL_KEY": keys.seal_key,
        "MLFLOW_TRACKING_USERNAME": USER,
        "MLFLOW_TRACKING_PASSWORD": keys.mlflow_password,
    }
    return {
        "init": {**metadata, **store},
        "mlflow": mlflow(keys, store),
        "api-server": tasks,
        "scheduler": tasks,
        "dag-processor": metadata,
        "triggerer": metadata,
    }


def mlflow(keys: Keys, store: Mapping[str, str]) -> dict[str, str]:
    """What MLflow is told: keys of its own, which open its own bucket and its own databases."""
    return {
        **store,
        **login_env(keys),
        "AWS_ACCESS_KEY_ID": keys.mlflow_s3_access_key,
        "AWS_SECRET_ACCESS_KEY": keys.mlflow_s3_secret_key,
        "MLFLOW_AUTH_CONFIG_PATH": str(SEEN / AUTH_FILE),
        "MLFLOW_BACKEND_STORE_URI": database("mlflow"),
        "MLFLOW_ARTIFACTS_DESTINATION": "s3://mlflow",
    }


def database(role: str, name: str | None = None) -> str:
    """The address of a service's own database."""
    return f"postgresql+psycopg2://{role}:{password(role)}@postgres/{name or role}"


def password(role: str) -> str:
    """A Postgres role's password, made once."""
    path = KEPT / f"postgres.{role}"
    if not path.exists():
        write_private(path, secrets.token_hex(20))
    return path.read_text(encoding="utf-8")


def write(service: str, values: Mapping[str, str]) -> None:
    """A file for ``with-secrets``; what a container's environment says already wins over it."""
    lines = [f'export {key}="${{{key}:-{value}}}"\n' for key, value in values.items()]
    write_private(MADE / service / "env", "".join(lines))


def write_for_postgres() -> None:
    """The administrator's password, for another user of the containers: by its group, in which this process is."""
    folder = MADE / "postgres"
    path = folder / "password"
    write_private(path, password("postgres"))
    for place, mode in ((folder, 0o750), (path, 0o640)):
        os.chown(place, -1, POSTGRES_GROUP)
        place.chmod(mode)


if __name__ == "__main__":
    main()
