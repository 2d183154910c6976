"""Batch norms folded into the convolutions before them, for trained networks.

In evaluation a batch norm computes y = scale * x + shift for each channel, with a fixed scale and
shift. The convolution before it can compute y directly: multiply its weights by scale and add shift
to its bias.
"""

from __future__ import annotations

import copy
from collections import Counter
from typing import Any

from ..autograd import no_grad
from ..tensor import Tensor
from .conv import Conv2d
from .frozen_batch_norm import FrozenBatchNorm2d
from .linear import Identity
from .module import Module
from .norm import BatchNorm2d
from .parameter import Parameter

__all__ = ["fuse_conv_bn", "fuse_conv_bn_eval"]

_NORMS = BatchNorm2d, FrozenBatchNorm2d


def fuse_conv_bn_eval(conv: Conv2d, bn: BatchNorm2d | FrozenBatchNorm2d) -> Conv2d:
    """One convolution that computes ``bn(conv(x))``, in evaluation mode.

    Args:
        conv: with any stride, padding and groups.
        bn: with running statistics, for ``conv``'s output channels.

    Returns:
        A copy of ``conv`` with new weights, and with a bias.

    Raises:
        ValueError: in training mode, where a batch norm depends on the batch; or for a batch norm
            without running statistics.

    As ``torch.nn.utils.fuse_conv_bn_eval``.
    """
    _check_evaluation(conv, bn)
    if bn.running_mean is None:
        raise ValueError("fuse_conv_bn_eval expects a batch norm with running statistics, got none")
    fused = copy.deepcopy(conv)
    with no_grad():
        scale = (bn.running_var + bn.eps) ** -0.5
        scale = scale if bn.weight is None else scale * bn.weight
        mean = bn.running_mean if conv.bias is None else bn.running_mean - conv.bias
        shift = -mean * scale
        shift = shift if bn.bias is None else shift + bn.bias
        fused.weight.copy_(conv.weight * scale.reshape(-1, 1, 1, 1))
        fused.bias = Parameter(shift.to(conv.weight.dtype), conv.weight.requires_grad)
    return fused


def fuse_conv_bn(net: Module, input: Tensor) -> Module:
    """A copy of a network with its batch norms folded into the convolutions before them.

    A trial run finds the batch norms whose input is a convolution's output. Nothing else in the
    network may use that output. Such a batch norm is replaced by an ``Identity``.

    Args:
        net: in evaluation mode.
        input: an input for the trial run, of any size that the network accepts; one image is enough.

    Raises:
        ValueError: if any part of the network is in training mode.
    """
    _check_evaluation(*net.modules())
    net = copy.deepcopy(net)
    calls = _calls(net, input)
    results = {id(result): module for module, _, result in calls if isinstance(module, Conv2d)}
    uses = Counter(module for module, _, _ in calls)
    replacements: dict[Module, Module] = {}
    for bn, given, _ in calls:
        conv = results.get(id(given))
        if conv is None or not isinstance(bn, _NORMS) or bn.running_mean is None:
            continue
        if uses[conv] == uses[bn] == 1:
            replacements |= {conv: fuse_conv_bn_eval(conv, bn), bn: Identity().eval()}
    for module in list(net.modules()):
        for name, child in module._modules.items():
            module._modules[name] = replacements.get(child, child)
    return net


def _calls(net: Module, input: Tensor) -> list[tuple[Module, Any, Any]]:
    """The calls of convolutions and batch norms when ``net`` runs: module, argument, result."""
    calls = []
    handles = [
        module.register_forward_hook(lambda module, args, out: calls.append((module, args[0], out)))
        for module in net.modules()
        if isinstance(module, (Conv2d, *_NORMS))
    ]
    with no_grad():
        net(input)
    for handle in handles:
        handle.remove()
    return calls


def _check_evaluation(*modules: Module) -> None:
    for module in modules:
        if module.training:
            raise ValueError(
                "batch norms can be folded in evaluation mode only, got a "
                f"{type(module).__name__} in training mode: call eval() first"
            )
