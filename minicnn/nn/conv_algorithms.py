"""``conv_algorithms``: a table of how the convolutions of a network are computed on the CPU."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..dtypes import float32
from ..kernels.cpu.conv import PASSES, Algorithm, choose
from ..kernels.geometry import Geometry
from ..tensor import Tensor
from ..typing import DTypeLike
from .conv import Conv2d, ConvTranspose2d
from .module import Module
from .summary import run_on_zeros

__all__ = ["ConvAlgorithms", "LayerAlgorithms", "conv_algorithms"]


@dataclass(frozen=True)
class LayerAlgorithms:
    """The algorithms of one call of one convolution."""

    name: str
    input_shape: tuple[int, ...]
    weight_shape: tuple[int, ...]
    forward: Algorithm
    input_grad: Algorithm
    weight_grad: Algorithm


class ConvAlgorithms(list[LayerAlgorithms]):
    """The convolutions of a network in the order they ran; ``str`` gives the table."""

    def __str__(self) -> str:
        head = ("layer", "input", "weight", "forward", "input gradient", "weight gradient")
        rows = [head, *(tuple(map(str, vars(layer).values())) for layer in self)]
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        lines = ["  ".join(map(str.ljust, row, widths)).rstrip() for row in rows]
        return "\n".join(lines)

    __repr__ = __str__


def conv_algorithms(
    net: Module, input_size: Sequence[int], dtype: DTypeLike = float32
) -> ConvAlgorithms:
    """Tell which algorithm each convolution of ``net`` uses on the CPU, forward and backward.

    ``im2col`` is a matrix product over copied windows, ``grouped`` one for each group, and
    ``winograd 4x4`` is Winograd's algorithm with tiles of 4 * 4 output pixels. Which one is faster
    depends on the shapes and on the number of images. ``depthwise`` has no matrix product, for
    filters that see one channel each. Set ``minicnn.backends.cpu.conv`` or the environment variable
    ``MINICNN_CONV`` to ``im2col`` or ``winograd`` to prefer one. With ``MINICNN_DEBUG=conv`` each
    choice is printed when it is made, with its estimates.

    Args:
        net: the network; its parameters and modes do not change.
        input_size: shape of the input with N, such as (32, 3, 227, 227). Only one image is run.
        dtype: of the input.

    Returns:
        A list with one row for each call of a convolution; it prints as a table.

    Raises:
        ValueError: if ``MINICNN_CONV`` has another value.
    """
    N, *image = input_size
    algorithms = ConvAlgorithms()

    def note(name: str, module: Module, input: Tensor, output: Tensor) -> None:
        if isinstance(module, (Conv2d, ConvTranspose2d)):
            shape = N * input.shape[0], *input.shape[1:]
            chosen = _algorithms(module, shape, output.shape, input.array.dtype)
            algorithms.append(LayerAlgorithms(name, shape, tuple(module.weight.shape), *chosen))

    run_on_zeros(net, (1, *image), dtype, note)
    return algorithms


def _algorithms(
    module: Conv2d | ConvTranspose2d,
    input_shape: tuple[int, ...],
    output_shape: tuple[int, ...],
    dtype: np.dtype,
) -> list[Algorithm]:
    """The algorithms of the forward pass, the input gradient and the weight gradient."""
    passes = PASSES
    size, out_size = input_shape[-2:], output_shape[-2:]
    if isinstance(module, ConvTranspose2d):  # the forward pass is a convolution's input gradient
        passes = ("input_grad", "forward", "weight_grad")
        size, out_size = out_size, size
    (top, bottom), (left, right) = module.border()
    if module.padding_mode != "zeros":  # the layer pads the image before the convolution
        size = size[0] + top + bottom, size[1] + left + right
        top = left = 0
    geometry = Geometry(
        size,  # type: ignore[arg-type]
        out_size,  # type: ignore[arg-type]
        module.kernel_size,
        module.stride,
        (top, left),
        module.dilation,
        module.groups,
    )
    arguments = dtype, input_shape[0], module.weight.shape, geometry
    return [choose(pass_, *arguments) for pass_ in passes]
