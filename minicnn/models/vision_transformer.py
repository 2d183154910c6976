"""Vision transformers: an image as a sequence of patches, which look at each other by attention."""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from .. import nn
from ..creation import zeros
from ..nn import init as nn_init
from ..ops.shape import cat
from ..tensor import Tensor
from ._api import register
from ._build import WeightsLike, build
from ._vit_encoder import Encoder, EncoderBlock, MLPBlock, layer_norm
from ._vit_patches import ConvStemConfig, interpolate_embeddings, make_stem
from .weights import (
    ViT_B_16_Weights,
    ViT_B_32_Weights,
    ViT_H_14_Weights,
    ViT_L_16_Weights,
    ViT_L_32_Weights,
)

__all__ = [
    "ConvStemConfig", "Encoder", "EncoderBlock", "MLPBlock", "VisionTransformer",
    "interpolate_embeddings", "vit_b_16", "vit_b_32", "vit_h_14", "vit_l_16", "vit_l_32",
]  # fmt: skip

Layer = Callable[..., nn.Module]


class VisionTransformer(nn.Module):
    """The network of Dosovitskiy et al. 2021, for images (N, 3, image_size, image_size).

    Args:
        image_size: pixels of H and W, which the positions are learned for.
        patch_size: pixels of a patch's sides, a divisor of ``image_size``.
        num_layers: number of blocks.
        num_heads: of each attention.
        hidden_dim: D, the features of each patch.
        mlp_dim: features between the two layers of each MLP.
        dropout, attention_dropout: probabilities, the second for the weights of the attention.
        num_classes: number of logits.
        representation_size: features of a hidden layer before the logits; None for no such layer.
        norm_layer: makes a normalisation of so many features.
        conv_stem_configs: convolutions to use instead of patches; their strides, multiplied, must
            be ``patch_size``.

    Returns:
        Logits (N, num_classes), which start as 0, as in the paper.

    Raises:
        ValueError: if ``patch_size`` does not divide ``image_size``; in ``forward``, for images of
            another size.

    As ``torchvision.models.VisionTransformer``.
    """

    head_layers = ("heads.head",)

    def __init__(
        self,
        image_size: int,
        patch_size: int,
        num_layers: int,
        num_heads: int,
        hidden_dim: int,
        mlp_dim: int,
        dropout: float = 0.0,
        attention_dropout: float = 0.0,
        num_classes: int = 1000,
        representation_size: int | None = None,
        norm_layer: Layer = layer_norm,
        conv_stem_configs: Sequence[ConvStemConfig] | None = None,
    ) -> None:
        super().__init__()
        if image_size % patch_size:
            raise ValueError(f"patch_size must divide image_size, got {patch_size}, {image_size}")
        self.image_size, self.patch_size = image_size, patch_size
        self.hidden_dim, self.mlp_dim = hidden_dim, mlp_dim
        self.dropout, self.attention_dropout = dropout, attention_dropout
        self.num_classes, self.representation_size = num_classes, representation_size
        self.conv_proj = make_stem(patch_size, hidden_dim, conv_stem_configs)
        self.class_token = nn.Parameter(zeros(1, 1, hidden_dim))
        self.seq_length = (image_size // patch_size) ** 2 + 1
        widths = (num_heads, hidden_dim, mlp_dim, dropout, attention_dropout, norm_layer)
        self.encoder = Encoder(self.seq_length, num_layers, *widths)
        self.heads = _heads(hidden_dim, representation_size, num_classes)
        _draw_weights(self.conv_proj, self.heads)

    def _process_input(self, x: Tensor) -> Tensor:
        if x.shape[1:] != (3, self.image_size, self.image_size):
            size = f"(N, 3, {self.image_size}, {self.image_size})"
            raise ValueError(
                f"VisionTransformer expects images of shape {size}, got {tuple(x.shape)}"
            )
        x = self.conv_proj(x)  # N x D x H/P x W/P, where P is the patch_size
        return x.flatten(2).transpose(1, 2)  # N x HW/P² x D

    def forward(self, x: Tensor) -> Tensor:
        x = self._process_input(x)
        x = cat([self.class_token.expand(x.shape[0], -1, -1), x], 1)  # N x (1 + HW/P²) x D
        x = self.encoder(x)
        return self.heads(x[:, 0])


def _heads(hidden_dim: int, representation_size: int | None, num_classes: int) -> nn.Sequential:
    if representation_size is None:
        return nn.Sequential(OrderedDict(head=nn.Linear(hidden_dim, num_classes)))
    layers = {
        "pre_logits": nn.Linear(hidden_dim, representation_size),
        "act": nn.Tanh(),
        "head": nn.Linear(representation_size, num_classes),
    }
    return nn.Sequential(OrderedDict(layers))


def _draw_weights(stem: nn.Conv2d | nn.Sequential, heads: nn.Sequential) -> None:
    """The weights before and after the encoder."""
    last = stem if isinstance(stem, nn.Conv2d) else stem[-1]
    if last is stem:
        nn_init.trunc_normal_(last.weight, std=math.sqrt(1 / last.weight[0].numel()))
    else:
        nn_init.normal_(last.weight, std=math.sqrt(2 / last.out_channels))
    if len(heads) > 1:
        nn_init.trunc_normal_(heads[0].weight, std=math.sqrt(1 / heads[0].in_features))
    for zero in (last.bias, heads[0].bias, heads[-1].weight, heads[-1].bias):
        nn_init.zeros_(zero)


_SHAPES = {  # patch_size, num_layers, num_heads, hidden_dim, mlp_dim
    "vit_b_16": (16, 12, 12, 768, 3072),
    "vit_b_32": (32, 12, 12, 768, 3072),
    "vit_l_16": (16, 24, 16, 1024, 4096),
    "vit_l_32": (32, 24, 16, 1024, 4096),
    "vit_h_14": (14, 32, 16, 1280, 5120),
}


def _vit(name: str, weights: WeightsLike, progress: bool, options: dict[str, Any]) -> Any:
    asked = options.pop("image_size", None)

    def make(image_size: int = asked or 224, **options: Any) -> VisionTransformer:
        return VisionTransformer(image_size, *_SHAPES[name], **options)

    def options_of(state: Mapping[str, Tensor]) -> dict[str, int]:
        positions = state["encoder.pos_embedding"].shape[1]
        size = math.isqrt(positions - 1) * _SHAPES[name][0]
        if asked not in (None, size):
            raise ValueError(
                f"the weights of {name} are for images of {size} pixels, got image_size={asked}: "
                "interpolate_embeddings adapts them"
            )
        return {"image_size": size}

    return build(name, make, weights, progress, options, options_of)


@register(ViT_B_16_Weights)
def vit_b_16(
    *, weights: WeightsLike = None, progress: bool = True, **kwargs: Any
) -> VisionTransformer:
    """12 blocks on patches of 16 pixels; ``kwargs`` go to :class:`VisionTransformer`."""
    return _vit("vit_b_16", weights, progress, kwargs)


@register(ViT_B_32_Weights)
def vit_b_32(
    *, weights: WeightsLike = None, progress: bool = True, **kwargs: Any
) -> VisionTransformer:
    """12 blocks on patches of 32 pixels; ``kwargs`` go to :class:`VisionTransformer`."""
    return _vit("vit_b_32", weights, progress, kwargs)


@register(ViT_L_16_Weights)
def vit_l_16(
    *, weights: WeightsLike = None, progress: bool = True, **kwargs: Any
) -> VisionTransformer:
    """24 blocks on patches of 16 pixels; ``kwargs`` go to :class:`VisionTransformer`."""
    return _vit("vit_l_16", weights, progress, kwargs)


@register(ViT_L_32_Weights)
def vit_l_32(
    *, weights: WeightsLike = None, progress: bool = True, **kwargs: Any
) -> VisionTransformer:
    """24 blocks on patches of 32 pixels; ``kwargs`` go to :class:`VisionTransformer`."""
    return _vit("vit_l_32", weights, progress, kwargs)


@register(ViT_H_14_Weights)
def vit_h_14(
    *, weights: WeightsLike = None, progress: bool = True, **kwargs: Any
) -> VisionTransformer:
    """32 blocks on patches of 14 pixels; ``kwargs`` go to :class:`VisionTransformer`."""
    return _vit("vit_h_14", weights, progress, kwargs)
