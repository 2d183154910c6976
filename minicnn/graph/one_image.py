"""Running an operation on one of several images, since a recording needs only the form of a result."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..tensor import Tensor
from .reads import array_of

__all__ = ["apply_to_one_image"]

_WITH_FILTERS = frozenset(["Conv2d"])  # only the first argument has images
_BY_IMAGE = frozenset(
    ["Add", "AvgPool2d", "Cat", "FixedBatchNorm", "LocalResponseNorm", "MaxPool2d", "ReLU"]
)


def apply_to_one_image(
    apply: Callable[..., Any], operation: Any, inputs: tuple[Any, ...], options: dict[str, Any]
) -> object:
    """The result of an operation; of the first image alone, if it treats each image by itself.

    The other images are zeros, which take no memory until something is written there.

    Args:
        apply: called with the operation, its inputs and its options to run it.
        operation: the class of the operation.
        inputs: its positional arguments; images are (N, C, H, W).
        options: its keyword arguments.
    """
    batches = [x for x in inputs if isinstance(x, Tensor) and array_of(x).ndim == 4]
    if operation.__name__ in _WITH_FILTERS:
        batches = batches[:1]
    N = len(array_of(batches[0])) if batches else 0
    equal = operation.__name__ in (*_WITH_FILTERS, *_BY_IMAGE) and N > 1
    equal = equal and options.get("dim", 1) == 1 and not options.get("return_argmax")
    if not equal or any(len(array_of(x)) != N for x in batches):
        return apply(operation, *inputs, **options)
    first = [
        Tensor.of(array_of(x)[:1]) if any(x is batch for batch in batches) else x for x in inputs
    ]
    out = array_of(apply(operation, *first, **options))
    is_channels_last = out.transpose(0, 2, 3, 1).flags.c_contiguous
    _, C, H, W = out.shape
    shape = (N, H, W, C) if is_channels_last else (N, C, H, W)
    images = np.zeros(shape, out.dtype)
    images = images.transpose(0, 3, 1, 2) if is_channels_last else images
    images[:1] = out
    return Tensor.of(images)
