"""A linear transformation of all pixels, such as ZCA whitening."""

from __future__ import annotations

import math

from ..ops.linear import matmul
from ..tensor import Tensor
from ._arguments import Transform


class LinearTransformation(Transform):
    """(pixels - mean_vector) @ transformation_matrix, for all pixels of an image as one vector.

    Args:
        transformation_matrix: (D, D), where D = C H W.
        mean_vector: (D,).

    Called with a tensor (…, C, H, W), it returns one of the same shape.

    Raises:
        ValueError: for shapes, dtypes or devices that do not fit together.
    """

    def __init__(self, transformation_matrix: Tensor, mean_vector: Tensor) -> None:
        super().__init__()
        check_whitening(transformation_matrix, mean_vector)
        self.transformation_matrix, self.mean_vector = transformation_matrix, mean_vector

    def forward(self, tensor: Tensor) -> Tensor:
        return whiten(tensor, self.transformation_matrix, self.mean_vector)

    def __repr__(self) -> str:
        matrix, mean = self.transformation_matrix.tolist(), self.mean_vector.tolist()
        return f"LinearTransformation(transformation_matrix={matrix}, mean_vector={mean})"


def check_whitening(transformation_matrix: Tensor, mean_vector: Tensor) -> None:
    """Raises a ValueError if shapes, dtypes or devices do not fit together."""
    shape, n = tuple(transformation_matrix.shape), mean_vector.shape[0]
    if shape != (n, n):
        raise ValueError(
            f"transformation_matrix must be ({n}, {n}) for a mean_vector of {n}, got {shape}"
        )
    for name in ("device", "dtype"):
        of_matrix, of_mean = getattr(transformation_matrix, name), getattr(mean_vector, name)
        if of_matrix != of_mean:
            raise ValueError(
                f"transformation_matrix and mean_vector must have the same {name}, "
                f"got {of_matrix} and {of_mean}"
            )


def whiten(tensor: Tensor, matrix: Tensor, mean: Tensor) -> Tensor:
    """(pixels - mean) @ matrix, for tensor (…, C, H, W), matrix (D, D) and mean (D,).

    Raises:
        ValueError: unless D = C H W, and all are on the same device.
    """
    n = math.prod(tensor.shape[-3:])
    if n != mean.shape[0]:
        raise ValueError(
            f"LinearTransformation expects {mean.shape[0]} pixels and channels, "
            f"got shape {tuple(tensor.shape)}"
        )
    if tensor.device != mean.device:
        raise ValueError(f"LinearTransformation on {mean.device} got a tensor on {tensor.device}")
    centered = tensor.reshape(-1, n) - mean
    return matmul(centered, matrix.to(centered.dtype)).reshape(tensor.shape)
