"""How much of a cluster a task's pod asks for, where Airflow's KubernetesExecutor starts it.

Airflow calls ``pod_mutation_hook`` of ``airflow_local_settings`` for each pod; deploy/kubernetes has the rest of it.
"""

from typing import Any

CONTAINER = "base"
LEARNS = {"cpu": "2", "memory": "6Gi"}
SCORES = {"cpu": "1", "memory": "3Gi"}
SIZES = {
    "search": LEARNS,
    "train": LEARNS,
    "optimize": LEARNS,
    "evaluate": LEARNS,
    "snapshot": LEARNS,
    "score": SCORES,
    "shadow": SCORES,
}
"""Of tasks that need more than the template gives; ``score`` is one shard of ``predict.shard_rows``."""


def pod_mutation_hook(pod: Any) -> None:
    """Give a task's pod the size of its task; memory is asked for as it is limited, so that none is put out for it."""
    task = (pod.metadata.annotations or {}).get("task_id", "")
    # A task of a group is called after it: retrain.train.
    size = SIZES.get(task.rpartition(".")[2])
    if size is None:
        return
    for container in pod.spec.containers:
        if container.name == CONTAINER and container.resources is not None:
            container.resources.requests = {**(container.resources.requests or {}), **size}
            container.resources.limits = {**(container.resources.limits or {}), "memory": size["memory"]}
