"""``conv_algorithms``: a table of how the convolutions of a network are computed on the CPU."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ..dtypes import float32
from ..kernels.cpu.conv import PASSES, Algorithm, choose
from ..kernels.geometry import Geometry, Pair
from ..tensor import Tensor
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
        lines = [
            "  ".join(map(str.ljust, row, widths)).rstrip()  # the columns are of text
            for row in rows
        ]
        return "\n".join(lines)

    __repr__ = __str__


def conv_algorithms(net: Module, input_size: Sequence[int], dtype: Any = float32) -> ConvAlgorithms:
    """Tell which algorithm each convolution of ``net`` uses on the CPU, forward and backward.

    ``im2col`` is a matrix product over copied windows, ``winograd 4x4`` Winograd's algorithm with
    tiles of 4 * 4 output pixels. What is faster depends on the shapes, the number of images
    included. The environment variable ``MINICNN_CONV`` can be ``im2col`` or ``winograd`` to prefer
    one; with ``MINICNN_DEBUG=conv`` the choices are printed, with estimates, as they are made.

    Args:
        net: the network; its parameters and modes are left as they were.
        input_size: shape of the input with N, such as (32, 3, 227, 227). Only one image is run.
        dtype: of the input.

    Returns:
        A list with a row for each call of a convolution in evaluation mode; prints as a table.

    Raises:
        ValueError: for another word in ``MINICNN_CONV``.
    """
    N, *image = input_size
    algorithms = ConvAlgorithms()

    def note(name: str, module: Module, input: Tensor, output: Tensor) -> None:
        if isinstance(module, (Conv2d, ConvTranspose2d)):
            shape = N * input.shape[0], *input.shape[1:]
            chosen = _algorithms(module, shape, output.shape, input.dtype)
            algorithms.append(LayerAlgorithms(name, shape, module.weight.shape, *chosen))

    run_on_zeros(net, (1, *image), dtype, note)
    return algorithms


def _algorithms(
    module: Conv2d | ConvTranspose2d,
    input_shape: tuple[int, ...],
    output_shape: tuple[int, ...],
    dtype: Any,
) -> list[Algorithm]:
    """For the forward pass and the gradients by input and weight."""
    passes = PASSES
    size, out_size = input_shape[-2:], output_shape[-2:]
    if isinstance(module, ConvTranspose2d):  # the forward pass is a convolution's input gradient
        passes = ("input_grad", "forward", "weight_grad")
        size, out_size = out_size, size
    geometry = Geometry(
        size,  # type: ignore[arg-type]
        out_size,  # type: ignore[arg-type]
        module.kernel_size,
        module.stride,
        _padding(module),
        module.dilation,
        module.groups,
    )
    arguments = dtype, input_shape[0], module.weight.shape, geometry
    return [choose(pass_, *arguments) for pass_ in passes]


def _padding(module: Conv2d | ConvTranspose2d) -> Pair:
    """Zeros above and to the left of an image."""
    if module.padding == "valid":
        return 0, 0
    if module.padding == "same":
        vertical, horizontal = (
            d * (k - 1) // 2 for d, k in zip(module.dilation, module.kernel_size, strict=True)
        )
        return vertical, horizontal
    return module.padding
