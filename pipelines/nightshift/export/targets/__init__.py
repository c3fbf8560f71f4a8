"""The targets by name: ``nightshift export --to`` takes these."""

from nightshift.export.target import Target
from nightshift.export.targets import azureml, browser, kserve, mlflow_onnx, ort, triton

TARGETS: dict[str, Target] = {
    target.name: target
    for target in (
        azureml.TARGET,
        browser.TARGET,
        kserve.TARGET,
        mlflow_onnx.TARGET,
        ort.TARGET,
        triton.TARGET,
    )
}
NETWORKS_ONLY = frozenset({"coreml", "litert", "openvino", "tensorrt", "tf-serving", "torchserve"})
"""Names that people ask for, which load networks alone; none of them is written yet."""
