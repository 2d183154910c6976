"""The encoder of vision transformers: attention and MLPs on a sequence of patches."""

from __future__ import annotations

import functools
from collections import OrderedDict
from collections.abc import Callable, Mapping
from typing import Any

from .. import nn
from ..creation import empty
from ..nn import init as nn_init
from ..tensor import Tensor
from ..vision.blocks import MLP

__all__ = ["Encoder", "EncoderBlock", "MLPBlock", "layer_norm"]

Layer = Callable[..., nn.Module]
layer_norm = functools.partial(nn.LayerNorm, eps=1e-6)


def _rename_old_keys(block: nn.Module, state: dict[str, Tensor], prefix: str, *_: Any) -> None:
    for old, new in (("linear_1", "0"), ("linear_2", "3")):
        for name in ("weight", "bias"):
            if (key := f"{prefix}{old}.{name}") in state:
                state[f"{prefix}{new}.{name}"] = state.pop(key)


class MLPBlock(MLP):
    """Two linear layers on each element of (N, L, in_dim), with ``mlp_dim`` features between them.

    As ``torchvision.models.vision_transformer.MLPBlock``, which also takes files of its version 1.
    """

    _version = 2  # 1: the layers were called linear_1 and linear_2
    _load_state_dict_pre_hooks: Mapping[int, Any] = {-1: _rename_old_keys}

    def __init__(self, in_dim: int, mlp_dim: int, dropout: float) -> None:
        with nn_init.no_init():  # all weights are drawn again below
            super().__init__(in_dim, [mlp_dim, in_dim], activation_layer=nn.GELU, dropout=dropout)
        for layer in (self[0], self[3]):
            nn_init.xavier_uniform_(layer.weight)
            nn_init.normal_(layer.bias, std=1e-6)


class EncoderBlock(nn.Module):
    """Attention between the elements of (N, L, hidden_dim), and an MLP on each of them.

    Both add their result to their input, which they normalise first.

    Args:
        num_heads: of the attention.
        hidden_dim: features of each element.
        mlp_dim: features between the two layers of the MLP.
        dropout, attention_dropout: probabilities, the second for the weights of the attention.
        norm_layer: makes a normalisation of so many features.

    As ``torchvision.models.vision_transformer.EncoderBlock``.
    """

    def __init__(
        self,
        num_heads: int,
        hidden_dim: int,
        mlp_dim: int,
        dropout: float,
        attention_dropout: float,
        norm_layer: Layer = layer_norm,
    ) -> None:
        super().__init__()
        self.num_heads = num_heads
        self.ln_1 = norm_layer(hidden_dim)
        self.self_attention = nn.MultiheadAttention(
            hidden_dim, num_heads, dropout=attention_dropout, batch_first=True
        )
        self.dropout = nn.Dropout(dropout)
        self.ln_2 = norm_layer(hidden_dim)
        self.mlp = MLPBlock(hidden_dim, mlp_dim, dropout)

    def forward(self, input: Tensor) -> Tensor:
        x = self.ln_1(input)
        x, _ = self.self_attention(x, x, x, need_weights=False)
        x = self.dropout(x) + input
        return x + self.mlp(self.ln_2(x))


class Encoder(nn.Module):
    """Adds learned positions to (N, L, hidden_dim), applies the blocks and normalises the result.

    Args:
        seq_length: L.
        num_layers: number of blocks.
        num_heads, hidden_dim, mlp_dim, dropout, attention_dropout, norm_layer: see
            :class:`EncoderBlock`.

    As ``torchvision.models.vision_transformer.Encoder``.
    """

    def __init__(
        self,
        seq_length: int,
        num_layers: int,
        num_heads: int,
        hidden_dim: int,
        mlp_dim: int,
        dropout: float,
        attention_dropout: float,
        norm_layer: Layer = layer_norm,
    ) -> None:
        super().__init__()
        self.pos_embedding = nn.Parameter(empty(1, seq_length, hidden_dim))
        nn_init.normal_(self.pos_embedding, std=0.02)
        self.dropout = nn.Dropout(dropout)
        block = (num_heads, hidden_dim, mlp_dim, dropout, attention_dropout, norm_layer)
        blocks = {f"encoder_layer_{i}": EncoderBlock(*block) for i in range(num_layers)}
        self.layers = nn.Sequential(OrderedDict(blocks))
        self.ln = norm_layer(hidden_dim)

    def forward(self, input: Tensor) -> Tensor:
        return self.ln(self.layers(self.dropout(input + self.pos_embedding)))
