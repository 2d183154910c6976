"""softmax, log_softmax and softmin as in ``torch.nn.functional``: the dimension may be left out."""

from __future__ import annotations

from ...no_tensor import takes_tensors
from ...ops import softmax as ops
from ...ops.elementwise import neg
from ...tensor import Tensor
from ...typing import DTypeLike
from ...warn import warn


@takes_tensors
def softmax(
    input: Tensor, dim: int | None = None, _stacklevel: int = 3, dtype: DTypeLike | None = None
) -> Tensor:
    """exp(input) divided by its sum over ``dim``.

    Args:
        input: any shape.
        dim: the dimension that sums to 1. Without it, torch's choice is taken, with torch's warning:
            0 for 0, 1 and 3 dimensions, else 1.
        _stacklevel: accepted for torch's scripts, as the warning names the caller's line anyway.
        dtype: the dtype to convert ``input`` to first.

    Raises:
        IndexError: for a dimension that does not exist.
        NotImplementedError: for integers.

    As ``torch.nn.functional.softmax``.
    """
    return ops.softmax(input, _chosen("softmax", input, dim), dtype)


@takes_tensors
def log_softmax(
    input: Tensor, dim: int | None = None, _stacklevel: int = 3, dtype: DTypeLike | None = None
) -> Tensor:
    """log(softmax(input)), computed without overflow or underflow.

    Arguments and errors as in :func:`softmax`. As ``torch.nn.functional.log_softmax``.
    """
    return ops.log_softmax(input, _chosen("log_softmax", input, dim), dtype)


@takes_tensors
def softmin(
    input: Tensor, dim: int | None = None, _stacklevel: int = 3, dtype: DTypeLike | None = None
) -> Tensor:
    """softmax(-input); arguments and errors as in :func:`softmax`.

    As ``torch.nn.functional.softmin``.
    """
    return ops.softmax(neg(input), _chosen("softmin", input, dim), dtype)


def _chosen(name: str, x: Tensor, dim: int | None) -> int:
    """The dimension, or a choice without it, as torch makes it."""
    if dim is not None:
        return dim
    warn(
        f"Implicit dimension choice for {name} has been deprecated. "
        "Change the call to include dim=X as an argument."
    )
    return 0 if x.ndim in (0, 1, 3) else 1
