"""The targets by name: ``nightshift export --to`` takes these."""

from nightshift.export.target import NETWORKS, Target
from nightshift.export.targets import (
    aws_lambda,
    azureml,
    browser,
    coreml,
    kserve,
    litert,
    mlflow_onnx,
    openvino,
    ort,
    sagemaker,
    tensorrt,
    tfserving,
    torchserve,
    triton,
    vertex,
)

TARGETS: dict[str, Target] = {
    target.name: target
    for target in (
        azureml.TARGET,
        browser.TARGET,
        coreml.TARGET,
        kserve.TARGET,
        aws_lambda.TARGET,
        litert.TARGET,
        mlflow_onnx.TARGET,
        openvino.TARGET,
        ort.TARGET,
        sagemaker.TARGET,
        tensorrt.TARGET,
        tfserving.TARGET,
        torchserve.TARGET,
        triton.TARGET,
        vertex.TARGET,
    )
}
NETWORKS_ONLY = frozenset(name for name, target in TARGETS.items() if target.takes == NETWORKS)
"""Targets that load networks alone."""
