"""What every child needs, imported once by the process that forks them; nothing here may start a thread."""

import boto3
import great_expectations.expectations  # noqa: F401
import great_expectations.render.renderer  # noqa: F401
import great_expectations.render.view  # noqa: F401
import onnxruntime  # noqa: F401
import pandas  # noqa: F401
import pyarrow.dataset  # noqa: F401
import s3fs  # noqa: F401

from nightshift.code_digest import code_digest
from nightshift.scoring import shards
from tests.faults import process, readers, worker  # noqa: F401

# Reading the description of S3's interface takes longer than using it.
boto3.client("s3", region_name="us-east-1", aws_access_key_id="x", aws_secret_access_key="x").close()

# Kept by a process for as long as it lives: the code cannot change in it.
code_digest(*shards.CODE)
