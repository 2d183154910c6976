"""Which layer of a network to look at: a module, its dotted name, or a convolution."""

from __future__ import annotations

from typing import Any

from ..nn import Conv2d, Module
from ..tensor import Tensor

__all__ = ["check_maps", "convolutions", "find_layer", "name_of"]


def convolutions(net: Module) -> list[Module]:
    """The 2-d convolutions of a network, in the order of their registration.

    Raises:
        ValueError: if there is none.
    """
    found: list[Module] = [module for module in net.modules() if isinstance(module, Conv2d)]
    if not found:
        raise ValueError(f"{type(net).__name__} has no Conv2d: name the layer to look at")
    return found


def find_layer(net: Module, layer: Module | str) -> Module:
    """The module of a network that is meant by itself or by its dotted name.

    Raises:
        ValueError: if the network does not have it.
    """
    names = {name: module for name, module in net.named_modules(remove_duplicate=False)}
    if isinstance(layer, str) and layer in names:
        return names[layer]
    if isinstance(layer, Module) and layer in names.values():
        return layer
    shown = repr(layer) if isinstance(layer, str) else type(layer).__name__
    raise ValueError(
        f"layer must be a module of {type(net).__name__} or its dotted name, got {shown}; "
        f"there are {', '.join(filter(None, names))}"[:1000]
    )


def name_of(net: Module, layer: Module) -> str:
    """The dotted name of a module in a network."""
    return next(name for name, module in net.named_modules() if module is layer)


def check_maps(output: Any) -> None:
    """Checks that a layer returned maps (N, channels, h, w).

    Raises:
        ValueError: for anything else.
    """
    if not isinstance(output, Tensor) or output.ndim != 4:
        got = tuple(output.shape) if isinstance(output, Tensor) else type(output).__name__
        raise ValueError(f"the layer must return (N, channels, h, w), got {got}")
