"""A linear transformation of all pixels, such as ZCA whitening."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, ClassVar

from PIL import Image as pil

from ...tensor import Tensor
from ...tv_tensors import Image, Video, wrap
from ...tv_tensors.base import is_pure_tensor, plain
from ..whitening import check_whitening, whiten
from ._samples import has_any
from ._transform import Transform

__all__ = ["LinearTransformation"]


class LinearTransformation(Transform):
    """(pixels - mean_vector) @ transformation_matrix, for all pixels of an image as one vector.

    Args:
        transformation_matrix: (D, D), where D = C H W.
        mean_vector: (D,).

    Raises:
        ValueError: for shapes, dtypes or devices that do not fit together.
        TypeError: when called with a PIL image.
    """

    _transformed_types: ClassVar[Sequence[type | Callable[[Any], bool]]] = (
        is_pure_tensor,
        Image,
        Video,
    )

    def __init__(self, transformation_matrix: Tensor, mean_vector: Tensor) -> None:
        super().__init__()
        check_whitening(transformation_matrix, mean_vector)
        self.transformation_matrix, self.mean_vector = transformation_matrix, mean_vector

    def check_inputs(self, flat_inputs: list[Any]) -> None:
        if has_any(flat_inputs, pil.Image):
            raise TypeError("LinearTransformation expects tensors, got a PIL image")

    def transform(self, inpt: Any, params: dict[str, Any]) -> object:
        return wrap(whiten(plain(inpt), self.transformation_matrix, self.mean_vector), like=inpt)
