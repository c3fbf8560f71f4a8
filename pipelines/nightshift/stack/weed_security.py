"""What closes SeaweedFS but for its S3 port: its other ports ask for a certificate, and its parts for signed words.

Those of master, volume, filer and admin give and take objects past S3's signatures. ``security.toml`` lets them speak
TLS alone, with certificates on both sides, and lets writes and reads carry a token of a key. ``s3.json`` says who may
do what through S3.
"""

import json
import secrets
from pathlib import Path

from nightshift.stack.certificates import new_certificates
from nightshift.stack.files import write_private
from nightshift.stack.keys import Keys

FOLDER = "weed"
IDENTITIES = "s3.json"
SECURITY = "security.toml"
TOKENS = ("jwt.signing", "jwt.signing.read", "jwt.filer_signing", "jwt.filer_signing.read")
GRPC = ("master", "volume", "filer", "s3", "admin", "worker", "client", "mq", "msg_broker", "msg_agent")
HTTPS = ("master", "volume", "filer", "admin")
MLFLOW_MAY = ("Read", "Write", "List", "Tagging")
MLFLOW_BUCKET = "mlflow"


def secure(home: Path, keys: Keys) -> Path:
    """The folder in which SeaweedFS runs, with both files."""
    folder = home / FOLDER
    secure_folder(folder, keys, folder)
    return folder


def secure_folder(folder: Path, keys: Keys, seen_at: Path) -> None:
    """Write both files; SeaweedFS sees them at ``seen_at``. Certificates are made once, and no data depend on them."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    write_private(folder / IDENTITIES, identities(keys))
    if not (folder / SECURITY).exists():
        _write_security(folder, seen_at)


def identities(keys: Keys) -> str:
    """Who may use S3, as SeaweedFS reads it: the stack everything, MLflow its own bucket."""
    may = [f"{action}:{MLFLOW_BUCKET}" for action in MLFLOW_MAY]
    owners = [
        _identity("nightshift", keys.s3_access_key, keys.s3_secret_key, ["Admin", *MLFLOW_MAY]),
        _identity("mlflow", keys.mlflow_s3_access_key, keys.mlflow_s3_secret_key, may),
    ]
    return json.dumps({"identities": owners}, indent=2)


def _identity(name: str, access_key: str, secret_key: str, actions: list[str]) -> dict[str, object]:
    credentials = {"accessKey": access_key, "secretKey": secret_key}
    return {"name": name, "credentials": [credentials], "actions": actions}


def _write_security(folder: Path, seen_at: Path) -> None:
    certificates = new_certificates()
    write_private(folder / "authority.pem", certificates.authority)
    write_private(folder / "member.pem", certificates.member)
    write_private(folder / "member.key", certificates.member_key)
    # Last: a folder that has it has the others.
    write_private(folder / SECURITY, _security(seen_at))


def _security(folder: Path) -> str:
    authority = f"ca = {_quoted(folder / 'authority.pem')}"
    member = f"cert = {_quoted(folder / 'member.pem')}\nkey = {_quoted(folder / 'member.key')}"
    sections = [f'[{name}]\nkey = "{secrets.token_hex(32)}"' for name in TOKENS]
    sections.append(f"[grpc]\n{authority}")
    sections += [f"[grpc.{name}]\n{member}" for name in GRPC]
    sections += [f"[https.{name}]\n{member}\n{authority}" for name in HTTPS]
    sections.append(f"[https.client]\nenabled = true\n{member}\n{authority}")
    return "\n\n".join(sections) + "\n"


def _quoted(path: Path) -> str:
    # A JSON string is a TOML string.
    return json.dumps(str(path), ensure_ascii=False)
