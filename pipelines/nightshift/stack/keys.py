"""Keys and passwords, made at the first start and kept."""

import base64
import secrets
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from nightshift.errors import StackError
from nightshift.stack.files import read_json, write_json

KEYS_FILE = "keys.json"
LATER = frozenset({
    "mlflow_password",
    "mlflow_secret_key",
    "mlflow_s3_access_key",
    "mlflow_s3_secret_key",
    "seal_key",
})
"""Keys that homes of before do not have, and get: nothing that they hold depends on them."""


@dataclass(frozen=True, repr=False)
class Keys:
    """Every secret of one stack. No ``repr``: a traceback must not print them."""

    s3_access_key: str
    s3_secret_key: str
    airflow_password: str
    airflow_fernet_key: str
    airflow_jwt_secret: str
    airflow_secret_key: str
    mlflow_password: str
    mlflow_secret_key: str
    mlflow_s3_access_key: str
    mlflow_s3_secret_key: str
    seal_key: str

    @classmethod
    def generate(cls) -> "Keys":
        """New random keys, of letters, digits, ``-`` and ``_`` only: safe in any shell or URL."""
        return cls(
            s3_access_key=f"NIGHTSHIFT{secrets.token_hex(5).upper()}",
            s3_secret_key=secrets.token_hex(20),
            airflow_password=secrets.token_hex(8),
            airflow_fernet_key=base64.urlsafe_b64encode(secrets.token_bytes(32)).decode(),
            airflow_jwt_secret=secrets.token_hex(32),
            airflow_secret_key=secrets.token_hex(32),
            mlflow_password=secrets.token_hex(8),
            mlflow_secret_key=secrets.token_hex(32),
            mlflow_s3_access_key=f"MLFLOW{secrets.token_hex(5).upper()}",
            mlflow_s3_secret_key=secrets.token_hex(20),
            seal_key=secrets.token_hex(32),
        )


def has_keys(home: Path) -> bool:
    """Whether this home was ever started."""
    return (home / KEYS_FILE).exists()


def load_keys(home: Path) -> Keys:
    """The keys of this home, made now if this is the first start."""
    path = home / KEYS_FILE
    if not has_keys(home):
        write_json(path, asdict(Keys.generate()))
    stored = read_json(path)
    names = [field.name for field in fields(Keys)]
    missing = [name for name in names if not stored.get(name)]
    if missing and LATER.issuperset(missing):
        stored = {**asdict(Keys.generate()), **stored}
        write_json(path, stored)
    elif missing:
        raise StackError(
            f"{path} lacks {', '.join(missing)}",
            fix=f"put it back from a copy, or remove {home} to start anew (its data are then lost)",
        )
    values = {name: str(stored[name]) for name in names}
    return Keys(**values)
