"""What docker-compose.yml and Dockerfile promise, read from the files: no engine is needed."""

import re
import shlex
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

from nightshift.stack import airflow_services, plan
from nightshift.stack import seaweedfs as weed
from nightshift.stack.keys import Keys

ROOT = Path(__file__).parents[2]
COMPOSE = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
DOCKERFILE = (ROOT / "Dockerfile").read_text()
ONE_SHOT = {"secrets", "init"}
OURS = {name: service for name, service in SERVICES.items() if name != "postgres"}


def words(service: str) -> list[str]:
    command = SERVICES[service]["command"]
    return shlex.split(command) if isinstance(command, str) else command


def clients(network: str) -> set[str]:
    return {name for name, service in SERVICES.items() if network in service.get("networks", ())}


def test_every_process_of_the_embedded_stack_has_its_service() -> None:
    embedded = {name for group in plan.PROCESSES.values() for name in group}
    assert set(SERVICES) == embedded | {"postgres"} | ONE_SHOT


def test_three_ports_are_published_on_loopback_alone() -> None:
    published = {name: service["ports"] for name, service in SERVICES.items() if "ports" in service}
    assert published == {
        "s3": ["127.0.0.1:${NIGHTSHIFT_S3_PORT:-8333}:8333"],
        "mlflow": ["127.0.0.1:${NIGHTSHIFT_MLFLOW_PORT:-5000}:5000"],
        "api-server": ["127.0.0.1:${NIGHTSHIFT_AIRFLOW_PORT:-8080}:8080"],
    }
    assert not any(service.get("network_mode") == "host" for service in SERVICES.values())


def test_of_seaweedfs_only_s3_leaves_loopback() -> None:
    flags = words("s3")
    assert {"-ip=127.0.0.1", "-ip.bind=127.0.0.1", "-s3.ip.bind=0.0.0.0"} <= set(flags)
    # `weed server` starts neither WebDAV nor an admin page.
    embedded = set(weed._OFF) - {"-webdav=false", "-admin.ui=false"}
    assert embedded <= set(flags)


def test_who_may_talk_to_whom() -> None:
    assert clients("postgres") == set(SERVICES) - {"secrets", "s3"}
    assert clients("s3") == {"s3", "init", "mlflow", "api-server", "scheduler"}
    assert clients("mlflow") == {"mlflow", "api-server", "scheduler"}
    assert clients("airflow") == {"api-server", "scheduler", "dag-processor", "triggerer"}
    assert COMPOSE["networks"]["postgres"] == {"internal": True}
    assert SERVICES["secrets"]["network_mode"] == "none"
    # A service that names no network would join the default one, where everybody is.
    assert all("networks" in service or "network_mode" in service for service in SERVICES.values())


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


def test_one_image_and_two_base_images() -> None:
    assert {service["image"] for service in OURS.values()} == {"nightshift"}
    assert SERVICES["postgres"]["image"] == "postgres:17"
    bases = re.findall(r"^FROM (\S+)", DOCKERFILE, re.MULTILINE)
    assert set(bases) == {"python:3.11-slim-bookworm"}


def test_the_image_runs_as_a_user_and_takes_code_after_packages() -> None:
    assert re.findall(r"^USER (\S+)", DOCKERFILE, re.MULTILINE) == ["nightshift"]
    install, code = DOCKERFILE.index("-r /tmp/requirements.txt"), DOCKERFILE.index("COPY . .")
    assert DOCKERFILE.index("COPY constraints.txt") < install < code < DOCKERFILE.index("ARG NIGHTSHIFT_COMMIT")


def test_the_image_has_the_core_and_every_extra_but_dev() -> None:
    (program,) = re.findall(r'^RUN python -c "((?:.*\\\n)*.*)" > /requirements.txt$', DOCKERFILE, re.MULTILINE)
    printed = subprocess.run(
        [sys.executable, "-c", program.replace("\\\n", "")], cwd=ROOT, capture_output=True, text=True, check=True
    )
    toml = tomllib.loads((ROOT / "pyproject.toml").read_text())
    extras = toml["project"]["optional-dependencies"]
    wanted = {name for extra, names in extras.items() if extra != "dev" for name in names}
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
    known = {"NIGHTSHIFT_SECRETS", "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE"}
    for name, service in SERVICES.items():
        environment = service.get("environment", {})
        names = set(environment)
        assert not {key for key in names if secret.search(key)} - known, name
    # A URL with a password in it, or anything that looks random.
    for text in (DOCKERFILE, (ROOT / "docker-compose.yml").read_text()):
        assert not re.search(r"://[^/\s]*:[^/\s]*@|[0-9a-f]{16}", text)


def test_secrets_are_writable_for_their_maker_alone() -> None:
    for name, service in SERVICES.items():
        mounts = [mount for mount in service["volumes"] if mount.startswith("secrets:")]
        assert mounts == ["secrets:/secrets" if name == "secrets" else "secrets:/secrets:ro"], name


def test_airflow_is_set_up_as_in_the_embedded_stack() -> None:
    keys = Keys.generate()
    embedded = {f"AIRFLOW__{name}": value for name, value in airflow_services._core(ROOT, ROOT, keys).items()}
    here: dict[str, str] = COMPOSE["x-airflow"]["environment"]
    places = {name for name in embedded if name.endswith(("_FOLDER", "_FILE"))}
    generated = {"AIRFLOW__CORE__FERNET_KEY", "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"}
    overridable = {"AIRFLOW__CORE__PARALLELISM"}
    shared = embedded.keys() - places - generated - overridable
    assert {name: here.get(name) for name in shared} == {name: embedded[name] for name in shared}


def test_mlflow_answers_to_the_name_that_tasks_use() -> None:
    uri = COMPOSE["x-airflow"]["environment"]["MLFLOW_TRACKING_URI"]
    assert uri == "http://mlflow:5000"
    hosts = next(word for word in words("mlflow") if word.startswith("--allowed-hosts="))
    assert {"mlflow:*", "127.0.0.1:*", "localhost:*"} <= set(hosts.removeprefix("--allowed-hosts=").split(","))
    assert "--serve-artifacts" in words("mlflow")


def test_secrets_are_read_at_the_start_and_the_environment_wins(tmp_path: Path) -> None:
    script = (ROOT / "docker" / "with-secrets").read_text().replace("/secrets/", f"{tmp_path}/")
    (tmp_path / "one.env").write_text('export A="${A:-made}"\nexport B="${B:-made}"\n')
    said = subprocess.run(
        ["sh", "-c", script, "with-secrets", "sh", "-c", 'echo "$A $B"'],
        env={"NIGHTSHIFT_SECRETS": "one", "B": "own", "PATH": "/usr/bin:/bin"},
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert said.stdout == "made own\n"


def test_the_file_stays_short() -> None:
    assert len((ROOT / "docker-compose.yml").read_text().splitlines()) < 150
