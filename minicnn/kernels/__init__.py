"""The kernels: one contract, and several sets of functions that fulfil it.

======================  ===========================================================================
``kernels.plain``       what each kernel means, in readable NumPy: the place to start reading
``kernels.cpu``         the fast ones for the CPU: NumPy in blocks, on several threads
``kernels.cuda``        the fast ones for the GPU: ``.cu`` files with their launchers
``kernels.cuda.plain``  convolution, pooling and matrix products in readable CUDA, one thread per
                        output element; everything else comes from ``kernels.cuda``
======================  ===========================================================================

``kernels.of(array)`` returns the set for the device an array is on: a fast one, unless
``MINICNN_KERNELS=plain`` in the environment or ``minicnn.backends.use_kernels`` selects the plain
ones. On CUDA it computes on the array's GPU, whichever is the current one. All sets have the same
functions, with the same arguments and results. They take and return arrays, never tensors, record no
gradients, and never write to an argument unless it is called ``out`` or their name ends in
``_step``.

Images are N, C, H, W. In memory, 4-D results of the fast kernels are channels-last (N, H, W, C
strides), and so are gradients of filters. Sums are computed in float32 or better, and results of 16
bits are rounded once. ``dtype`` is the dtype of a gradient of weights or bias if the arguments have
another: float32, to keep the precision of the sum.

``draw`` and ``hyperparameters`` are functions, called once per step. On CUDA, their results go to
device memory, and they are called again before each replay of a captured graph. Optimizers write
``half_copies`` of the weights (a list, with None where there is no copy) together with the weights.
``scaling`` is (inverse_scale, found_inf), arrays of one float32: a factor for the gradients, and a
flag that skips the step if it is not 0.

================================================================  ==================================
convolution (conv.py; on the CPU one of conv_im2col.py, conv_grouped.py, conv_depthwise.py and
winograd/, on CUDA also conv_depthwise.cu); ``geometry`` is a :class:`Geometry`
``conv2d(x, weight, bias, geometry)``                             (N, O, OH, OW); bias (O,) or None,
                                                                  float32 or of the dtype of x
``conv2d_input_grad(grad, weight, geometry)``                     (N, C, H, W)
``conv2d_weight_grad(grad, x, geometry, dtype=None)``             (O, C / groups, KH, KW)
``im2col(x, geometry)``                                           (N, C * KH * KW, OH * OW)
``col2im(columns, geometry)``                                     (N, C, H, W): sums the overlaps
----------------------------------------------------------------  ----------------------------------
linear layer (linear.py): x (M, K), weight (N, K)
``linear(x, weight, bias)``                                       (M, N); bias (N,) or None,
                                                                  float32 or of the dtype of x
``linear_input_grad(grad, weight)``                               (M, K); grad is (M, N)
``linear_weight_grad(grad, x, dtype=None)``                       (N, K)
``matrix_product(x, y)``                                          (..., M, N): (..., M, K) times
                                                                  (..., K, N), broadcast
----------------------------------------------------------------  ----------------------------------
pooling (pool.py; on the CPU max_pool.py and max_pool_grad.py)
``max_pool2d(x, geometry, with_argmax=True)``                     out, argmax: kh * KW + kw of the
                                                                  first maximum, uint8 if
                                                                  KH * KW < 256, else int32; None if
                                                                  not wanted. A window outside the
                                                                  input gives -inf
``max_pool2d_scatter(grad, argmax, geometry)``                    (N, C, H, W): its gradient
``max_pool2d_gather(x, argmax, geometry)``                        (N, C, OH, OW): x at the argmax
``avg_pool2d(x, scale, geometry)``                                window sums times scale (OH, OW)
``avg_pool2d_scatter(grad, scale, geometry)``                     (N, C, H, W): its gradient
``adaptive_avg_pool2d(x, output_size)``                           (N, C, OH, OW): window means
``adaptive_avg_pool2d_scatter(grad, input_size)``                 (N, C, H, W): its gradient
``adaptive_max_pool2d(x, output_size)``                           out, indices (int64, h * W + w)
``plane_scatter(grad, indices, input_size)``                      (N, C, H, W): adds at indices
``plane_gather(x, indices)``                                      x at indices of each H * W plane
----------------------------------------------------------------  ----------------------------------
normalisation (norm.py); channels are axis 1, statistics are (C,)
``batch_norm(x, weight, bias, eps)``                              out, mean, variance (biased)
``batch_norm_backward(grad, x, weight, mean, variance, eps)``     gradients of x, weight and bias
``running_average_step(running, batch, momentum, factor)``        running moves by a share of
                                                                  momentum to batch * factor
``channel_affine(x, scale, shift, out=None)``                     x * scale + shift, in ``out`` if
                                                                  given, which may be x
``local_response_norm(x, size, alpha, beta, k)``                  out
``local_response_norm_backward(grad, x, size, alpha, beta, k)``   gradient of x
----------------------------------------------------------------  ----------------------------------
dropout (dropout.py): PyTorch's random numbers on the CPU, Philox4x32-10 on a GPU
``dropout(x, p, generator)``                                      out, mask: zero with probability
                                                                  p, else x / (1 - p)
``dropout_backward(grad, mask, p)``                               grad / (1 - p) where kept, else 0;
                                                                  the mask is an array of bool, on
                                                                  CUDA two numbers to draw it again
----------------------------------------------------------------  ----------------------------------
activations (activation.py)
``relu(x, out=None)``                                             max(x, 0), in ``out`` if given,
                                                                  which may be x; NaN stays NaN
``relu_backward(grad, out)``                                      0 where out <= 0, else grad
``hardtanh(x, low, high)``                                        x limited to [low, high]
``hardtanh_backward(grad, x, low, high)``                         0 where x <= low or x >= high,
                                                                  else grad
``silu(x)``                                                       x / (1 + exp(-x))
``silu_backward(grad, x)``                                        its gradient
``gelu(x)``                                                       x times the probability that a
                                                                  standard normal number is below x
``gelu_backward(grad, x)``                                        its gradient
``channel_sum(x, dtype=None)``                                    (C,): sum over all axes but 1
``erf(x)``                                                        the Gauss error function
----------------------------------------------------------------  ----------------------------------
loss (loss.py); a row is a sample: logits (M, C), target (M,) of int64
``softmax_cross_entropy(logits, target, weight,``                 losses (M,) and their gradient by
``    ignore_index, label_smoothing)``                            the logits (M, C), 0 in ignored
                                                                  rows; weight (C,) or None
----------------------------------------------------------------  ----------------------------------
images (images.py); mean and std are C numbers each
``normalize_images(images, mean, std, dtype)``                    (images / 255 - mean) / std for
                                                                  uint8 images
``normalize_crops(pixels, crops, size, mean, std, dtype)``        (N, C, *size): the same for parts
                                                                  of pictures, which lie in pixels
                                                                  (uint8) one after the other as
                                                                  (H, W, C). A row of crops (N, 3)
                                                                  of int64: where its first byte is,
                                                                  the bytes from one line of the
                                                                  picture to the next, and whether
                                                                  it is mirrored, 0 or 1
----------------------------------------------------------------  ----------------------------------
resizing (resize.py); ``scale`` is (vertical, horizontal): input pixels per output pixel, 1 where
a size stays, and pixels are copied there
``resize_nearest(x, output_size, scale)``                         (N, C, OH, OW)
``resize_nearest_backward(grad, input_size, scale)``              (N, C, H, W)
``resize_bilinear(x, output_size, scale, align_corners)``         (N, C, OH, OW)
``resize_bilinear_backward(grad, input_size, scale,``             (N, C, H, W)
``    align_corners)``
----------------------------------------------------------------  ----------------------------------
regions of interest (roi.py, nms.py): a row of rois (K, 5) is the number of an image, x1, y1, x2, y2,
which times ``spatial_scale`` are pixels; boxes (N, 4) are x1, y1, x2, y2, the best first
``roi_align(x, rois, output_size, spatial_scale,``                (K, C, OH, OW): means of samples, 0
``    sampling_ratio, aligned)``                                  in boxes that are not finite
``roi_align_backward(grad, rois, input_shape, spatial_scale,``    (N, C, H, W): its gradient
``    sampling_ratio, aligned)``
``roi_pool(x, rois, output_size, spatial_scale)``                 out, argmax (int64, h * W + w, or -1
                                                                  where there is no pixel)
``nms(boxes, iou_threshold)``                                     (N,) of bool: which boxes to keep
----------------------------------------------------------------  ----------------------------------
optimizers (optim.py); lists of arrays, written in place; ``hyperparameters()`` gives
``sgd_step(params, grads, momenta, hyperparameters, nesterov,``   lr, momentum, dampening,
``    half_copies=None, scaling=None)``                           weight_decay; momenta is None
                                                                  without momentum, and zeros before
                                                                  the first step, whose dampening
                                                                  the caller sets to 0
``adam_step(params, grads, means, squares, hyperparameters,``     step (from 1), lr, beta1, beta2,
``    decoupled, half_copies=None, scaling=None, maxima=None)``   eps, weight_decay; ``decoupled``:
                                                                  AdamW; maxima, of the squares, is
                                                                  None except for AMSGrad
``rmsprop_step(params, grads, squares, momenta, averages,``       lr, alpha, eps, momentum,
``    hyperparameters, half_copies=None, scaling=None)``          weight_decay; averages is None
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

The fast sets have more: an operation and the ReLU after it in one pass, for ``ops/fused.py``.

================================================================  ==================================
``conv2d_relu(x, weight, bias, geometry)``                        relu(conv2d(...))
``linear_relu(x, weight, bias)``                                  relu(linear(...))
``max_pool2d_relu(x, geometry, with_argmax=True)``                out, argmax: KH * KW, "no pixel",
                                                                  where the maximum is not above 0
``batch_norm_relu(x, weight, bias, eps)``                         relu(out), mean, variance
``batch_norm_relu_backward(grad, out, x, weight, mean,``          gradients of x, weight and bias
``    variance, eps)``
``channel_affine_relu(x, scale, shift, out=None)``                relu(channel_affine(...))
``relu_bias_backward(grad, out, dtype=None)``                     relu_backward, its channel_sum
================================================================  ==================================

On CUDA there are two for a ReLU and the bias before it, whose gradients come from the kernel of the
operation after it (``ops/conv_chain.py``), and one for the images of mixed precision.

================================================================  ==================================
``conv2d_input_grad_relu(grad, weight, x, geometry, dtype=None)`` relu_bias_backward of
                                                                  conv2d_input_grad and x, which is
                                                                  the convolution's input
``max_pool2d_bias_backward(grad, argmax, geometry, dtype=None)``  max_pool2d_scatter, its channel_sum
``cast_images(images, dtype)``                                    (N, C, H, W) in another dtype; up to
                                                                  3 channels are the first of pixels
                                                                  of 4, as convolution reads them
================================================================  ==================================

On the CPU there are two for training with "relu6", "silu" or "hardswish" after a batch norm.

================================================================  ==================================
``batch_norm_activation(x, weight, bias, eps, activation)``       activation(out), mean, variance
``batch_norm_activation_backward(grad, out, x, weight, bias,``    gradients of x, weight and bias;
``    mean, variance, eps, activation)``                            out may be None
================================================================  ==================================

``kernels.cpu.planned`` is no such set: its functions take the arrays that they will write to, and
return a list of NumPy calls. ``minicnn.compile`` makes its plans of them.
"""

from __future__ import annotations

import os
from functools import cache
from importlib import import_module
from types import ModuleType

import numpy as np

from ..devices import on_device
from ..typing import Array
from . import cpu, plain
from .geometry import Geometry

__all__ = ["CHOICES", "Geometry", "fast_of", "of", "select", "selected"]

CHOICES = ("fast", "plain")
_selected = "fast"


def select(name: str, asked_by: str = "kernels") -> None:
    """Selects the kernels for all threads: "fast" or "plain".

    Raises:
        ValueError: for another name; the message begins with ``asked_by``.
    """
    global _selected
    if name not in CHOICES:
        raise ValueError(f"{asked_by} must be one of {', '.join(CHOICES)}, got {name!r}")
    _selected = name


def selected() -> str:
    """Which kernels are selected, "fast" or "plain"."""
    return _selected


def of(array: Array) -> ModuleType:
    """The selected kernels for the device that ``array`` is on."""
    if isinstance(array, np.ndarray):
        return cpu if _selected == "fast" else plain
    return on_device(_cuda("cuda" if _selected == "fast" else "cuda.plain"), array.device.id)


def fast_of(array: Array) -> ModuleType:
    """The fast kernels, which alone have fused forms, for the device that ``array`` is on."""
    if isinstance(array, np.ndarray):
        return cpu
    return on_device(_cuda("cuda"), array.device.id)


@cache
def _cuda(name: str) -> ModuleType:
    return import_module(f".{name}", __name__)  # imports CuPy


select(os.environ.get("MINICNN_KERNELS") or "fast", asked_by="MINICNN_KERNELS")
