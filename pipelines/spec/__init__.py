"""The model spec: ``models/<model>/model.yaml`` as frozen objects that forbid unknown keys.

Everything here is checked before a byte of data is read.
"""

from pipelines.spec.base import Action, Frozen
from pipelines.spec.columns import Column, ColumnType, RowCheck
from pipelines.spec.files import PARTITION_PATTERN, find_spec, load_spec, load_specs, parse_partition, spec_files
from pipelines.spec.learning import VARIANTS, Label
from pipelines.spec.model import ModelSpec, Retrain
from pipelines.spec.night import Compare, History, Night, Reference
from pipelines.spec.source import CallableSource, FilesSource, PythonSource, SqlSource

__all__ = [
    "PARTITION_PATTERN",
    "VARIANTS",
    "Action",
    "CallableSource",
    "Column",
    "ColumnType",
    "Compare",
    "FilesSource",
    "Frozen",
    "History",
    "Label",
    "ModelSpec",
    "Night",
    "PythonSource",
    "Reference",
    "Retrain",
    "RowCheck",
    "SqlSource",
    "find_spec",
    "load_spec",
    "load_specs",
    "parse_partition",
    "spec_files",
]
