"""The pod template in the hands of Airflow's own provider for Kubernetes, where that is installed: ``make engines``."""

from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest

from nightshift.orchestration.pods import pod_mutation_hook

pytestmark = pytest.mark.engines
TEMPLATE = Path(__file__).parents[2] / "deploy" / "kubernetes" / "pod-template.yaml"


@pytest.fixture(scope="module")
def pod() -> Any:
    """As the KubernetesExecutor starts the task ``train`` of a group."""
    pytest.importorskip("kubernetes")
    module = pytest.importorskip("airflow.providers.cncf.kubernetes.pod_generator")
    generator = module.PodGenerator
    made = generator.construct_pod(
        dag_id="orders.monitor",
        task_id="retrain.train",
        pod_id="orders-monitor-retrain-train-1",
        try_number=1,
        kube_image="nightshift:test",
        date=None,
        args=["python", "-m", "airflow.sdk.execution_time.execute_workload"],
        pod_override_object=None,
        base_worker_pod=generator.deserialize_model_file(str(TEMPLATE)),
        namespace="nightshift",
        scheduler_job_id="1",
        run_id="manual",
    )
    pod_mutation_hook(made)
    return made


def test_what_airflow_makes_of_the_template_is_what_kubernetes_takes(pod: Any) -> None:
    from kubernetes.client import ApiClient

    kubernetes_validate.validate(ApiClient().sanitize_for_serialization(pod), "1.37", strict=True)


def test_the_task_runs_in_our_container_with_all_that_the_template_says(pod: Any) -> None:
    (container,) = pod.spec.containers
    assert (container.name, container.image) == ("base", "nightshift:test")
    assert container.security_context.read_only_root_filesystem is True
    assert pod.spec.security_context.run_as_non_root is True
    assert pod.spec.security_context.seccomp_profile.type == "RuntimeDefault"
    assert {"NIGHTSHIFT_SEAL_KEY", "AIRFLOW_IS_K8S_EXECUTOR_POD"} <= {each.name for each in container.env}
    assert pod.metadata.labels["app.kubernetes.io/component"] == "task"


def test_a_task_of_a_training_has_its_size(pod: Any) -> None:
    (container,) = pod.spec.containers
    assert container.resources.requests["memory"] == container.resources.limits["memory"] == "6Gi"
    assert container.resources.requests["cpu"] == "2"
