"""``summary``: a table of a network's layers with shapes, parameters, work and memory."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from ..autograd import no_grad
from ..creation import zeros
from ..dtypes import float32
from ..html import table_html
from ..tensor import Tensor
from ..typing import DTypeLike
from .conv import Conv2d, ConvTranspose2d
from .linear import Linear
from .module import Module

__all__ = ["LayerSummary", "Summary", "run_on_zeros", "summary"]


@dataclass(frozen=True)
class LayerSummary:
    """One call of one layer."""

    name: str
    type: str
    output_shape: tuple[int, ...]
    parameters: int
    multiply_adds: int
    output_bytes: int


@dataclass(frozen=True)
class Summary:
    """The layers of a network in the order they ran; ``str`` gives the table."""

    layers: list[LayerSummary]
    parameters: int
    trainable_parameters: int
    parameter_bytes: int

    @property
    def multiply_adds(self) -> int:
        """Multiply-adds of all convolutions and linear layers."""
        return sum(layer.multiply_adds for layer in self.layers)

    @property
    def activation_bytes(self) -> int:
        """Bytes of all layers' outputs, which training keeps until the backward pass."""
        return sum(layer.output_bytes for layer in self.layers)

    def __str__(self) -> str:
        rows, foot = self._rows(), self._foot()
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        rule = "-" * (sum(widths) + 2 * (len(widths) - 1))
        head, *body = (_line(row, widths) for row in rows)
        return "\n".join([head, rule, *body, rule, *foot])

    __repr__ = __str__

    def _repr_html_(self) -> str:
        return table_html(self._rows(), left=3, foot=self._foot())

    def _rows(self) -> list[tuple[str, ...]]:
        """The heading and a row for each layer."""
        head = ("layer", "type", "output shape", "parameters", "multiply-adds", "memory (MB)")
        rows = [
            (
                layer.name,
                layer.type,
                str(layer.output_shape),
                f"{layer.parameters:,}",
                f"{layer.multiply_adds:,}",
                f"{layer.output_bytes / 1e6:.2f}",
            )
            for layer in self.layers
        ]
        return [head, *rows]

    def _foot(self) -> list[str]:
        """The sums."""
        weights = f"{self.trainable_parameters:,} trainable, {self.parameter_bytes / 1e6:.2f} MB"
        return [
            f"parameters: {self.parameters:,} ({weights})",
            f"multiply-adds: {self.multiply_adds:,}",
            f"activations: {self.activation_bytes / 1e6:.2f} MB",
        ]


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    """One row, with text columns aligned left and numbers aligned right."""
    padded = (
        cell.ljust(width) if i < 3 else cell.rjust(width)
        for i, (cell, width) in enumerate(zip(cells, widths, strict=True))
    )
    return "  ".join(padded).rstrip()


def _multiply_adds(module: Module, input: Tensor, output: Tensor) -> int:
    """Multiply-adds of one call, exact for convolutions and linear layers, 0 for the rest."""
    if isinstance(module, Conv2d):
        # each output is a sum of one product for each weight of its filter
        return output.numel() * math.prod(module.weight.shape[1:])
    if isinstance(module, ConvTranspose2d):
        return input.numel() * math.prod(module.weight.shape[1:])
    if isinstance(module, Linear):
        return output.numel() * module.in_features
    return 0


def summary(net: Module, input_size: Sequence[int], dtype: DTypeLike = float32) -> Summary:
    """Run ``net`` once on zeros and tabulate its layers.

    Args:
        net: the network; its parameters and modes do not change.
        input_size: shape of the input with N, such as (1, 3, 227, 227).
        dtype: of the input.

    Returns:
        A :class:`Summary`, which prints as a table. Layers are modules without children, in the
        order of their calls; one called twice has two rows, and its parameters count in the first.
    """
    layers: list[LayerSummary] = []
    counted: set[int] = set()

    def note(name: str, module: Module, input: Tensor, output: Tensor) -> None:
        new = [p for p in module.parameters() if id(p) not in counted]
        counted.update(map(id, new))
        layers.append(
            LayerSummary(
                name,
                type(module).__name__,
                tuple(output.shape),
                sum(p.numel() for p in new),
                _multiply_adds(module, input, output),
                # a layer that returns its input, such as dropout in evaluation, takes no memory
                0 if output.array is input.array else output.array.nbytes,
            )
        )

    run_on_zeros(net, input_size, dtype, note)
    parameters = list(net.parameters())
    return Summary(
        layers,
        sum(p.numel() for p in parameters),
        sum(p.numel() for p in parameters if p.requires_grad),
        sum(p.array.nbytes for p in parameters),
    )


def run_on_zeros(
    net: Module,
    input_size: Sequence[int],
    dtype: DTypeLike,
    note: Callable[[str, Module, Tensor, Tensor], None],
) -> None:
    """Run ``net`` once on zeros, in evaluation mode and without gradients.

    Args:
        net: the network; its parameters and modes do not change.
        input_size: shape of the input with N.
        dtype: of the input.
        note: called after each layer (a module without children) with its name, the module, its
            input and its (first) output.
    """
    names = {module: name or type(net).__name__ for name, module in net.named_modules()}

    def hook(module: Module, args: tuple[Any, ...], out: Any) -> None:
        note(names[module], module, args[0], out[0] if isinstance(out, tuple) else out)

    modes = {module: module.training for module in net.modules()}
    leaves = [module for module in modes if not any(True for _ in module.children())]
    handles = [leaf.register_forward_hook(hook) for leaf in leaves]
    device = next((parameter.device for parameter in net.parameters()), None)
    try:
        with no_grad():
            net.eval()(zeros(tuple(input_size), dtype=dtype, device=device))
    finally:
        for handle in handles:
            handle.remove()
        for module, mode in modes.items():
            module.training = mode
