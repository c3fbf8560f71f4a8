"""SageMaker: a model for a container of one's own, behind an endpoint or over a batch of files."""

import json
from pathlib import Path
from typing import Any

from nightshift.errors import UsageError
from nightshift.export.archives import write_tar_gz
from nightshift.export.exported import Export
from nightshift.export.platform_names import platform_name
from nightshift.export.scripts import GRAPH, SCORER, dockerfile, scored_files, scripts
from nightshift.export.target import ANY_GRAPH

ARCHIVE = "model.tar.gz"
PROGRAM = "sagemaker.py"
ACCOUNT = "000000000000"
REGION = "us-east-1"
MACHINE = "ml.m5.large"
MOST_MEGABYTES = 6


class SageMaker:
    """``model.tar.gz`` with the program in ``code/``, ``Dockerfile``, and requests that make an endpoint of them."""

    name = "sagemaker"
    takes = ANY_GRAPH

    def write(self, export: Export, folder: Path) -> str:
        """Account, region, role and machine in the requests are a person's to set.

        Raises ``UsageError`` without an address: SageMaker fetches the archive from there.
        """
        if not export.address:
            raise UsageError(
                "sagemaker fetches the model from an address, and none is given",
                fix=f"nightshift export {export.model} --to sagemaker --out DIR --address s3://BUCKET/PREFIX",
            )
        code = {f"code/{name}": body for name, body in scripts((SCORER, "web.py", PROGRAM)).items()}
        write_tar_gz(folder / ARCHIVE, {**scored_files(export), **code})
        # The image has no model in it: SageMaker unpacks the archive, program and all, to /opt/ml/model.
        image = dockerfile("python:3.11-slim", [f'ENTRYPOINT ["python", "/opt/ml/model/code/{PROGRAM}"]'])
        (folder / "Dockerfile").write_text(image, encoding="utf-8")
        for name, request in _requests(export).items():
            text = json.dumps(request, indent=1) + "\n"
            (folder / f"{name}.json").write_text(text, encoding="utf-8")
        return f"{ARCHIVE}/{GRAPH}"


def _requests(export: Export) -> dict[str, dict[str, Any]]:
    """Of boto3, by the operation: ``aws sagemaker create-model --cli-input-json file://create-model.json``."""
    name = _name(export)
    address = export.address.rstrip("/")
    image = f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/nightshift-onnx:latest"
    container = {"Image": image, "ModelDataUrl": f"{address}/{ARCHIVE}"}
    variant = {
        "VariantName": "AllTraffic",
        "ModelName": name,
        "InstanceType": MACHINE,
        "InitialInstanceCount": 1,
        "InitialVariantWeight": 1.0,
    }
    model = {
        "ModelName": name,
        "PrimaryContainer": container,
        "ExecutionRoleArn": f"arn:aws:iam::{ACCOUNT}:role/ROLE",
        "Tags": [{"Key": "graph_sha256", "Value": export.facts.graph_sha256}],
    }
    return {
        "create-model": model,
        "create-endpoint-config": {"EndpointConfigName": name, "ProductionVariants": [variant]},
        "create-endpoint": {"EndpointName": name, "EndpointConfigName": name},
        "create-transform-job": _transform(name, address),
    }


def _transform(name: str, address: str) -> dict[str, Any]:
    """A line of CSV to a row, and a line of scores to each."""
    source = {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": f"{address}/rows/"}}
    return {
        "TransformJobName": name,
        "ModelName": name,
        "BatchStrategy": "MultiRecord",
        "MaxPayloadInMB": MOST_MEGABYTES,
        "TransformInput": {"DataSource": source, "ContentType": "text/csv", "SplitType": "Line"},
        "TransformOutput": {"S3OutputPath": f"{address}/scores/", "AssembleWith": "Line"},
        "TransformResources": {"InstanceType": MACHINE, "InstanceCount": 1},
    }


def _name(export: Export) -> str:
    return platform_name(export.model, ending=f"-{export.version}")


TARGET = SageMaker()
