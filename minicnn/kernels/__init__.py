"""The loops: every function exists twice, in ``kernels.cpu`` (NumPy) and ``kernels.cuda`` (.cu).

``kernels.of(array)`` gives the module for the device an array lives on. Both modules hold the same
functions, with the same arguments and results. They take and return plain arrays, never tensors,
know nothing of gradients being recorded, and never write into an argument unless their name ends in
``_step``. Images are N, C, H, W; in memory the 4-D results, gradients of filters too, are
channels-last (N, H, W, C strides).
Sums run in float32 or better; results of 16 bits are rounded once. ``dtype`` asks for a gradient
of weights or bias in another dtype than the arguments have: float32, to keep what was summed.

On CUDA, ``draw`` and ``numbers`` are functions so that what they return can go to device memory,
and can be asked for anew before each replay of a captured graph; they are called once for each step.
Optimizers write ``lowered`` copies of the weights in half precision (a list, with None where there
is none) together with the weights, and ``scaling`` is (inverse_scale, found_inf), arrays of one
float32: a factor of the gradients, and whether to change nothing (if not 0).

================================================================  ==================================
convolution (conv.py); ``geometry`` is a :class:`Geometry`
``conv2d(x, weight, bias, geometry, relu=False)``                 (N, O, OH, OW); bias (O,) or None,
                                                                  float32 or of the dtype of x
``conv2d_input_grad(grad, weight, geometry)``                     (N, C, H, W)
``conv2d_weight_grad(grad, x, geometry, dtype=None)``             (O, C / groups, KH, KW)
``im2col(x, geometry)``                                           (N, C * KH * KW, OH * OW)
``col2im(columns, geometry)``                                     (N, C, H, W): sums the overlaps
----------------------------------------------------------------  ----------------------------------
linear layer (linear.py): x (M, K), weight (N, K)
``linear(x, weight, bias, relu=False)``                           (M, N); bias (N,) or None,
                                                                  float32 or of the dtype of x
``linear_input_grad(grad, weight)``                               (M, K); grad is (M, N)
``linear_weight_grad(grad, x, dtype=None)``                       (N, K)
----------------------------------------------------------------  ----------------------------------
pooling (pool.py; on the CPU max_pool.py, too)
``max_pool2d(x, geometry, relu=False, with_argmax=True)``         out, argmax: kh * KW + kw of the
                                                                  first maximum; with relu KH * KW,
                                                                  "no pixel", unless it is above 0.
                                                                  uint8 if KH * KW < 256, else
                                                                  int32; None if not wanted
``max_pool2d_scatter(grad, argmax, geometry)``                    (N, C, H, W): its gradient
``max_pool2d_gather(x, argmax, geometry)``                        (N, C, OH, OW): gradient of that
``avg_pool2d(x, scale, geometry)``                                window sums times scale (OH, OW)
``avg_pool2d_scatter(grad, scale, geometry)``                     (N, C, H, W): its gradient
``adaptive_max_pool2d(x, output_size)``                           out, indices (int64, h * W + w)
``plane_scatter(grad, indices, input_size)``                      (N, C, H, W): adds at indices
``plane_gather(x, indices)``                                      x at indices of each H * W plane
----------------------------------------------------------------  ----------------------------------
normalisation (norm.py); channels are axis 1, statistics are (C,)
``batch_norm(x, weight, bias, eps, residual=None, relu=False)``   out, mean, variance (biased)
``batch_norm_backward(grad, x, weight, mean, variance, eps,``     gradients of x, weight, bias,
``    out=None, with_residual=False)``                            residual (None unless wanted);
                                                                  out is given if it had a relu
``channel_affine(x, scale, shift, residual=None, relu=False)``    x * scale + shift + residual
``local_response_norm(x, size, alpha, beta, k)``                  out
``local_response_norm_backward(grad, x, size, alpha, beta, k)``   gradient of x
----------------------------------------------------------------  ----------------------------------
dropout (dropout.py): Philox4x32-10, the same bits on both devices
``dropout(x, p, state)``                                          zero with probability p, else
                                                                  x / (1 - p); the mask depends on
                                                                  the state and the index of an
                                                                  element in N, C, H, W order
``philox_state(draw)``                                            what draw() returns, (seed,
                                                                  offset), as ``dropout`` wants it
----------------------------------------------------------------  ----------------------------------
activations (activation.py)
``relu(x)``                                                       max(x, 0); NaN stays NaN
``relu_backward(grad, out)``                                      grad where out > 0, else 0
``relu_bias_backward(grad, out, dtype=None)``                     the same, and its channel_sum
``channel_sum(x, dtype=None)``                                    (C,): sum over all axes but 1
``erf(x)``                                                        the Gauss error function
----------------------------------------------------------------  ----------------------------------
loss (loss.py); rows are samples: logits (M, C), target (M,) of int64
``softmax_cross_entropy(logits, target, weight,``                 losses (M,) and their gradient by
``    ignore_index, label_smoothing)``                            the logits (M, C), 0 in ignored
                                                                  rows; weight (C,) or None
----------------------------------------------------------------  ----------------------------------
pictures (images.py)
``normalize_images(images, mean, std, dtype)``                    (images / 255 - mean) / std for
                                                                  uint8 images; mean and std are C
                                                                  numbers each
----------------------------------------------------------------  ----------------------------------
resizing (resize.py); ``scale`` is (vertical, horizontal): input pixels per output pixel
``resize_nearest(x, output_size, scale)``                         (N, C, OH, OW)
``resize_nearest_backward(grad, input_size, scale)``              (N, C, H, W)
``resize_bilinear(x, output_size, scale, align_corners)``         (N, C, OH, OW)
``resize_bilinear_backward(grad, input_size, scale,``             (N, C, H, W)
``    align_corners)``
----------------------------------------------------------------  ----------------------------------
optimizers (optim.py); lists of arrays, written in place; ``numbers()`` gives the hyper-parameters
``sgd_step(params, grads, momenta, numbers, nesterov,``           lr, momentum, dampening,
``    lowered=None, scaling=None)``                               weight_decay; momenta is None
                                                                  without momentum, and zeros before
                                                                  the first step, whose dampening
                                                                  the caller sets to 0
``adam_step(params, grads, means, squares, numbers, decoupled,``  step (from 1), lr, beta1, beta2,
``    lowered=None, scaling=None)``                               eps, weight_decay; ``decoupled``:
                                                                  AdamW
``rmsprop_step(params, grads, squares, momenta, averages,``       lr, alpha, eps, momentum,
``    numbers, lowered=None, scaling=None)``                      weight_decay; averages is None
                                                                  unless centered, momenta without
                                                                  momentum
----------------------------------------------------------------  ----------------------------------
loss scaling (grad_scaler.py); scalars of float32, growth_tracker of int32, in the device's memory
``unscale_step(grads, inverse_scale, found_inf)``                 grads *= inverse_scale (or None);
                                                                  found_inf = 1 for inf or NaN
``update_scale_step(scale, inverse_scale, growth_tracker,``       the first three for the next loss,
``    found_inf, growth_factor, backoff_factor,``                 as torch.amp.GradScaler
``    growth_interval)``
================================================================  ==================================
"""

from __future__ import annotations

from functools import cache
from importlib import import_module
from types import ModuleType
from typing import Any

import numpy as np

from .geometry import Geometry

__all__ = ["Geometry", "of"]


def of(array: Any) -> ModuleType:
    """The kernels for the device that ``array`` lives on: ``kernels.cpu`` or ``kernels.cuda``."""
    return _kernels("cpu" if isinstance(array, np.ndarray) else "cuda")


@cache
def _kernels(device: str) -> ModuleType:
    return import_module(f".{device}", __name__)
