"""The model spec: ``models/<model>/model.yaml`` as frozen objects that forbid unknown keys.

Everything here is checked before a byte of data is read.
"""

from nightshift.spec.base import Action, Frozen
from nightshift.spec.columns import CheckKind, Column, ColumnType
from nightshift.spec.files import find_spec, load_good_specs, load_spec, load_specs, spec_files, spec_of
from nightshift.spec.label import Label
from nightshift.spec.learning import VARIANTS
from nightshift.spec.model import ModelSpec
from nightshift.spec.night import Compare, History, NightChecks, Reference
from nightshift.spec.retrain import Retrain
from nightshift.spec.source import CallableSource, FilesSource, PythonSource, SqlSource

__all__ = [
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
    "NightChecks",
    "PythonSource",
    "Reference",
    "Retrain",
    "CheckKind",
    "SqlSource",
    "find_spec",
    "load_good_specs",
    "load_spec",
    "load_specs",
    "spec_files",
    "spec_of",
]
