"""Copies of float32 weights in half precision, for the kernels of mixed precision.

Under autocast a layer keeps its weights in float32, the "master" weights that the optimizer
changes by amounts too small for half precision, while its kernels read a copy in float16 or
bfloat16. The copy is made when a layer first asks for it and stays with the tensor: evaluation and
repeated use cast once, and the optimizer's kernel, which has the new weights in registers anyway,
can write the copy of the next step without a pass of its own.

The copy is known to be out of date by the tensor's version, which every operation in place counts
up. As for ``backward``, writing to ``tensor.array`` directly goes unnoticed.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from ..tensor import Tensor


class _Copy(NamedTuple):
    array: Any  # the copy
    source: Any  # the array it was made of, as param.array may be replaced
    writes: int  # the version of the tensor then


def lowered(tensor: Tensor, dtype: np.dtype) -> Any:
    """The numbers of a tensor in ``dtype``: its own array if it has it, else a copy kept for later.

    Args:
        tensor: float32 weights.
        dtype: float16 or bfloat16.

    Returns:
        An array in the memory layout of ``tensor``, to be read only.
    """
    if tensor.array.dtype == dtype:
        return tensor.array
    copy = lowered_copy(tensor)
    if copy is None or copy.dtype != dtype:
        copy = tensor.array.astype(dtype, order="K")
        _keep(tensor, copy)
    return copy


def lowered_copy(tensor: Tensor) -> Any:
    """The copy that :func:`lowered` keeps of a tensor, or None if there is none that is up to date."""
    kept: _Copy | None = getattr(tensor, "_lowered", None)
    if kept is None or kept.source is not tensor.array or kept.writes != tensor.version.writes:
        return None
    return kept.array


def mark_lowered_current(tensor: Tensor, copy: Any) -> None:
    """Notes that the copy has been written anew together with the tensor.

    Args:
        tensor: one that has been written to, and whose version was counted up.
        copy: what :func:`lowered_copy` gave before; None does nothing.
    """
    if copy is not None:
        _keep(tensor, copy)


def _keep(tensor: Tensor, copy: Any) -> None:
    # in the tensor's __dict__: few tensors have a copy, and all pay for a slot
    tensor._lowered = _Copy(copy, tensor.array, tensor.version.writes)  # type: ignore[attr-defined]
