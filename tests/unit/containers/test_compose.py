"""What docker-compose.yml and Dockerfile promise, read from the files: no engine is needed."""

import os
import re
import shlex
import subprocess
import sys
import tomllib
from dataclasses import asdict
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import yaml

from nightshift.stack import airflow_services, plan
from nightshift.stack import seaweedfs as weed
from nightshift.stack.keys import Keys, load_keys
from nightshift.stack.mlflow_server import APP
from tests.scripts import load_script

ROOT = Path(__file__).parents[3]
COMPOSE = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
DOCKERFILE = (ROOT / "Dockerfile").read_text()
ONE_SHOT = {"secrets", "init", "keeper"}
SERVERS = {"postgres", "redis"}
"""Of images that are not ours, as the user that these have."""
GROWN = {"worker", "housekeeper", "metrics", "prometheus", "serve", "serve-proxy"}
"""What the embedded stack has no process for."""
KNOWS_NOTHING = {"serve-proxy"}
"""No secret of its own."""
OUTSIDE = {"outside": {"internal": "${NIGHTSHIFT_CLOSED:-true}"}}
OURS = {name: service for name, service in SERVICES.items() if name not in SERVERS}


USERS = {"postgres": "999:999", "redis": "999:999", "keeper": "0:0"}


def words(service: str) -> list[str]:
    command = SERVICES[service]["command"]
    return shlex.split(command) if isinstance(command, str) else command


def clients(network: str) -> set[str]:
    return {name for name, service in SERVICES.items() if network in service.get("networks", ())}


def mounts(name: str) -> dict[str, str]:
    """What a service mounts: volume -> place."""
    return dict(mount.split(":", 1) for mount in SERVICES[name].get("volumes", ()))


def test_every_process_of_the_embedded_stack_has_its_service() -> None:
    embedded = {name for group in plan.PROCESSES.values() for name in group}
    assert set(SERVICES) == embedded | SERVERS | GROWN | ONE_SHOT


def test_five_ports_are_published_on_loopback_alone() -> None:
    published = {name: service["ports"] for name, service in SERVICES.items() if "ports" in service}
    assert published == {
        "s3": ["127.0.0.1:${NIGHTSHIFT_S3_PORT:-8333}:8333"],
        "mlflow": ["127.0.0.1:${NIGHTSHIFT_MLFLOW_PORT:-5000}:5000"],
        "api-server": ["127.0.0.1:${NIGHTSHIFT_AIRFLOW_PORT:-8080}:8080"],
        "prometheus": ["127.0.0.1:${NIGHTSHIFT_PROMETHEUS_PORT:-9090}:9090"],
        "serve-proxy": ["127.0.0.1:${NIGHTSHIFT_SERVE_PORT:-8100}:8080"],
    }
    assert not any(service.get("network_mode") == "host" for service in SERVICES.values())


def test_of_seaweedfs_only_s3_leaves_loopback() -> None:
    flags = words("s3")
    assert {"-ip=127.0.0.1", "-ip.bind=127.0.0.1", "-s3.ip.bind=0.0.0.0"} <= set(flags)
    # `weed server` starts neither WebDAV nor an admin page.
    embedded = set(weed._OFF) - {"-webdav=false", "-admin.ui=false"}
    assert embedded <= set(flags)


def test_who_may_talk_to_whom() -> None:
    with_tables = {"init", "mlflow", "api-server", "scheduler", "dag-processor", "triggerer", "housekeeper"}
    with_lake = {"init", "mlflow", "api-server", "worker", "dag-processor", "triggerer", "metrics", "serve"}
    # A task runs what a project says: it reaches no database.
    assert clients("postgres") == with_tables | {"postgres"}
    assert clients("redis") == {"redis", "scheduler", "worker"}
    assert clients("s3") == with_lake | {"s3"}
    assert clients("mlflow") == {"mlflow", "api-server", "worker"}
    assert clients("airflow") == {"api-server", "scheduler", "worker", "dag-processor", "triggerer"}
    assert clients("metrics") == {"metrics", "prometheus"}
    # Who takes requests from outside reaches the servers, and no store.
    assert clients("serve") == {"serve", "serve-proxy"}
    assert set(SERVICES["serve-proxy"]["networks"]) == {"serve", "port-of-serve-proxy"}
    assert clients("outside") == with_tables | with_lake
    assert SERVICES["secrets"]["network_mode"] == SERVICES["keeper"]["network_mode"] == "none"
    # A service that names no network would join the default one, where everybody is.
    assert all("networks" in service or "network_mode" in service for service in SERVICES.values())


def test_nothing_leaves_but_by_a_network_of_one_published_port() -> None:
    networks: dict[str, dict[str, Any]] = COMPOSE["networks"]
    published = {f"port-of-{name}" for name, service in SERVICES.items() if "ports" in service}
    internal = {"internal": True}
    open_ones = {name: network for name, network in networks.items() if network != internal}
    assert {name: network for name, network in open_ones.items() if name not in published} == OUTSIDE
    for name in published:
        assert clients(name) == {name.removeprefix("port-of-")}
        # Without an address of the host, no answer comes back to what it sends out.
        assert networks[name] == {"driver_opts": {"com.docker.network.bridge.enable_ip_masquerade": "false"}}


def test_where_it_is_open_what_goes_out_goes_by_the_network_outside() -> None:
    """Docker's way out is the first by name of a container's networks that are not internal."""
    networks: dict[str, dict[str, Any]] = COMPOSE["networks"]
    open_ones = [name for name, network in networks.items() if network != {"internal": True}]
    for name in clients("outside"):
        assert min(set(SERVICES[name]["networks"]) & set(open_ones)) == "outside", name


@pytest.mark.parametrize("name", sorted(SERVICES))
def test_a_service_has_no_rights_that_it_does_not_need(name: str) -> None:
    service = SERVICES[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["user"] == USERS.get(name, "1000:1000")
    assert service["mem_limit"]
    assert 0 < service["pids_limit"] <= 4096
    # It gives files of all users back to them; it has no network, and runs when a person says so.
    assert service.get("cap_add", []) == (["CHOWN", "DAC_OVERRIDE", "FOWNER"] if name == "keeper" else [])
    assert not {"privileged", "devices", "pid", "ipc", "userns_mode"} & set(service)
    assert "/tmp" in service["tmpfs"]
    assert not any("docker.sock" in mount for mount in service.get("volumes", ()) if isinstance(mount, str))


def test_a_service_sees_its_own_secrets_alone() -> None:
    for name in SERVICES:
        secret = {volume: place for volume, place in mounts(name).items() if volume.startswith("secrets")}
        if name == "secrets":
            others = {
                f"secrets-{other}": f"/made/{other}"
                for other in SERVICES
                if other not in {"secrets", "keeper", *KNOWS_NOTHING}
            }
            assert secret == {"secrets": "/keys", **others}
        elif name == "keeper":
            assert secret == {"secrets": "/state/secrets"}
        elif name in KNOWS_NOTHING:
            assert mounts(name) == {}
        else:
            assert secret == {f"secrets-{name}": "/secrets:ro"}, name
    assert {volume for name in SERVICES for volume in mounts(name)} == set(COMPOSE["volumes"])


def test_the_image_has_each_place_for_secrets_that_volumes_are_mounted_on() -> None:
    # A new volume takes its owner and mode from it.
    stage = DOCKERFILE.partition(" AS nightshift\n")[2]
    (places,) = re.findall(r"install -d -o nightshift -g nightshift -m 700 ((?:.*\\\n)*.*)", stage)
    own = set(OURS) - {"keeper", "prometheus", "serve-proxy"}
    wanted = {place.removesuffix(":ro") for name in own for place in mounts(name).values()}
    assert set(places.replace("\\\n", " ").split()) == wanted


@pytest.mark.parametrize("name", sorted(SERVICES))
def test_a_service_is_watched_or_runs_once(name: str) -> None:
    service = SERVICES[name]
    if name in ONE_SHOT:
        assert service["restart"] == "no"
        assert "healthcheck" not in service
    else:
        assert service["restart"] == "unless-stopped"
        assert service["healthcheck"]["test"][0] == "CMD"
        assert "stop_grace_period" in service


def test_services_wait_until_what_they_need_is_ready() -> None:
    for name, service in SERVICES.items():
        for needed, how in service.get("depends_on", {}).items():
            expected = "service_completed_successfully" if needed in ONE_SHOT else "service_healthy"
            assert how == {"condition": expected}, f"{name} needs {needed}"


def test_one_image_and_three_base_images() -> None:
    images = {name: service["image"] for name, service in OURS.items()}
    assert images.pop("prometheus") == "nightshift-prometheus"
    assert images.pop("serve-proxy") == "nightshift-serve-proxy"
    assert set(images.values()) == {"${NIGHTSHIFT_IMAGE:-nightshift}"}
    assert {name: SERVICES[name]["image"] for name in SERVERS} == {"postgres": "postgres:17", "redis": "redis:7"}
    bases = re.findall(r"^FROM (\S+)", DOCKERFILE, re.MULTILINE)
    assert set(bases) == {"python:3.11-slim-bookworm"}


def test_the_images_run_as_a_user_and_take_code_after_packages() -> None:
    assert re.findall(r"^USER (\S+)", DOCKERFILE, re.MULTILINE) == ["nightshift", "nightshift", "nightshift"]
    install, code = DOCKERFILE.index("-r /tmp/requirements.txt"), DOCKERFILE.index("COPY . .")
    assert DOCKERFILE.index("COPY constraints.txt") < install < code < DOCKERFILE.index("ARG NIGHTSHIFT_COMMIT")


def test_the_image_has_the_core_and_every_extra_but_those_of_developers_and_spark() -> None:
    (program,) = re.findall(r'^RUN python -c "((?:.*\\\n)*.*)" > /requirements.txt$', DOCKERFILE, re.MULTILINE)
    printed = subprocess.run(
        [sys.executable, "-c", program.replace("\\\n", "")], cwd=ROOT, capture_output=True, text=True, check=True
    )
    toml = tomllib.loads((ROOT / "pyproject.toml").read_text())
    extras = toml["project"]["optional-dependencies"]
    left_out = {"dev", "spark"}
    wanted = {name for extra, names in extras.items() if extra not in left_out for name in names}
    wanted |= {*toml["project"]["dependencies"], *toml["build-system"]["requires"]}
    assert set(printed.stdout.splitlines()) == wanted


def test_only_named_files_enter_the_image() -> None:
    lines = [line for line in (ROOT / ".dockerignore").read_text().splitlines() if not line.startswith("#")]
    assert lines[0] == "*"
    code = {"dags", "docker", "models", "pipelines", "plugins"}
    assert {line[1:] for line in lines if line.startswith("!")} == code | {
        "LICENSE", "README.md", "constraints.txt", "nightshift.toml", "pyproject.toml",
    }  # fmt: skip


def test_no_secret_is_written_down() -> None:
    secret = re.compile(r"password|secret|_key|token|fernet|conn", re.IGNORECASE)
    known = {"AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE"}
    for name, service in SERVICES.items():
        environment = service.get("environment", {})
        names = set(environment)
        assert not {key for key in names if secret.search(key)} - known, name
    # A URL with a password in it, or anything that looks random.
    for text in (DOCKERFILE, (ROOT / "docker-compose.yml").read_text()):
        assert not re.search(r"://[^/\s]*:[^/\s]*@|[0-9a-f]{16}", text)


@pytest.fixture
def make_secrets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """docker/make_secrets.py, whose volumes are folders of a test."""
    module = load_script(ROOT / "docker" / "make_secrets.py")
    for volume, place in mounts("secrets").items():
        (tmp_path / place.lstrip("/")).mkdir(parents=True, mode=0o700)
        assert volume
    changes = {"KEPT": tmp_path / "keys", "MADE": tmp_path / "made", "SERVER_GROUP": os.getgid()}
    for name, value in changes.items():
        monkeypatch.setattr(module, name, value)
    monkeypatch.setattr(sys, "argv", ["make_secrets.py"])
    return module


def secrets_of(service: str, module: ModuleType) -> str:
    """Everything in the files of a service."""
    folder = module.MADE / service
    return "\n".join(path.read_text() for path in folder.iterdir())


# The rest of Keys is nobody's: the maker alone has it.
MAY_KNOW = {
    "postgres": {"postgres.postgres"},
    "s3": {"s3_access_key", "s3_secret_key", "mlflow_s3_access_key", "mlflow_s3_secret_key"},
    "redis": {"redis"},
    "init": {
        "postgres.postgres", "postgres.airflow", "postgres.mlflow", "airflow_fernet_key", "s3_access_key",
        "s3_secret_key",
    },
    "mlflow": {
        "postgres.mlflow", "mlflow_password", "mlflow_secret_key", "mlflow_s3_access_key", "mlflow_s3_secret_key",
    },
    "api-server": {
        "postgres.airflow", "airflow_fernet_key", "airflow_secret_key", "airflow_jwt_secret", "airflow_password",
        "mlflow_password", "s3_access_key", "s3_secret_key", "seal_key",
    },
    "scheduler": {"postgres.airflow", "airflow_fernet_key", "airflow_secret_key", "airflow_jwt_secret", "redis"},
    "worker": {"redis", "mlflow_password", "s3_access_key", "s3_secret_key", "seal_key"},
    # They tell people of a worker that died and of a night that is late, which is written down under a seal.
    "dag-processor": {"postgres.airflow", "airflow_fernet_key", "s3_access_key", "s3_secret_key", "seal_key"},
    "triggerer": {"postgres.airflow", "airflow_fernet_key", "s3_access_key", "s3_secret_key", "seal_key"},
    "housekeeper": {"postgres.airflow", "airflow_fernet_key"},
    "serve": {"s3_access_key", "s3_secret_key", "seal_key"},
    "metrics": {"metrics", "s3_access_key", "s3_secret_key", "seal_key"},
    "prometheus": {"metrics"},
}  # fmt: skip


@pytest.mark.parametrize("service", sorted(MAY_KNOW))
def test_the_files_of_a_service_hold_what_it_needs_and_no_more(service: str, make_secrets: ModuleType) -> None:
    make_secrets.main()
    known = asdict(load_keys(make_secrets.KEPT))
    known |= {f"postgres.{role}": make_secrets.password(role) for role in make_secrets.ROLES}
    known |= {name: make_secrets.kept(name) for name in ("redis", "metrics")}
    text = secrets_of(service, make_secrets)
    assert {name for name, value in known.items() if value in text} == MAY_KNOW[service]


def test_secrets_are_made_once_and_are_private(make_secrets: ModuleType) -> None:
    make_secrets.main()
    before = {service: secrets_of(service, make_secrets) for service in MAY_KNOW}
    make_secrets.main()
    assert {service: secrets_of(service, make_secrets) for service in MAY_KNOW} == before
    files = [path for path in make_secrets.MADE.rglob("*") if path.is_file()]
    modes = {path: path.stat().st_mode & 0o777 for path in files}
    # Postgres and Redis run as another user, who is in the file's group.
    assert modes.pop(make_secrets.MADE / "postgres" / "password") == 0o640
    assert modes.pop(make_secrets.MADE / "redis" / "redis.conf") == 0o640
    assert set(modes.values()) == {0o600}


def test_a_project_of_before_keeps_its_keys_and_shows_them_to_nobody(make_secrets: ModuleType) -> None:
    make_secrets.write_private(make_secrets.KEPT / "postgres.mlflow", "of-before")
    for name in make_secrets.FORMER:
        make_secrets.write_private(make_secrets.KEPT / name, "")
    make_secrets.main()
    assert "of-before" in secrets_of("mlflow", make_secrets)
    left = {path.name for path in make_secrets.KEPT.iterdir()}
    assert left == {"keys.json", "metrics", "redis", "postgres.postgres", "postgres.airflow", "postgres.mlflow"}


def test_the_store_reads_its_certificates_where_it_sees_them(make_secrets: ModuleType) -> None:
    make_secrets.main()
    security = tomllib.loads((make_secrets.MADE / "s3" / "security.toml").read_text())
    assert security["grpc"]["ca"] == "/secrets/authority.pem"
    assert SERVICES["s3"]["working_dir"] == "/secrets"
    assert "-s3.config=/secrets/s3.json" in words("s3")


def test_clients_on_the_host_are_told_how_to_log_in(
    make_secrets: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["make_secrets.py", "show"])
    make_secrets.main()
    shown = capsys.readouterr().out
    keys = load_keys(make_secrets.KEPT)
    assert f"export MLFLOW_TRACKING_PASSWORD={keys.mlflow_password}\n" in shown
    assert "export MLFLOW_TRACKING_USERNAME=admin\n" in shown
    assert f"export NIGHTSHIFT_AIRFLOW_PASSWORD={keys.airflow_password}" in shown
    assert keys.mlflow_s3_secret_key not in shown


def test_airflow_is_set_up_as_in_the_embedded_stack() -> None:
    keys = Keys.generate()
    embedded = {f"AIRFLOW__{name}": value for name, value in airflow_services._core(ROOT, ROOT, keys).items()}
    here: dict[str, str] = COMPOSE["x-airflow"]["environment"]
    places = {name for name in embedded if name.endswith(("_FOLDER", "_FILE"))}
    generated = {"AIRFLOW__CORE__FERNET_KEY", "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"}
    # There tasks run in workers of their own.
    overridable = {"AIRFLOW__CORE__PARALLELISM", "AIRFLOW__CORE__EXECUTOR"}
    shared = embedded.keys() - places - generated - overridable
    assert {name: here.get(name) for name in shared} == {name: embedded[name] for name in shared}


def test_mlflow_answers_to_the_name_that_tasks_use() -> None:
    uri = COMPOSE["x-airflow"]["environment"]["MLFLOW_TRACKING_URI"]
    assert uri == "http://mlflow:5000"
    hosts = next(word for word in words("mlflow") if word.startswith("--allowed-hosts="))
    assert {"mlflow:*", "127.0.0.1:*", "localhost:*"} <= set(hosts.removeprefix("--allowed-hosts=").split(","))
    assert "--serve-artifacts" in words("mlflow")


def test_mlflow_asks_for_a_login_as_in_the_embedded_stack(make_secrets: ModuleType) -> None:
    make_secrets.main()
    text = secrets_of("mlflow", make_secrets)
    assert f"--app-name={APP}" in words("mlflow")
    assert 'MLFLOW_BASIC_AUTH_FAIL_CLOSED="${MLFLOW_BASIC_AUTH_FAIL_CLOSED:-true}"' in text
    assert "MLFLOW_AUTH_CONFIG_PATH:-/secrets/auth.ini" in text
    assert "default_permission = NO_PERMISSIONS" in text
    # Its users have a database of their own: both keep the state of their tables under one name.
    assert f"@postgres/{make_secrets.LOGINS}\n" in text


def start(script: str, environment: dict[str, str]) -> str:
    """What a process says that docker/with-secrets started."""
    done = subprocess.run(
        ["sh", "-c", script, "with-secrets", "sh", "-c", 'echo "$A $B"'],
        env={"PATH": "/usr/bin:/bin", **environment}, capture_output=True, text=True, check=True,
    )  # fmt: skip
    return done.stdout


def test_secrets_are_read_at_the_start_and_the_environment_wins(tmp_path: Path) -> None:
    script = (ROOT / "docker" / "with-secrets").read_text().replace("/secrets/", f"{tmp_path}/")
    assert start(script, {"A": "", "B": "own"}) == " own\n"
    (tmp_path / "env").write_text('export A="${A:-made}"\nexport B="${B:-made}"\n')
    assert start(script, {"B": "own"}) == "made own\n"
    (tmp_path / "passwords.json").write_text("{}")
    copy = tmp_path / "copy.json"
    assert start(script, {"AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": str(copy)}) == "made made\n"
    assert copy.stat().st_mode & 0o777 == 0o600


def test_the_file_stays_short() -> None:
    # As many lines a service as when there were nine.
    assert len((ROOT / "docker-compose.yml").read_text().splitlines()) < 18 * len(SERVICES)
