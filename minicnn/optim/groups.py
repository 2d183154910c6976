"""Groups of parameters with learning rates and weight decay of their own."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ..nn.containers import ModuleDict, ModuleList, Sequential
from ..nn.module import Module
from ..tensor import Tensor

__all__ = ["parameter_groups"]


def parameter_groups(
    net: Module, lr: float, weight_decay: float, layer_decay: float = 1.0
) -> list[dict[str, Any]]:
    """A network's parameters in groups for an optimizer, as recipes for fine-tuning have them.

    ::

        optimizer = optim.AdamW(optim.parameter_groups(net, 1e-3, 0.05, layer_decay=0.75))

    Biases and the weights of norms, which are all that has fewer than two dimensions, get no weight
    decay. With ``layer_decay`` below 1, each layer learns slower than the one behind it, because
    trained first layers need less change than a new last one.

    Args:
        net: the network. Its layers are its children, in their order; containers such as
            ``Sequential`` stand for their own children. So a block of a ResNet is one layer. A norm
            or bias alone belongs to the layer before it.
        lr: the learning rate of the last layer.
        weight_decay: of weights.
        layer_decay: the rate of a layer divided by the next one's.

    Returns:
        Dicts of ``params``, ``lr`` and ``weight_decay``, from the first layer to the last; two if
        ``layer_decay`` is 1. Parameters that need no gradient are left out.

    Raises:
        ValueError: if ``layer_decay`` is not above 0.

    As ``param_groups_weight_decay`` and ``param_groups_layer_decay`` of the library timm.
    """
    if not layer_decay > 0:
        raise ValueError(f"layer_decay must be above 0, got {layer_decay}")
    layers = _layers(net)
    groups: dict[tuple[float, float], list[Tensor]] = {}
    for number, layer in enumerate(layers):
        rate = lr * layer_decay ** (len(layers) - 1 - number)
        for parameter in layer:
            if parameter.requires_grad:
                decay = weight_decay if parameter.ndim > 1 else 0.0
                groups.setdefault((rate, decay), []).append(parameter)
    return [
        {"params": params, "lr": rate, "weight_decay": decay}
        for (rate, decay), params in groups.items()
    ]


def _layers(net: Module) -> list[list[Tensor]]:
    """The parameters of each layer, each parameter once."""
    layers: list[list[Tensor]] = []
    seen: set[int] = set()
    for parameters in _by_module(net):
        new = [p for p in parameters if id(p) not in seen]
        seen.update(map(id, new))
        if layers and all(p.ndim < 2 for p in new):
            layers[-1] += new
        elif new:
            layers.append(new)
    return layers


def _by_module(net: Module) -> Iterator[list[Tensor]]:
    """The parameters of the network itself, then of each child that is no container."""
    yield list(net.parameters(recurse=False))
    for child in net.children():
        if isinstance(child, Sequential | ModuleList | ModuleDict):
            yield from _by_module(child)
        else:
            yield list(child.parameters())
