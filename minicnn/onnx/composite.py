"""Operations that are made of many, and that ONNX has as one: they are recorded whole."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

from ..autograd import Function
from ..graph.recorder import is_recording
from ..ops import grid_sample
from ..tensor import Tensor
from ..typing import Array

__all__ = ["GridSample", "kept_whole"]

_sampled = grid_sample._sampled


class GridSample(Function):
    """images (N, C, ...) and points (N, ..., 2 or 3) -> the values of the images there."""

    def forward(self, images: Array, points: Array, **options: Any) -> Array:
        return _sampled(Tensor.of(images), Tensor.of(points), **options).array


@contextlib.contextmanager
def kept_whole() -> Iterator[None]:
    """Has this thread's recordings note such operations as one."""

    def sampled(images: Tensor, points: Tensor, **options: Any) -> Tensor:
        apply: Any = GridSample.apply if is_recording() else _sampled
        out: Tensor = apply(images, points, **options)
        return out

    grid_sample._sampled = sampled
    try:
        yield
    finally:
        grid_sample._sampled = _sampled
