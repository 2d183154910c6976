"""The CUDA kernels, in ``.cu`` files launched through CuPy; ``minicnn.kernels`` describes them.

Beside ``NAME.cu`` is ``NAME.py`` with its launchers. They contain no mathematics: they bring arrays
into the memory layout of the kernels, allocate the result and choose the grid. ``plain/`` has the
same in readable CUDA, ``gemm/`` the matrix product behind convolution and linear layers, ``runtime/``
what all kernels share, and ``nccl.py`` what goes on between GPUs. Importing this package compiles
nothing.
"""

from __future__ import annotations

from .activation import (
    channel_sum,
    erf,
    gelu,
    gelu_backward,
    hardtanh,
    hardtanh_backward,
    relu,
    relu_backward,
    relu_bias_backward,
    silu,
    silu_backward,
)
from .conv import (
    col2im,
    conv2d,
    conv2d_input_grad,
    conv2d_input_grad_relu,
    conv2d_relu,
    conv2d_weight_grad,
    im2col,
)
from .dropout import dropout, dropout_backward
from .grad_scaler import unscale_step, update_scale_step
from .images import cast_images, normalize_crops, normalize_images
from .linear import (
    linear,
    linear_input_grad,
    linear_relu,
    linear_weight_grad,
    matrix_product,
)
from .loss import softmax_cross_entropy
from .nms import nms
from .norm import (
    batch_norm,
    batch_norm_backward,
    batch_norm_relu,
    batch_norm_relu_backward,
    channel_affine,
    channel_affine_relu,
    local_response_norm,
    local_response_norm_backward,
    running_average_step,
)
from .optim import adam_step, rmsprop_step, sgd_step
from .pool import (
    adaptive_avg_pool2d,
    adaptive_avg_pool2d_scatter,
    adaptive_max_pool2d,
    avg_pool2d,
    avg_pool2d_scatter,
    max_pool2d,
    max_pool2d_bias_backward,
    max_pool2d_gather,
    max_pool2d_relu,
    max_pool2d_scatter,
    plane_gather,
    plane_scatter,
)
from .resize import (
    resize_bilinear,
    resize_bilinear_backward,
    resize_nearest,
    resize_nearest_backward,
)
from .roi import roi_align, roi_align_backward, roi_pool

__all__ = [
    "adam_step",
    "adaptive_avg_pool2d",
    "adaptive_avg_pool2d_scatter",
    "adaptive_max_pool2d",
    "avg_pool2d",
    "avg_pool2d_scatter",
    "batch_norm",
    "batch_norm_backward",
    "batch_norm_relu",
    "batch_norm_relu_backward",
    "cast_images",
    "channel_affine",
    "channel_affine_relu",
    "channel_sum",
    "col2im",
    "conv2d",
    "conv2d_input_grad",
    "conv2d_input_grad_relu",
    "conv2d_relu",
    "conv2d_weight_grad",
    "dropout",
    "dropout_backward",
    "erf",
    "gelu",
    "gelu_backward",
    "hardtanh",
    "hardtanh_backward",
    "im2col",
    "linear",
    "linear_input_grad",
    "linear_relu",
    "linear_weight_grad",
    "local_response_norm",
    "local_response_norm_backward",
    "matrix_product",
    "max_pool2d",
    "max_pool2d_bias_backward",
    "max_pool2d_gather",
    "max_pool2d_relu",
    "max_pool2d_scatter",
    "nms",
    "normalize_crops",
    "normalize_images",
    "plane_gather",
    "plane_scatter",
    "relu",
    "relu_backward",
    "relu_bias_backward",
    "resize_bilinear",
    "resize_bilinear_backward",
    "resize_nearest",
    "resize_nearest_backward",
    "rmsprop_step",
    "roi_align",
    "roi_align_backward",
    "roi_pool",
    "running_average_step",
    "sgd_step",
    "silu",
    "silu_backward",
    "softmax_cross_entropy",
    "unscale_step",
    "update_scale_step",
]
