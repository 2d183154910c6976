"""The patches of vision transformers: how images become them, and their learned positions."""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import NamedTuple

from .. import nn
from ..nn import functional as F
from ..ops.shape import cat
from ..tensor import Tensor
from ..vision.blocks import Conv2dNormActivation

__all__ = ["ConvStemConfig", "interpolate_embeddings", "make_stem"]

Layer = Callable[..., nn.Module]


class ConvStemConfig(NamedTuple):
    """A convolution, a normalisation and an activation before the patches (Xiao et al. 2021).

    As ``torchvision.models.vision_transformer.ConvStemConfig``.
    """

    out_channels: int
    kernel_size: int
    stride: int
    norm_layer: Layer = nn.BatchNorm2d
    activation_layer: Layer = nn.ReLU


def make_stem(
    patch_size: int, hidden_dim: int, configs: Sequence[ConvStemConfig] | None
) -> nn.Conv2d | nn.Sequential:
    """From images (N, 3, H, W) to patches (N, hidden_dim, H/P, W/P)."""
    if configs is None:
        return nn.Conv2d(3, hidden_dim, patch_size, stride=patch_size)
    layers, channels = OrderedDict[str, nn.Module](), 3
    for i, config in enumerate(configs):
        layers[f"conv_bn_relu_{i}"] = Conv2dNormActivation(channels, **config._asdict())
        channels = config.out_channels
    layers["conv_last"] = nn.Conv2d(channels, hidden_dim, 1)
    return nn.Sequential(layers)


def interpolate_embeddings(
    image_size: int,
    patch_size: int,
    model_state: OrderedDict[str, Tensor],
    interpolation_mode: str = "bicubic",
    reset_heads: bool = False,
) -> OrderedDict[str, Tensor]:
    """Weights for images of another size: their positions are resized like an image.

    Args:
        image_size, patch_size: of the network that takes the weights.
        model_state: a ``state_dict``, which gets the new positions.
        interpolation_mode: as ``mode`` of ``nn.functional.interpolate``.
        reset_heads: whether to leave out the weights of the heads, if the size differs.

    Returns:
        ``model_state``, or a copy of it without heads.

    Raises:
        ValueError: if the positions are not (1, S² + 1, D), those of a class and of a square.

    As ``torchvision.models.vision_transformer.interpolate_embeddings``.
    """
    positions = model_state["encoder.pos_embedding"]
    old_size, new_size = math.isqrt(positions.shape[1] - 1), image_size // patch_size
    if positions.shape[:2] != (1, old_size**2 + 1):
        raise ValueError(f"expected positions (1, S * S + 1, D), got {tuple(positions.shape)}")
    if old_size == new_size:
        return model_state
    grid = positions[:, 1:].transpose(1, 2).unflatten(2, (old_size, old_size))  # 1 x D x S x S
    grid = F.interpolate(grid, new_size, mode=interpolation_mode, align_corners=True)
    model_state["encoder.pos_embedding"] = cat(
        [positions[:, :1], grid.flatten(2).transpose(1, 2)], 1
    )
    if not reset_heads:
        return model_state
    return OrderedDict((k, v) for k, v in model_state.items() if not k.startswith("heads"))
