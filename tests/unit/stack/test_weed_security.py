"""SeaweedFS's ports but that of S3 are for its own parts, and MLflow's keys open one bucket."""

import json
import stat
import tomllib
from pathlib import Path

from cryptography import x509

from nightshift.stack.certificates import new_certificates
from nightshift.stack.keys import Keys
from nightshift.stack.weed_security import GRPC, HTTPS, TOKENS, identities, secure


def section(security: dict[str, object], name: str) -> dict[str, object]:
    found: object = security
    for part in name.split("."):
        assert isinstance(found, dict)
        found = found[part]
    assert isinstance(found, dict)
    return found


def test_each_port_asks_for_a_certificate_and_each_token_is_another(tmp_path: Path) -> None:
    folder = secure(tmp_path / 'a "strange" höme', Keys.generate())
    security = tomllib.loads((folder / "security.toml").read_text())
    tokens = {section(security, name)["key"] for name in TOKENS}
    assert len(tokens) == len(TOKENS)
    for name in GRPC:
        assert Path(str(section(security, f"grpc.{name}")["cert"])).exists()
    for name in HTTPS:
        assert Path(str(section(security, f"https.{name}")["ca"])).exists()
    assert section(security, "https.client")["enabled"] is True


def test_files_are_for_this_user_alone_and_are_made_once(tmp_path: Path) -> None:
    keys = Keys.generate()
    folder = secure(tmp_path, keys)
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    assert {stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()} == {0o600}
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    secure(tmp_path, keys)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


def test_mlflow_may_use_one_bucket() -> None:
    keys = Keys.generate()
    owners = {owner["name"]: owner for owner in json.loads(identities(keys))["identities"]}
    assert {action.partition(":")[2] for action in owners["mlflow"]["actions"]} == {"mlflow"}
    assert owners["mlflow"]["credentials"][0]["accessKey"] == keys.mlflow_s3_access_key


def test_nobody_can_make_another_member() -> None:
    one, other = new_certificates(), new_certificates()
    authority = x509.load_pem_x509_certificate(one.authority.encode())
    x509.load_pem_x509_certificate(one.member.encode()).verify_directly_issued_by(authority)
    # The key that is kept is the member's: the authority's is gone.
    assert one.authority != other.authority
    assert authority.public_key() != x509.load_pem_x509_certificate(one.member.encode()).public_key()
    assert one.member_key not in repr(one)
