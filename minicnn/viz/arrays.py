"""Arrays of whatever numbers a function gets."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..tensor import Tensor

__all__ = ["to_array"]


def to_array(values: Any) -> np.ndarray:
    """A NumPy array of a tensor on any device, an array or a list."""
    return values.detach().cpu().numpy() if isinstance(values, Tensor) else np.asarray(values)
