"""The operations under the names of ``torch.nn.functional``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...later import read_later
from ...ops.activation import (
    gelu,
    glu,
    logsigmoid,
    mish,
    relu,
    relu_,
    silu,
    softplus,
    softsign,
    tanhshrink,
)
from ...ops.adaptive_pool import adaptive_avg_pool2d, adaptive_max_pool2d
from ...ops.class_loss import cross_entropy, nll_loss
from ...ops.conv import conv2d, conv_transpose2d
from ...ops.dropout import (
    alpha_dropout,
    dropout,
    dropout1d,
    dropout2d,
    dropout3d,
    feature_alpha_dropout,
)
from ...ops.functions import sigmoid, tanh
from ...ops.index import one_hot
from ...ops.linear import linear
from ...ops.norm import (
    batch_norm,
    group_norm,
    layer_norm,
    local_response_norm,
    normalize,
    rms_norm,
)
from ...ops.pad import pad
from ...ops.pool import avg_pool2d, max_pool2d
from ...ops.softmax import gumbel_softmax
from .implicit_dim import log_softmax, softmax, softmin

if TYPE_CHECKING:
    from ...ops.attention import multi_head_attention_forward, scaled_dot_product_attention
    from ...ops.binary_loss import (
        binary_cross_entropy,
        binary_cross_entropy_with_logits,
        multilabel_soft_margin_loss,
        soft_margin_loss,
    )
    from ...ops.class_margin_loss import multi_margin_loss, multilabel_margin_loss
    from ...ops.conv1d import conv1d, conv_transpose1d
    from ...ops.ctc import ctc_loss
    from ...ops.distance import bilinear, cosine_similarity, pairwise_distance, pdist
    from ...ops.distribution_loss import gaussian_nll_loss, kl_div, poisson_nll_loss
    from ...ops.elu import celu, celu_, elu, elu_, selu, selu_
    from ...ops.embedding import embedding, embedding_bag
    from ...ops.grid_sample import affine_grid, grid_sample
    from ...ops.instance_norm import instance_norm
    from ...ops.leaky import leaky_relu, leaky_relu_, prelu, rrelu, rrelu_
    from ...ops.linear_cross_entropy import linear_cross_entropy
    from ...ops.loss import huber_loss, l1_loss, mse_loss, smooth_l1_loss
    from ...ops.lp_pool import lp_pool1d, lp_pool2d
    from ...ops.margin_loss import (
        cosine_embedding_loss,
        hinge_embedding_loss,
        margin_ranking_loss,
        triplet_margin_loss,
        triplet_margin_with_distance_loss,
    )
    from ...ops.native import (
        adaptive_max_pool1d_with_indices,
        adaptive_max_pool2d_with_indices,
        max_pool1d_with_indices,
        max_pool2d_with_indices,
    )
    from ...ops.piecewise import (
        hardshrink,
        hardsigmoid,
        hardswish,
        hardtanh,
        hardtanh_,
        relu6,
        softshrink,
        threshold,
        threshold_,
    )
    from ...ops.pixel_shuffle import channel_shuffle, pixel_shuffle, pixel_unshuffle
    from ...ops.pool1d import adaptive_avg_pool1d, adaptive_max_pool1d, avg_pool1d, max_pool1d
    from ...ops.resize import interpolate
    from ...ops.unfold import fold, unfold
    from ...ops.unpool import max_unpool1d, max_unpool2d
    from ...ops.upsample import upsample, upsample_bilinear, upsample_nearest

__all__ = [
    "adaptive_avg_pool1d",
    "adaptive_avg_pool2d",
    "adaptive_max_pool1d",
    "adaptive_max_pool1d_with_indices",
    "adaptive_max_pool2d",
    "adaptive_max_pool2d_with_indices",
    "affine_grid",
    "alpha_dropout",
    "avg_pool1d",
    "avg_pool2d",
    "batch_norm",
    "bilinear",
    "binary_cross_entropy",
    "binary_cross_entropy_with_logits",
    "celu",
    "celu_",
    "channel_shuffle",
    "conv1d",
    "conv2d",
    "conv_transpose1d",
    "conv_transpose2d",
    "cosine_embedding_loss",
    "cosine_similarity",
    "cross_entropy",
    "ctc_loss",
    "dropout",
    "dropout1d",
    "dropout2d",
    "dropout3d",
    "elu",
    "elu_",
    "embedding",
    "embedding_bag",
    "feature_alpha_dropout",
    "fold",
    "gaussian_nll_loss",
    "gelu",
    "glu",
    "grid_sample",
    "group_norm",
    "gumbel_softmax",
    "hardshrink",
    "hardsigmoid",
    "hardswish",
    "hardtanh",
    "hardtanh_",
    "hinge_embedding_loss",
    "huber_loss",
    "instance_norm",
    "interpolate",
    "kl_div",
    "l1_loss",
    "layer_norm",
    "leaky_relu",
    "leaky_relu_",
    "linear",
    "linear_cross_entropy",
    "local_response_norm",
    "log_softmax",
    "logsigmoid",
    "lp_pool1d",
    "lp_pool2d",
    "margin_ranking_loss",
    "max_pool1d",
    "max_pool1d_with_indices",
    "max_pool2d",
    "max_pool2d_with_indices",
    "max_unpool1d",
    "max_unpool2d",
    "mish",
    "mse_loss",
    "multi_head_attention_forward",
    "multi_margin_loss",
    "multilabel_margin_loss",
    "multilabel_soft_margin_loss",
    "nll_loss",
    "normalize",
    "one_hot",
    "pad",
    "pairwise_distance",
    "pdist",
    "pixel_shuffle",
    "pixel_unshuffle",
    "poisson_nll_loss",
    "prelu",
    "relu",
    "relu6",
    "relu_",
    "rms_norm",
    "rrelu",
    "rrelu_",
    "scaled_dot_product_attention",
    "selu",
    "selu_",
    "sigmoid",
    "silu",
    "smooth_l1_loss",
    "soft_margin_loss",
    "softmax",
    "softmin",
    "softplus",
    "softshrink",
    "softsign",
    "tanh",
    "tanhshrink",
    "threshold",
    "threshold_",
    "triplet_margin_loss",
    "triplet_margin_with_distance_loss",
    "unfold",
    "upsample",
    "upsample_bilinear",
    "upsample_nearest",
]

_LATER = {
    "attention": "multi_head_attention_forward scaled_dot_product_attention",
    "binary_loss": """
        binary_cross_entropy binary_cross_entropy_with_logits multilabel_soft_margin_loss
        soft_margin_loss""",
    "class_margin_loss": "multi_margin_loss multilabel_margin_loss",
    "conv1d": "conv1d conv_transpose1d",
    "ctc": "ctc_loss",
    "distance": "bilinear cosine_similarity pairwise_distance pdist",
    "distribution_loss": "gaussian_nll_loss kl_div poisson_nll_loss",
    "elu": "celu celu_ elu elu_ selu selu_",
    "embedding": "embedding embedding_bag",
    "grid_sample": "affine_grid grid_sample",
    "instance_norm": "instance_norm",
    "leaky": "leaky_relu leaky_relu_ prelu rrelu rrelu_",
    "linear_cross_entropy": "linear_cross_entropy",
    "loss": "huber_loss l1_loss mse_loss smooth_l1_loss",
    "lp_pool": "lp_pool1d lp_pool2d",
    "margin_loss": """
        cosine_embedding_loss hinge_embedding_loss margin_ranking_loss triplet_margin_loss
        triplet_margin_with_distance_loss""",
    "native": """
        adaptive_max_pool1d_with_indices adaptive_max_pool2d_with_indices
        max_pool1d_with_indices max_pool2d_with_indices""",
    "piecewise": """
        hardshrink hardsigmoid hardswish hardtanh hardtanh_ relu6 softshrink threshold
        threshold_""",
    "pixel_shuffle": "channel_shuffle pixel_shuffle pixel_unshuffle",
    "pool1d": "adaptive_avg_pool1d adaptive_max_pool1d avg_pool1d max_pool1d",
    "resize": "interpolate",
    "unfold": "fold unfold",
    "unpool": "max_unpool1d max_unpool2d",
    "upsample": "upsample upsample_bilinear upsample_nearest",
}  # fmt: skip
__getattr__, __dir__ = read_later(__name__, _LATER, package="minicnn.ops")
