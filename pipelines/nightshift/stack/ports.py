"""Which ports the stack uses, and whether they are free."""

import os
import random
import socket
import time
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

from nightshift.errors import PortTaken, UsageError
from nightshift.stack.files import read_json, write_json

HOST = "127.0.0.1"
PORTS_FILE = "ports.json"
DEFAULTS = {"s3": 8333, "mlflow": 5000, "airflow": 8080}
VARIABLES = {name: f"NIGHTSHIFT_{name.upper()}_PORT" for name in DEFAULTS}

# SeaweedFS looks for its admin's gRPC port at this distance, whatever it is told.
ADMIN_GRPC_OFFSET = 10_000
_INTERNAL = ("s3.grpc", "master", "master.grpc", "volume", "volume.grpc", "filer", "filer.grpc", "admin")


@dataclass(frozen=True)
class Ports:
    """The three ports that people use; SeaweedFS's internal ones follow the S3 port."""

    s3: int = DEFAULTS["s3"]
    mlflow: int = DEFAULTS["mlflow"]
    airflow: int = DEFAULTS["airflow"]

    @property
    def weed(self) -> dict[str, int]:
        """All of SeaweedFS's ports, by the names of its options."""
        internal = {name: port for port, name in enumerate(_INTERNAL, start=self.s3 + 1)}
        return {
            "s3": self.s3,
            **internal,
            "admin.grpc": internal["admin"] + ADMIN_GRPC_OFFSET,
        }

    def of(self, group: str) -> dict[str, int]:
        """The ports one group of services listens on, with what each is for."""
        if group == "s3":
            return self.weed
        port: int = getattr(self, group)
        return {group: port}

    def all(self) -> list[int]:
        """Every port of every group."""
        ports: list[int] = []
        for group in DEFAULTS:
            ports.extend(self.of(group).values())
        return ports

    def check(self) -> "Ports":
        """Raise ``UsageError`` where a port is out of range or used twice."""
        used: dict[int, str] = {}
        for group in DEFAULTS:
            for name, port in self.of(group).items():
                if not 1024 <= port <= 65_535:
                    problem = f"port {port} ({name} of {group}) is out of range"
                    raise UsageError(problem, fix=_change(group))
                if port in used:
                    problem = f"port {port} is given to both {used[port]} and {name}"
                    raise UsageError(problem, fix=_change(group))
                used[port] = name
        return self

    @classmethod
    def free(cls) -> "Ports":
        """Random ports that are free now; for tests and second stacks."""
        # Below the range from which the kernel takes ports for outgoing connections.
        bases = range(10_000, 22_000, 16)
        for base in random.sample(bases, 200):
            ports = cls(s3=base, mlflow=base + 12, airflow=base + 13)
            if not taken(ports.all()):
                return ports
        raise PortTaken("no free ports between 10000 and 32000", fix="stop other stacks: `nightshift down`")


def _change(group: str) -> str:
    return f"set {VARIABLES[group]} to another port"


def requested_ports() -> dict[str, int]:
    """The ports that the environment asks for."""
    requested: dict[str, int] = {}
    for group, variable in VARIABLES.items():
        value = os.environ.get(variable)
        if not value:
            continue
        if not value.isdecimal():
            raise UsageError(f"{variable}={value!r} is not a port", fix=_change(group))
        requested[group] = int(value)
    return requested


def remembered_ports(home: Path) -> dict[str, int]:
    """The ports of the last ``up`` in this home."""
    stored = read_json(home / PORTS_FILE)
    return {name: int(stored[name]) for name in DEFAULTS if name in stored}


def remember_ports(home: Path, ports: Ports) -> None:
    """Keep the ports, so that URLs stay the same after a ``down``."""
    write_json(home / PORTS_FILE, asdict(ports))


def taken(ports: Iterable[int]) -> list[int]:
    """Those of ``ports`` on which something listens or which cannot be bound."""
    return [port for port in ports if not _is_free(port)]


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(0.2)
        # macOS lets one bind beside a listener on 0.0.0.0: only a connection tells.
        if probe.connect_ex((HOST, port)) == 0:
            return False
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True


def require_free(group: str, ports: Ports, *, patience: float = 0.0) -> None:
    """Raise ``PortTaken`` for the first port of ``group`` that is still in use after ``patience`` seconds."""
    deadline = time.monotonic() + patience
    wanted = ports.of(group)
    while taken(wanted.values()) and time.monotonic() < deadline:
        time.sleep(0.05)
    for name, port in wanted.items():
        if not taken([port]):
            continue
        user = group if name == group else f"{group} ({name})"
        raise PortTaken(
            f"port {port}, needed by {user}, is in use{_holder(port)}",
            fix=_change(group),
        )


def _holder(port: int) -> str:
    import psutil

    try:
        for connection in psutil.net_connections(kind="tcp"):
            listens = connection.status == psutil.CONN_LISTEN and connection.laddr.port == port
            if listens and connection.pid:
                process = psutil.Process(connection.pid)
                return f" by {process.name()} (pid {connection.pid})"
    except psutil.Error:
        return ""  # other people's processes cannot be seen on every system
    return ""
