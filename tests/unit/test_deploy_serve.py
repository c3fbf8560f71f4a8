"""deploy/kubernetes/serve: whole by Kubernetes' own schemas, of one piece, and started by options that there are."""

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import typer
import yaml

from nightshift.cli.serve import app as serve_verb
from nightshift.serving.options import ServeOptions
from nightshift.settings import Settings

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "deploy" / "kubernetes" / "serve"
SETTINGS = list(yaml.safe_load_all((ROOT / "deploy" / "kubernetes" / "settings.yaml").read_text()))
KUSTOMIZATION = yaml.safe_load((FOLDER / "kustomization.yaml").read_text())
VERSIONS = ("1.32", "1.37")
KINDS = {"Deployment", "Service", "HorizontalPodAutoscaler", "PodDisruptionBudget", "NetworkPolicy"}
SHUT = {"allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True, "capabilities": {"drop": ["ALL"]}}


def built() -> list[dict[str, Any]]:
    """What Kustomize makes of the folder: its resources, in its namespace, with its image."""
    (image,) = KUSTOMIZATION["images"]
    made = []
    for name in KUSTOMIZATION["resources"]:
        made += list(yaml.safe_load_all((FOLDER / name).read_text()))
    for each in made:
        each["metadata"]["namespace"] = KUSTOMIZATION["namespace"]
    (container,) = pod_of(made)["containers"]
    assert container["image"] == image["name"]
    container["image"] = f"{image['newName']}:{image['newTag']}"
    return made


def pod_of(objects: list[dict[str, Any]]) -> dict[str, Any]:
    (deployment,) = [each for each in objects if each["kind"] == "Deployment"]
    pod: dict[str, Any] = deployment["spec"]["template"]["spec"]
    return pod


BY_KIND = {each["kind"]: each for each in built()}
POD = pod_of(list(BY_KIND.values()))
(CONTAINER,) = POD["containers"]
LABELS = BY_KIND["Deployment"]["spec"]["template"]["metadata"]["labels"]


def options() -> dict[str, str]:
    """What the command of the container is told, by option."""
    said = [word for word in CONTAINER["args"] if word.startswith("--")]
    return dict(word.split("=", 1) for word in said)


def test_the_kustomization_names_every_file_and_only_what_there_is() -> None:
    assert KUSTOMIZATION["apiVersion"] == "kustomize.config.k8s.io/v1beta1"
    assert KUSTOMIZATION.keys() == {"apiVersion", "kind", "namespace", "resources", "images"}
    others = {path.name for path in FOLDER.iterdir()} - {"kustomization.yaml"}
    assert sorted(KUSTOMIZATION["resources"]) == sorted(others)
    assert len(built()) == len(BY_KIND)
    assert set(BY_KIND) == KINDS


@pytest.mark.parametrize("version", VERSIONS)
def test_every_object_is_what_kubernetes_takes(version: str) -> None:
    for each in built():
        kubernetes_validate.validate(each, version, strict=True)


def test_a_misspelt_key_is_seen() -> None:
    broken = built()
    pod_of(broken)["containers"][0]["readinesProbe"] = {}
    (deployment,) = [each for each in broken if each["kind"] == "Deployment"]
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(deployment, VERSIONS[-1], strict=True)


def test_kustomize_makes_the_same_of_it_where_it_is_installed() -> None:
    if shutil.which("kubectl") is None:
        pytest.skip("kubectl is not installed")
    made = subprocess.run(["kubectl", "kustomize", str(FOLDER)], capture_output=True, text=True, check=True).stdout
    by_kind = {each["kind"]: each for each in yaml.safe_load_all(made)}
    assert by_kind == BY_KIND


def test_every_selector_means_the_pods_of_the_deployment() -> None:
    specs = {kind: each["spec"] for kind, each in BY_KIND.items()}
    assert specs["Deployment"]["selector"]["matchLabels"] == LABELS
    assert specs["Service"]["selector"] == LABELS
    assert specs["PodDisruptionBudget"]["selector"]["matchLabels"] == LABELS
    assert specs["NetworkPolicy"]["podSelector"]["matchLabels"] == LABELS
    (spread,) = POD["topologySpreadConstraints"]
    assert spread["labelSelector"]["matchLabels"] == LABELS
    assert specs["HorizontalPodAutoscaler"]["scaleTargetRef"] == {
        "apiVersion": "apps/v1", "kind": "Deployment", "name": BY_KIND["Deployment"]["metadata"]["name"]
    }  # fmt: skip
    # Another component of ours in the namespace is another set of pods.
    assert LABELS["app.kubernetes.io/component"] not in {"task", "mlflow"}


def test_every_port_that_is_named_is_one_that_the_server_listens_on() -> None:
    listens = {each["name"]: each["containerPort"] for each in CONTAINER["ports"]}
    assert {"http": int(options()["--port"]), "grpc": int(options()["--grpc-port"])} == listens
    service = BY_KIND["Service"]["spec"]["ports"]
    assert {each["targetPort"] for each in service} == set(listens)
    for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
        assert CONTAINER[probe]["httpGet"]["port"] == "http"
    (ingress,) = BY_KIND["NetworkPolicy"]["spec"]["ingress"]
    assert {each["port"] for each in ingress["ports"]} == set(listens)


def test_the_command_is_one_that_nightshift_takes() -> None:
    program, verb, model, *rest = CONTAINER["args"]
    assert (program, verb) == ("nightshift", "serve")
    assert (ROOT / "models" / model / "model.yaml").is_file()
    assert set(rest) == {f"{name}={value}" for name, value in options().items()}
    known = {name for each in typer.main.get_command(serve_verb).params for name in each.opts}
    assert options().keys() <= known
    given = {name.removeprefix("--").replace("-", "_"): value for name, value in options().items()}
    ServeOptions.model_validate(given)


def test_a_server_that_goes_is_waited_for_and_out_of_the_way_before() -> None:
    drain = float(options()["--drain"])
    readiness = CONTAINER["readinessProbe"]
    unready = readiness["periodSeconds"] * readiness["failureThreshold"]
    assert unready < drain
    # What is under way by REST, then by gRPC.
    under_way = 2 * (ServeOptions().timeout + 2)
    assert drain + under_way < POD["terminationGracePeriodSeconds"]
    assert readiness["httpGet"]["path"] == "/v2/health/ready"
    assert CONTAINER["livenessProbe"]["httpGet"]["path"] == "/v2/health/live"
    assert BY_KIND["Deployment"]["spec"]["strategy"]["rollingUpdate"]["maxUnavailable"] == 0


def test_it_scales_by_the_cpu_that_it_asks_for_and_some_always_stay() -> None:
    scaling = BY_KIND["HorizontalPodAutoscaler"]["spec"]
    (metric,) = scaling["metrics"]
    assert metric["resource"]["name"] == "cpu"
    assert CONTAINER["resources"]["requests"]["cpu"]
    assert CONTAINER["resources"]["limits"]["memory"] == CONTAINER["resources"]["requests"]["memory"]
    # A number of replicas beside an autoscaler would undo it at each apply.
    assert "replicas" not in BY_KIND["Deployment"]["spec"]
    assert scaling["minReplicas"] > BY_KIND["PodDisruptionBudget"]["spec"]["maxUnavailable"]


def test_the_pod_may_nothing_and_writes_beside_its_volumes_nowhere() -> None:
    assert POD["automountServiceAccountToken"] is False
    assert POD["securityContext"]["runAsNonRoot"] is True
    assert POD["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert CONTAINER["securityContext"] == SHUT
    assert not {"hostNetwork", "hostPID", "hostIPC"} & POD.keys()
    assert {mount["name"] for mount in CONTAINER["volumeMounts"]} == {volume["name"] for volume in POD["volumes"]}
    assert all("emptyDir" in volume for volume in POD["volumes"])


def test_settings_and_secrets_are_those_of_the_nights_and_none_is_said() -> None:
    (config,) = CONTAINER["envFrom"]
    names = {each["metadata"]["name"] for each in SETTINGS if each["kind"] == "ConfigMap"}
    assert config["configMapRef"]["name"] in names
    assert not any("value" in each for each in CONTAINER["env"])
    task = yaml.safe_load((ROOT / "deploy" / "kubernetes" / "pod-template.yaml").read_text())["spec"]["containers"][0]
    of_a_task = [each for each in task["env"] if "valueFrom" in each]
    assert all(each in of_a_task for each in CONTAINER["env"])
    ours = {each["name"] for each in CONTAINER["env"] if each["name"].startswith("NIGHTSHIFT_")}
    assert ours <= {field.alias for field in Settings.model_fields.values()}


def test_it_reaches_names_and_s3_and_nothing_else() -> None:
    policy = BY_KIND["NetworkPolicy"]["spec"]
    assert policy["policyTypes"] == ["Ingress", "Egress"]
    reached = {(port["protocol"], port["port"]) for rule in policy["egress"] for port in rule["ports"]}
    assert reached == {("UDP", 53), ("TCP", 53), ("TCP", 443)}
    assert all(rule["to"] for rule in policy["egress"])
    blocks = [peer["ipBlock"] for rule in policy["egress"] for peer in rule["to"] if "ipBlock" in peer]
    assert all("169.254.169.254/32" in block["except"] for block in blocks)
    # Neither a whole cluster nor its own namespace comes in by default.
    (ingress,) = policy["ingress"]
    (peer,) = ingress["from"]
    assert peer.keys() == {"namespaceSelector"}
    assert peer["namespaceSelector"]["matchLabels"]


def test_the_docs_name_what_there_has_to_be() -> None:
    page = (ROOT / "docs" / "kubernetes.md").read_text()
    labels = BY_KIND["NetworkPolicy"]["spec"]["ingress"][0]["from"][0]["namespaceSelector"]["matchLabels"]
    ((label, value),) = labels.items()
    assert f"{label}={value}" in page
    assert "apply -k deploy/kubernetes/serve" in page
    secrets = {each["valueFrom"]["secretKeyRef"]["name"] for each in CONTAINER["env"]}
    assert all(re.search(rf"`{name}`", page) for name in secrets)
