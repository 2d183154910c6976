"""Adapting trained networks to other classes: new last layers, and freezing the others."""

from __future__ import annotations

from typing import Any, TypeVar

from .. import nn

__all__ = ["freeze", "replace_head"]

Net = TypeVar("Net", bound=nn.Module)


def replace_head(net: Net, num_classes: int) -> Net:
    """Replaces a network's last layers by new, untrained ones for ``num_classes`` classes.

    Auxiliary classifiers get new last layers, too; all other layers keep their weights.

    Args:
        net: a network of :mod:`minicnn.models`; it is changed in place.
        num_classes: number of classes.

    Returns:
        ``net``.

    Raises:
        TypeError: if it is not one of the networks of :mod:`minicnn.models`.
    """
    for path in _head_layers(net):
        parent_path, _, name = path.rpartition(".")
        parent = net.get_submodule(parent_path)
        old = getattr(parent, name)
        setattr(parent, name, _for_classes(old, num_classes).train(old.training))
    return net


def freeze(net: Net) -> Net:
    """Freezes all of a network except its last layers, to train only those.

    Batch norms still update their statistics in training mode; ``net.eval()`` stops that.

    Args:
        net: a network of :mod:`minicnn.models`, changed in place; ``net.requires_grad_(True)`` undoes
            it.

    Returns:
        ``net``.

    Raises:
        TypeError: if it is not one of the networks of :mod:`minicnn.models`.
    """
    heads = _head_layers(net)
    net.requires_grad_(False)
    for path in heads:
        net.get_submodule(path).requires_grad_(True)
    return net


def _head_layers(net: nn.Module) -> list[str]:
    """The paths of the network's layers with one output per class."""
    paths = getattr(net, "head_layers", None)
    if paths is None:
        raise TypeError(f"expected one of the networks of minicnn.models, got {type(net).__name__}")
    present = {path for path, _ in net.named_modules()}
    return [path for path in paths if path in present]


def _for_classes(layer: Any, num_classes: int) -> nn.Module:
    """An untrained layer like ``layer`` for another number of classes, on the same device."""
    options = {"device": layer.weight.device, "dtype": layer.weight.dtype}
    if isinstance(layer, nn.Linear):
        return nn.Linear(layer.in_features, num_classes, layer.bias is not None, **options)
    if isinstance(layer, nn.ConvTranspose2d):  # upsamples scores, one channel per class
        new = nn.ConvTranspose2d(
            num_classes, num_classes, layer.kernel_size, layer.stride, layer.padding,
            bias=layer.bias is not None, **options,
        )  # fmt: skip
        nn.init.bilinear_(new.weight)
        return new
    return nn.Conv2d(
        layer.in_channels, num_classes, layer.kernel_size, bias=layer.bias is not None, **options
    )
