"""Make the secrets of a compose project at its first start; ``show`` prints what a client on the host needs.

Every service reads the files that NIGHTSHIFT_SECRETS names, see ``with-secrets``.
"""

import secrets
import sys
from collections.abc import Mapping
from pathlib import Path

from nightshift.stack import Ports
from nightshift.stack.environment import client_env, exports
from nightshift.stack.files import write_private
from nightshift.stack.keys import Keys, load_keys
from nightshift.stack.ports import requested_ports

HOME = Path("/secrets")
OWN_S3 = "http://s3:8333"
INSIDE = ("NIGHTSHIFT_HOME", "NIGHTSHIFT_PROJECT")


def main() -> None:
    """Write what is missing, keep what is there."""
    keys = load_keys(HOME)
    client = client_env(HOME, HOME, Ports(**requested_ports()), keys)
    if sys.argv[1:] == ["show"]:
        print(exports({name: value for name, value in client.items() if name not in INSIDE}))
        return
    password("postgres")
    aws = {name: value for name, value in client.items() if name.startswith("AWS_")}
    write("s3", {**aws, "AWS_ENDPOINT_URL": OWN_S3})
    write(
        "mlflow",
        {"MLFLOW_BACKEND_STORE_URI": database("mlflow"), "MLFLOW_ARTIFACTS_DESTINATION": "s3://mlflow"},
    )
    write("airflow", airflow(keys))


def airflow(keys: Keys) -> dict[str, str]:
    """What Airflow's processes share."""
    return {
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": database("airflow"),
        "AIRFLOW__CORE__FERNET_KEY": keys.airflow_fernet_key,
        "AIRFLOW__API__SECRET_KEY": keys.airflow_secret_key,
        "AIRFLOW__API_AUTH__JWT_SECRET": keys.airflow_jwt_secret,
        "NIGHTSHIFT_AIRFLOW_PASSWORD": keys.airflow_password,
        "NIGHTSHIFT_SEAL_KEY": keys.seal_key,
    }


def database(name: str) -> str:
    """The address of a service's own database."""
    return f"postgresql+psycopg2://{name}:{password(name)}@postgres/{name}"


def password(role: str) -> str:
    """A Postgres role's password, made once."""
    path = HOME / f"postgres.{role}"
    if not path.exists():
        write_private(path, secrets.token_hex(20))
    return path.read_text(encoding="utf-8")


def write(name: str, values: Mapping[str, str]) -> None:
    """A file for ``with-secrets``; what a container's environment says already wins over it."""
    lines = [f'export {key}="${{{key}:-{value}}}"\n' for key, value in values.items()]
    write_private(HOME / f"{name}.env", "".join(lines))


if __name__ == "__main__":
    main()
