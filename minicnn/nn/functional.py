"""The operations under the names of ``torch.nn.functional``."""

from __future__ import annotations

from ..ops.activation import (
    elu,
    elu_,
    gelu,
    hardswish,
    leaky_relu,
    leaky_relu_,
    log_softmax,
    logsigmoid,
    relu,
    relu_,
    silu,
    softmax,
    softplus,
)
from ..ops.adaptive_pool import adaptive_avg_pool2d, adaptive_max_pool2d
from ..ops.attention import multi_head_attention_forward, scaled_dot_product_attention
from ..ops.class_loss import cross_entropy, nll_loss
from ..ops.conv import conv2d, conv_transpose2d
from ..ops.conv1d import conv1d, conv_transpose1d
from ..ops.dropout import dropout, dropout2d
from ..ops.elementwise import sigmoid, tanh
from ..ops.grid_sample import affine_grid, grid_sample
from ..ops.index import one_hot
from ..ops.instance_norm import instance_norm
from ..ops.linear import linear
from ..ops.loss import (
    binary_cross_entropy,
    binary_cross_entropy_with_logits,
    huber_loss,
    kl_div,
    l1_loss,
    mse_loss,
    smooth_l1_loss,
)
from ..ops.lp_pool import lp_pool1d, lp_pool2d
from ..ops.native import (
    adaptive_max_pool1d as adaptive_max_pool1d_with_indices,
)
from ..ops.native import (
    adaptive_max_pool2d_with_indices,
    max_pool1d_with_indices,
    max_pool2d_with_indices,
)
from ..ops.norm import (
    batch_norm,
    group_norm,
    layer_norm,
    local_response_norm,
    normalize,
    rms_norm,
)
from ..ops.pad import pad
from ..ops.pool import avg_pool2d, max_pool2d
from ..ops.pool1d import adaptive_avg_pool1d, adaptive_max_pool1d, avg_pool1d, max_pool1d
from ..ops.resize import interpolate, upsample, upsample_bilinear, upsample_nearest
from ..ops.unfold import fold, unfold
from ..ops.unpool import max_unpool1d, max_unpool2d

__all__ = [
    "adaptive_avg_pool1d",
    "adaptive_avg_pool2d",
    "adaptive_max_pool1d",
    "adaptive_max_pool1d_with_indices",
    "adaptive_max_pool2d",
    "adaptive_max_pool2d_with_indices",
    "affine_grid",
    "avg_pool1d",
    "avg_pool2d",
    "batch_norm",
    "binary_cross_entropy",
    "binary_cross_entropy_with_logits",
    "conv1d",
    "conv2d",
    "conv_transpose1d",
    "conv_transpose2d",
    "cross_entropy",
    "dropout",
    "dropout2d",
    "elu",
    "elu_",
    "fold",
    "gelu",
    "grid_sample",
    "group_norm",
    "hardswish",
    "huber_loss",
    "instance_norm",
    "interpolate",
    "kl_div",
    "l1_loss",
    "layer_norm",
    "leaky_relu",
    "leaky_relu_",
    "linear",
    "local_response_norm",
    "log_softmax",
    "logsigmoid",
    "lp_pool1d",
    "lp_pool2d",
    "max_pool1d",
    "max_pool1d_with_indices",
    "max_pool2d",
    "max_pool2d_with_indices",
    "max_unpool1d",
    "max_unpool2d",
    "mse_loss",
    "multi_head_attention_forward",
    "nll_loss",
    "normalize",
    "one_hot",
    "pad",
    "relu",
    "relu_",
    "rms_norm",
    "scaled_dot_product_attention",
    "sigmoid",
    "silu",
    "smooth_l1_loss",
    "softmax",
    "softplus",
    "tanh",
    "unfold",
    "upsample",
    "upsample_bilinear",
    "upsample_nearest",
]
