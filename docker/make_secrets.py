"""Make the secrets of a compose project at its first start.

``show`` prints what a client on the host needs, for a shell; ``access`` where people log in, and how.

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
SERVER_GROUP = 999
"""Of the users that Postgres and Redis run as."""
OWN_LAKE = "NIGHTSHIFT_LAKE"
OWN_LOGINS = "NIGHTSHIFT_MLFLOW_LOGINS_URI"
"""Said where stores are somebody's own: the lake, and the database of MLflow's logins."""
FORMER = ("s3.env", "mlflow.env", "airflow.env")
"""Files that projects of before have among the kept ones, for every service to read."""


def main() -> None:
    """Write what is missing, keep what is there."""
    keys = load_keys(KEPT)
    client = client_env(KEPT, KEPT, Ports(**requested_ports()), keys)
    if sys.argv[1:] == ["show"]:
        print(exports({name: value for name, value in client.items() if name not in INSIDE}))
        return
    if sys.argv[1:] == ["access"]:
        print(access(client))
        return
    for name in FORMER:
        (KEPT / name).unlink(missing_ok=True)
    for service, values in environments(keys, client).items():
        write(service, values)
    for role in ROLES:
        write_private(MADE / "init" / role, password(role))
    write_json(MADE / "api-server" / "passwords.json", {USER: keys.airflow_password})
    logins = os.environ.get(OWN_LOGINS) or database("mlflow", LOGINS)
    write_private(MADE / "mlflow" / AUTH_FILE, auth_file(logins.replace("%", "%%")))
    secure_folder(MADE / "s3", keys, SEEN)
    write_private(MADE / "prometheus" / "token", kept("metrics"))
    write_for_server("postgres", "password", password("postgres"))
    write_for_server("redis", "redis.conf", redis_conf(kept("redis")))


def access(client: Mapping[str, str]) -> str:
    """The pages that people open, a line each, with the logins."""
    airflow = f"user {USER}, password {client['NIGHTSHIFT_AIRFLOW_PASSWORD']}"
    mlflow = f"user {USER}, password {client['MLFLOW_TRACKING_PASSWORD']}"
    return (
        f"Airflow  {client['NIGHTSHIFT_AIRFLOW_URL']}  {airflow}\n"
        f"MLflow   {client['MLFLOW_TRACKING_URI']}  {mlflow}\n"
        f"S3       {client['AWS_ENDPOINT_URL']}  keys: "
        'eval "$(docker compose run --rm -T secrets python docker/make_secrets.py show)"'
    )


def environments(keys: Keys, client: Mapping[str, str]) -> dict[str, dict[str, str]]:
    """What each service is told, and no other."""
    store = lake(client)
    metadata = {
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": database("airflow"),
        "AIRFLOW__CORE__FERNET_KEY": keys.airflow_fernet_key,
    }
    # The api-server checks the tokens that the scheduler gives to tasks.
    tokens = {
        "AIRFLOW__API__SECRET_KEY": keys.airflow_secret_key,
        "AIRFLOW__API_AUTH__JWT_SECRET": keys.airflow_jwt_secret,
    }
    queue = {"AIRFLOW__CELERY__BROKER_URL": redis(0), "AIRFLOW__CELERY__RESULT_BACKEND": redis(1)}
    # What reads the lake believes no ledger without the key of its seals, and what tells people writes in one.
    sealed = {**store, "NIGHTSHIFT_SEAL_KEY": keys.seal_key}
    registry = {"MLFLOW_TRACKING_USERNAME": USER, "MLFLOW_TRACKING_PASSWORD": keys.mlflow_password}
    return {
        "init": {**metadata, **store, "MLFLOW_BACKEND_STORE_URI": database("mlflow")},
        "mlflow": mlflow(keys, store),
        "api-server": {**metadata, **tokens, **sealed, **registry},
        "scheduler": {**metadata, **tokens, **queue},
        "worker": {**queue, **sealed, **registry},
        "dag-processor": {**metadata, **sealed},
        "triggerer": {**metadata, **sealed},
        "housekeeper": metadata,
        "serve": sealed,
        "metrics": {**sealed, "NIGHTSHIFT_METRICS_TOKEN": kept("metrics")},
    }


def lake(client: Mapping[str, str]) -> dict[str, str]:
    """How the made store is reached; nothing where the lake is somebody's own, whose keys or role then count alone."""
    if os.environ.get(OWN_LAKE):
        return {}
    store = {name: value for name, value in client.items() if name.startswith("AWS_")}
    return {**store, "AWS_ENDPOINT_URL": OWN_S3}


def mlflow(keys: Keys, store: Mapping[str, str]) -> dict[str, str]:
    """What MLflow is told: keys of its own, which open its own bucket and its own databases."""
    bucket = {"AWS_ACCESS_KEY_ID": keys.mlflow_s3_access_key, "AWS_SECRET_ACCESS_KEY": keys.mlflow_s3_secret_key}
    return {
        **store,
        **(bucket if store else {}),
        **login_env(keys),
        "MLFLOW_AUTH_CONFIG_PATH": str(SEEN / AUTH_FILE),
        "MLFLOW_BACKEND_STORE_URI": database("mlflow"),
        "MLFLOW_ARTIFACTS_DESTINATION": "s3://mlflow",
    }


def database(role: str, name: str | None = None) -> str:
    """The address of a service's own database."""
    return f"postgresql+psycopg2://{role}:{password(role)}@postgres/{name or role}"


def redis(number: int) -> str:
    """The address of one of Redis' databases: tasks that wait, or how they ended."""
    return f"redis://:{kept('redis')}@redis:6379/{number}"


def redis_conf(secret: str) -> str:
    """Redis' configuration: what waits is in a file a second later, and memory that is full refuses what is new."""
    return (
        f"requirepass {secret}\nbind 0.0.0.0\ndir /data\nappendonly yes\nappendfsync everysec\n"
        "maxmemory 384mb\nmaxmemory-policy noeviction\n"
    )


def password(role: str) -> str:
    """A Postgres role's password, made once."""
    return kept(f"postgres.{role}")


def kept(name: str) -> str:
    """A secret that is made once."""
    path = KEPT / name
    if not path.exists():
        write_private(path, secrets.token_hex(20))
    return path.read_text(encoding="utf-8")


def write(service: str, values: Mapping[str, str]) -> None:
    """A file for ``with-secrets``; what a container's environment says already wins over it."""
    lines = [f'export {key}="${{{key}:-{value}}}"\n' for key, value in values.items()]
    write_private(MADE / service / "env", "".join(lines))


def write_for_server(service: str, name: str, text: str) -> None:
    """A file for another user of the containers: by its group, in which this process is."""
    folder = MADE / service
    path = folder / name
    write_private(path, text)
    for place, mode in ((folder, 0o750), (path, 0o640)):
        os.chown(place, -1, SERVER_GROUP)
        place.chmod(mode)


if __name__ == "__main__":
    main()
