"""Golden rows as tensors of the Open Inference Protocol v2, in JSON."""

import datetime as dt
import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from nightshift.export.record import ExportRecord, Tensor
from nightshift.export.tensors import as_tensor, from_tensor

EPOCH = dt.date(1970, 1, 1)


def as_v2(name: str, tensor: Tensor, rows: Sequence[int]) -> dict[str, Any]:
    """Some rows of a tensor; a NaN is null, since JSON has none."""
    values = from_tensor(tensor)[list(rows)]
    data = [None if _is_nan(value) else value for value in values.reshape(-1).tolist()]
    return {"name": name, "datatype": tensor.datatype, "shape": list(values.shape), "data": data}


def column_tensors(record: ExportRecord, datatypes: Mapping[str, str]) -> dict[str, Tensor]:
    """The golden columns by their own names, (n, 1), as a server says that it takes them: BYTES, or numbers."""
    tensors = {}
    for name, datatype in datatypes.items():
        kind = record.columns[name].type
        values = [_given(value, kind, datatype) for value in record.golden.columns[name]]
        element_type = object if datatype == "BYTES" else np.float32
        tensors[name] = as_tensor(np.array(values, element_type).reshape(-1, 1))
    return tensors


def _given(value: Any, kind: str, datatype: str) -> Any:
    if datatype == "BYTES":
        return "" if value is None else str(value)
    if value is None:
        return math.nan
    if kind == "date":
        return (dt.date.fromisoformat(value) - EPOCH).days
    return float(value)


def _is_nan(value: Any) -> bool:
    return isinstance(value, float) and math.isnan(value)
