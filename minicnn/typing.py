"""The types that annotations share."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np

from .devices import Device
from .dtype import DType

# An array of NumPy's or of CuPy's, whose ndarray has the same methods.
Array: TypeAlias = np.ndarray[Any, np.dtype[Any]]
DTypeLike: TypeAlias = DType | np.dtype[Any] | type[Any] | str
DeviceLike: TypeAlias = Device | str
