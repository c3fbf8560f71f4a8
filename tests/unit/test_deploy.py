"""What lies in deploy/: whole by Kubernetes' own schemas, shut by default, without a secret, and of one piece."""

import copy
import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import airflow
import kubernetes_validate
import pytest
import yaml

from nightshift.engines import worker
from nightshift.engines.on_spark import _require_java
from nightshift.errors import UsageError
from nightshift.orchestration.pods import SIZES, pod_mutation_hook
from nightshift.settings import Settings

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "deploy" / "kubernetes"
MANIFESTS = ("mlflow.yaml", "network-policies.yaml", "pod-template.yaml", "settings.yaml")
VERSIONS = ("1.32", "1.37")
HIDDEN = ("KEY", "PASSWORD", "SECRET", "TOKEN", "CONN", "STORE_URI")
DEFINITION = json.loads((ROOT / "deploy" / "aws-batch" / "job-definition.json").read_text())
VALUES = yaml.safe_load((FOLDER / "airflow-values.yaml").read_text())


def documents(name: str) -> list[dict[str, Any]]:
    """All of a file."""
    return list(yaml.safe_load_all((FOLDER / name).read_text()))


EVERY = [document for name in MANIFESTS for document in documents(name)]
TEMPLATE = documents("pod-template.yaml")[0]
DEPLOYMENT = documents("mlflow.yaml")[0]


def pods() -> Iterator[dict[str, Any]]:
    """What runs containers."""
    yield TEMPLATE["spec"]
    yield DEPLOYMENT["spec"]["template"]["spec"]


def containers() -> Iterator[dict[str, Any]]:
    """Those of all pods, the ones that run first included."""
    for pod in pods():
        yield from pod["containers"]
        yield from pod.get("initContainers", [])


def the(kind: str, name: str) -> dict[str, Any]:
    """One object by its kind and name."""
    (found,) = [each for each in EVERY if (each["kind"], each["metadata"]["name"]) == (kind, name)]
    return found


@pytest.mark.parametrize("version", VERSIONS)
def test_every_manifest_is_what_kubernetes_takes(version: str) -> None:
    assert {path.name for path in FOLDER.glob("*.yaml")} == {*MANIFESTS, "airflow-values.yaml"}
    for document in EVERY:
        kubernetes_validate.validate(document, version, strict=True)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda pod: pod["spec"].update(automountServiceAcountToken=False),
        lambda pod: pod["spec"]["containers"][0].pop("name"),
        lambda pod: pod["spec"]["containers"][0]["resources"].update(requests=["1"]),
        lambda pod: pod["spec"]["securityContext"].update(runAsUser="nightshift"),
    ],
)
def test_a_broken_manifest_is_seen(spoil: Callable[[dict[str, Any]], Any]) -> None:
    broken = copy.deepcopy(TEMPLATE)
    spoil(broken)
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(broken, VERSIONS[-1], strict=True)


def test_no_container_is_root_or_may_become_it_or_writes_beside_its_volumes() -> None:
    for pod in pods():
        assert pod["automountServiceAccountToken"] is False
        assert pod["securityContext"]["runAsNonRoot"] is True
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    for container in containers():
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }
    batch = DEFINITION["containerProperties"]
    assert (batch["user"], batch["privileged"], batch["readonlyRootFilesystem"]) == ("1000", False, True)


def test_every_container_says_what_it_needs_and_how_much_memory_it_gets_at_most() -> None:
    for container in containers():
        assert {"cpu", "memory"} <= container["resources"]["requests"].keys()
        assert container["resources"]["limits"]["memory"] == container["resources"]["requests"]["memory"]


def test_what_is_secret_is_named_and_never_said() -> None:
    said = {name: value for container in containers() for name, value in literals(container.get("env", []))}
    said |= the("ConfigMap", "nightshift-settings")["data"]
    said |= dict(literals(DEFINITION["containerProperties"]["environment"]))
    assert [name for name in said if any(word in name for word in HIDDEN)] == []
    assert not any(each["kind"] == "Secret" for each in EVERY)
    hidden = {each["name"] for each in DEFINITION["containerProperties"]["secrets"]}
    assert hidden == {"NIGHTSHIFT_SEAL_KEY"}


def literals(env: list[dict[str, Any]]) -> Iterator[tuple[str, str]]:
    """Variables whose value stands in the file."""
    for each in env:
        if "value" in each:
            yield each["name"], each["value"]


def test_a_task_has_the_settings_that_there_are() -> None:
    aliases = {field.alias for field in Settings.model_fields.values()}
    named = {each["name"] for each in TEMPLATE["spec"]["containers"][0]["env"]}
    named |= the("ConfigMap", "nightshift-settings")["data"].keys()
    named |= {each["name"] for each in DEFINITION["containerProperties"]["environment"]}
    ours = {name for name in named if name.startswith("NIGHTSHIFT_")}
    assert ours <= aliases | {"NIGHTSHIFT_HOME"}
    assert {"NIGHTSHIFT_LAKE", "NIGHTSHIFT_SEAL_KEY"} <= ours


def test_tasks_and_airflow_s_own_pods_read_the_same_secrets() -> None:
    by_template = {
        (each["name"], *each["valueFrom"]["secretKeyRef"].values())
        for each in TEMPLATE["spec"]["containers"][0]["env"]
        if "valueFrom" in each
    }
    by_chart = {(each["envName"], each["secretName"], each["secretKey"]) for each in VALUES["secret"]}
    assert by_template == by_chart


def test_the_pieces_know_each_other_by_name() -> None:
    service = the("Service", "nightshift-mlflow")
    told = the("ConfigMap", "nightshift-settings")["data"]
    assert told["MLFLOW_TRACKING_URI"] == f"http://{service['metadata']['name']}:{service['spec']['ports'][0]['port']}"
    assert service["spec"]["selector"] == DEPLOYMENT["spec"]["template"]["metadata"]["labels"]
    arguments = DEPLOYMENT["spec"]["template"]["spec"]["containers"][0]["args"]
    assert any(word.startswith(f"--allowed-hosts={service['metadata']['name']},") for word in arguments)
    assert TEMPLATE["spec"]["serviceAccountName"] == the("ServiceAccount", "nightshift-task")["metadata"]["name"]
    labels = TEMPLATE["metadata"]["labels"].items()
    assert the("NetworkPolicy", "task")["spec"]["podSelector"]["matchLabels"].items() <= labels


def test_what_no_policy_names_is_shut() -> None:
    nothing = the("NetworkPolicy", "nothing")["spec"]
    assert nothing == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}
    for policy in (each for each in EVERY if each["kind"] == "NetworkPolicy"):
        for rule in policy["spec"].get("egress", []):
            assert rule.get("to"), policy["metadata"]["name"]
            for peer in rule["to"]:
                assert "169.254.169.254/32" in peer.get("ipBlock", {}).get("except", ["169.254.169.254/32"])


def test_airflow_knows_the_settings_that_the_chart_is_to_give_it() -> None:
    text = (Path(airflow.__file__).parent / "config_templates" / "config.yml").read_text()
    known = yaml.safe_load(text)
    for option in VALUES["config"]["core"]:
        assert option in known["core"]["options"]
    for name in the("ConfigMap", "nightshift-settings")["data"]:
        prefix, _, rest = name.partition("__")
        if prefix == "AIRFLOW":
            section, _, option = rest.lower().partition("__")
            assert option in known[section]["options"]


def test_sizes_are_of_tasks_that_there_are() -> None:
    steps = {file.stem for file in (ROOT / "pipelines" / "nightshift" / "steps").glob("*.py")}
    assert SIZES.keys() <= steps


@pytest.mark.parametrize(("task", "memory"), [("score", "3Gi"), ("retrain.train", "6Gi"), ("publish", "2Gi")])
def test_a_pod_gets_the_size_of_its_task_and_is_not_put_out_for_it(task: str, memory: str) -> None:
    base = copy.deepcopy(TEMPLATE["spec"]["containers"][0])
    container = SimpleNamespace(name="base", resources=SimpleNamespace(**base["resources"]))
    beside = SimpleNamespace(name="other", resources=SimpleNamespace(requests={}, limits={}))
    pod = SimpleNamespace(
        metadata=SimpleNamespace(annotations={"task_id": task}), spec=SimpleNamespace(containers=[container, beside])
    )
    pod_mutation_hook(pod)
    assert container.resources.requests["memory"] == container.resources.limits["memory"] == memory
    assert container.resources.limits["ephemeral-storage"] == "12Gi"
    assert beside.resources.requests == {}


def test_the_definition_of_aws_batch_starts_the_worker_which_may_write_where_it_keeps_graphs() -> None:
    container = DEFINITION["containerProperties"]
    assert container["command"] == ["python", "-m", worker.__name__]
    home = dict(literals(container["environment"]))["NIGHTSHIFT_HOME"]
    assert any(home.startswith(f"{each['containerPath']}/") for each in container["linuxParameters"]["tmpfs"])


def test_the_image_for_spark_is_ours_with_java_and_has_the_same_user(monkeypatch: pytest.MonkeyPatch) -> None:
    text = (ROOT / "docker" / "spark.Dockerfile").read_text()
    assert re.findall(r"^(?:FROM|USER) (\S+)", text, re.MULTILINE) == ["${NIGHTSHIFT_IMAGE}", "root", "nightshift"]
    monkeypatch.setenv("JAVA_HOME", "/nowhere")
    with pytest.raises(UsageError) as error:
        _require_java()
    assert str(error.value.fix).rpartition(" ")[2] in text
