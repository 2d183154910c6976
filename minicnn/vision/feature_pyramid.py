"""Feature pyramids: maps of all sizes that have the meaning of the coarsest one."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Mapping
from typing import Any

from .. import nn
from ..nn import functional as F
from ..tensor import Tensor
from .blocks import Conv2dNormActivation

__all__ = ["ExtraFPNBlock", "FeaturePyramidNetwork", "LastLevelMaxPool", "LastLevelP6P7"]


class ExtraFPNBlock(nn.Module):
    """What adds coarser maps to a pyramid.

    Its ``forward(results, x, names)`` takes the maps of the pyramid, those it was made of, and their
    names, and returns more maps and their names.
    """

    def forward(
        self, results: list[Tensor], x: list[Tensor], names: list[str]
    ) -> tuple[list[Tensor], list[str]]:
        raise NotImplementedError(f"{type(self).__name__} has no forward")


def _with_new_keys(
    module: FeaturePyramidNetwork, state: dict[str, Any], prefix: str, metadata: Any, *_: Any
) -> None:
    """Renames the weights of version 1, in what is loaded."""
    if metadata.get("version", 1) >= 2:
        return
    for blocks in ("inner_blocks", "layer_blocks"):
        for i in range(len(module.inner_blocks)):
            for name in ("weight", "bias"):
                old = f"{prefix}{blocks}.{i}.{name}"
                if old in state:
                    state[f"{prefix}{blocks}.{i}.0.{name}"] = state.pop(old)


class FeaturePyramidNetwork(nn.Module):
    """Adds to each feature map the next coarser one, from the coarsest to the finest.

    Args:
        in_channels_list: channels of the maps, the finest first.
        out_channels: channels of all results.
        extra_blocks: adds coarser maps to the results; or None.
        norm_layer: makes a normalisation after each convolution; or None.

    Returns:
        Of an ordered mapping of maps (N, C, h, w), an OrderedDict of maps (N, out_channels, h, w) under
        the same names.

    Raises:
        ValueError: for 0 channels.
        TypeError: for ``extra_blocks`` of another class than :class:`ExtraFPNBlock`.

    Source: Lin et al. 2017, Feature Pyramid Networks; as ``torchvision.ops.FeaturePyramidNetwork``.
    """

    _version = 2  # 1: without norm_layer, with other keys
    _load_state_dict_pre_hooks: Mapping[int, Any] = {-1: _with_new_keys}

    def __init__(
        self,
        in_channels_list: list[int],
        out_channels: int,
        extra_blocks: ExtraFPNBlock | None = None,
        norm_layer: Callable[..., nn.Module] | None = None,
    ) -> None:
        super().__init__()
        if 0 in in_channels_list:
            raise ValueError(f"{type(self).__name__} expects channels, got {in_channels_list}")
        if extra_blocks is not None and not isinstance(extra_blocks, ExtraFPNBlock):
            raise TypeError(f"extra_blocks must be an ExtraFPNBlock, got {type(extra_blocks)}")
        self.inner_blocks, self.layer_blocks = nn.ModuleList(), nn.ModuleList()
        options: Any = {"norm_layer": norm_layer, "activation_layer": None}
        for channels in in_channels_list:
            self.inner_blocks.append(Conv2dNormActivation(channels, out_channels, 1, **options))
            self.layer_blocks.append(Conv2dNormActivation(out_channels, out_channels, 3, **options))
        _initialize(self)
        self.extra_blocks = extra_blocks

    def forward(self, x: Mapping[str, Tensor]) -> OrderedDict[str, Tensor]:
        names, maps = list(x), list(x.values())
        *finer, coarsest = [block(each) for block, each in zip(self.inner_blocks, maps)]
        summed = [coarsest]
        for lateral in reversed(finer):
            size = lateral.shape[-2], lateral.shape[-1]
            summed.append(lateral + F.interpolate(summed[-1], size=size, mode="nearest"))
        results = [block(each) for block, each in zip(self.layer_blocks, reversed(summed))]
        if self.extra_blocks is not None:
            results, names = self.extra_blocks(results, maps, names)
        return OrderedDict(zip(names, results))


class LastLevelMaxPool(ExtraFPNBlock):
    """Adds every second pixel of the coarsest map as another map, ``"pool"``.

    As ``torchvision.ops.feature_pyramid_network.LastLevelMaxPool``.
    """

    def forward(
        self, results: list[Tensor], x: list[Tensor], names: list[str]
    ) -> tuple[list[Tensor], list[str]]:
        pooled = F.max_pool2d(results[-1], kernel_size=1, stride=2)
        return [*results, pooled], [*names, "pool"]


class LastLevelP6P7(ExtraFPNBlock):
    """Adds two maps, ``"p6"`` and ``"p7"``, by convolutions of stride 2, as RetinaNet.

    Args:
        in_channels: channels of the coarsest map; if there are as many as ``out_channels``, that of
            the pyramid is taken, else the one that it was made of.
        out_channels: of both results.

    As ``torchvision.ops.feature_pyramid_network.LastLevelP6P7``.
    """

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__()
        self.p6 = nn.Conv2d(in_channels, out_channels, 3, 2, 1)
        self.p7 = nn.Conv2d(out_channels, out_channels, 3, 2, 1)
        _initialize(self)
        self.use_P5 = in_channels == out_channels

    def forward(
        self, results: list[Tensor], x: list[Tensor], names: list[str]
    ) -> tuple[list[Tensor], list[str]]:
        p6 = self.p6(results[-1] if self.use_P5 else x[-1])
        p7 = self.p7(F.relu(p6))
        return [*results, p6, p7], [*names, "p6", "p7"]


def _initialize(net: nn.Module) -> None:
    for module in net.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_uniform_(module.weight, a=1)
            if module.bias is not None:
                nn.init.zeros_(module.bias)
