"""NumPy arrays by what they hold; how long they are, each docstring says."""

from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

Array: TypeAlias = NDArray[Any]
Float32s: TypeAlias = NDArray[np.float32]
Float64s: TypeAlias = NDArray[np.float64]
Floats: TypeAlias = Float32s | Float64s
Int64s: TypeAlias = NDArray[np.int64]
Places: TypeAlias = NDArray[np.intp]
Booleans: TypeAlias = NDArray[np.bool_]
