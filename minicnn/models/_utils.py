"""Layers of a network as its outputs, and round numbers of channels."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping

from .. import nn
from ..tensor import Tensor

__all__ = ["IntermediateLayerGetter", "_make_divisible"]


class IntermediateLayerGetter(nn.ModuleDict):
    """The children of a network up to the last one asked for, which pass on their results in order.

    Args:
        model: a network that calls its children one after the other, in the order in which they
            were registered.
        return_layers: the names of children, with the names that their outputs get.

    Returns:
        The outputs, an OrderedDict.

    Raises:
        ValueError: if the network has no child of such a name.

    As ``torchvision.models._utils.IntermediateLayerGetter``.
    """

    def __init__(self, model: nn.Module, return_layers: Mapping[str, str]) -> None:
        children = dict(model.named_children())
        missing = [name for name in return_layers if name not in children]
        if missing:
            raise ValueError(
                f"return_layers must be among {', '.join(children)}, got {', '.join(missing)}"
            )
        last = max(map(list(children).index, return_layers))
        super().__init__(OrderedDict(list(children.items())[: last + 1]))
        self.return_layers = dict(return_layers)

    def forward(self, x: Tensor) -> OrderedDict[str, Tensor]:
        out = OrderedDict()
        for name, module in self.items():
            x = module(x)
            if name in self.return_layers:
                out[self.return_layers[name]] = x
        return out


def _make_divisible(v: float, divisor: int, min_value: int | None = None) -> int:
    """The multiple of ``divisor`` nearest to ``v``, but the next one if that is below 0.9 ``v``.

    So that scaled numbers of channels suit the hardware and no layer gets much narrower.

    Args:
        v: a number of channels.
        divisor: what the result is a multiple of.
        min_value: the smallest result; by default ``divisor``.

    As ``torchvision.models._utils._make_divisible``.
    """
    smallest = divisor if min_value is None else min_value
    nearest = max(smallest, int(v + divisor / 2) // divisor * divisor)
    return nearest + divisor if nearest < 0.9 * v else nearest
