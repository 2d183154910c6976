"""All parameters of a network as one vector."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from ...autograd import no_grad
from ...no_tensor import takes_tensors
from ...ops.shape import cat
from ...tensor import Tensor

__all__ = ["parameters_to_vector", "vector_to_parameters"]


@takes_tensors
def parameters_to_vector(parameters: Iterable[Tensor]) -> Tensor:
    """All parameters in one vector, each flattened in C order; differentiable."""
    return cat([p.reshape(-1) for p in parameters])


def vector_to_parameters(vec: Tensor, parameters: Iterable[Tensor]) -> None:
    """Write a vector from :func:`parameters_to_vector` back into the parameters.

    Raises:
        ValueError: if it does not have exactly as many elements as the parameters.
    """
    tensors = list(parameters)
    total = sum(p.numel() for p in tensors)
    if vec.shape != (total,):
        raise ValueError(
            f"the parameters need a vector of shape ({total},), got {tuple(vec.shape)}"
        )
    with no_grad():
        for param, piece in zip(tensors, _pieces(vec, tensors), strict=True):
            param.copy_(piece.reshape(param.shape))


def _pieces(vec: Tensor, tensors: list[Tensor]) -> Iterator[Tensor]:
    start = 0
    for tensor in tensors:
        yield vec[start : start + tensor.numel()]
        start += tensor.numel()
