"""The kernels of the contract in torch, in float64: what the plain kernels are compared with."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from kernel_cases.arrays import INF

from minicnn.kernels import Geometry

F = torch.nn.functional


def padded_size(g: Geometry) -> list[int]:
    """Height and width of the smallest padded image that holds every window."""
    axes = zip(g.output_size, g.kernel_size, g.stride, g.dilation, strict=True)
    return [(o - 1) * s + (k - 1) * d + 1 for o, k, s, d in axes]


def padded(x: Any, g: Geometry, value: float = 0.0) -> Any:
    """x with as much padding as the windows reach, which crops what they do not reach."""
    (H, W), (PH, PW), (HP, WP) = g.input_size, g.padding, padded_size(g)
    return F.pad(x, (PW, WP - W - PW, PH, HP - H - PH), value=value)


def gradients(function: Callable[..., Any], grad: Any, *inputs: Any) -> Any:
    """The gradients of ``function(*inputs)`` by its inputs, given that of its result."""
    inputs = tuple(each.detach().requires_grad_() for each in inputs)
    return torch.autograd.grad(function(*inputs), inputs, grad)


def zeros(like: Any, C: int, size: tuple[int, int]) -> Any:
    return torch.zeros(len(like), C, *size, dtype=torch.float64)


def conv2d(x: Any, weight: Any, bias: Any, g: Geometry) -> Any:
    options = {"stride": g.stride, "dilation": g.dilation, "groups": g.groups}
    return F.conv2d(padded(x, g), weight, None if bias is None else bias.double(), **options)


def conv2d_input_grad(grad: Any, weight: Any, g: Geometry) -> Any:
    x = zeros(grad, weight.shape[1] * g.groups, g.input_size)
    return gradients(lambda x: conv2d(x, weight, None, g), grad, x)


def conv2d_weight_grad(grad: Any, x: Any, g: Geometry, dtype: Any = None) -> Any:
    shape = grad.shape[1], x.shape[1] // g.groups, *g.kernel_size
    weight = torch.zeros(shape, dtype=torch.float64)
    return gradients(lambda weight: conv2d(x, weight, None, g), grad, weight)


def im2col(x: Any, g: Geometry, value: float = 0.0) -> Any:
    return F.unfold(padded(x, g, value), g.kernel_size, g.dilation, 0, g.stride)


def col2im(columns: Any, g: Geometry) -> Any:
    x = zeros(columns, columns.shape[1] // math.prod(g.kernel_size), g.input_size)
    return gradients(lambda x: im2col(x, g), columns, x)


def taps(x: Any, g: Geometry) -> Any:
    """(N, C, KH * KW, OH, OW), 0 in the padding."""
    return im2col(x, g).reshape(*x.shape[:2], math.prod(g.kernel_size), *g.output_size)


def max_pool2d(x: Any, g: Geometry, with_argmax: bool = True) -> Any:
    out, indices = F.max_pool2d(
        padded(x, g, -INF), g.kernel_size, g.stride, 0, g.dilation, return_indices=True
    )
    h, w = indices // padded_size(g)[1], indices % padded_size(g)[1]
    oh, ow = np.ogrid[: g.output_size[0], : g.output_size[1]]
    kh = (h - torch.tensor(oh) * g.stride[0]) // g.dilation[0]
    kw = (w - torch.tensor(ow) * g.stride[1]) // g.dilation[1]
    # torch may mean the padding where everything is -inf; we mean a pixel if there is one
    inside = taps(torch.ones_like(x), g)
    first = torch.where(inside.any(dim=2), inside.argmax(dim=2), inside.shape[2])
    argmax = torch.where(out == -INF, first, kh * g.kernel_size[1] + kw)
    return out, argmax if with_argmax else None


def max_pool2d_gather(x: Any, argmax: Any, g: Geometry) -> Any:
    values = taps(x, g)
    values = torch.cat([values, torch.zeros_like(values[:, :, :1])], dim=2)  # "no pixel"
    return values.gather(2, argmax.long()[:, :, None])[:, :, 0]


def max_pool2d_scatter(grad: Any, argmax: Any, g: Geometry) -> Any:
    x = zeros(grad, grad.shape[1], g.input_size)
    return gradients(lambda x: max_pool2d_gather(x, argmax, g), grad, x)


def avg_pool2d(x: Any, scale: Any, g: Geometry) -> Any:
    return taps(x, g).sum(dim=2) * scale


def avg_pool2d_scatter(grad: Any, scale: Any, g: Geometry) -> Any:
    x = zeros(grad, grad.shape[1], g.input_size)
    return gradients(lambda x: avg_pool2d(x, scale, g), grad, x)


def adaptive_max_pool2d(x: Any, output_size: tuple[int, int]) -> Any:
    return F.adaptive_max_pool2d(x, output_size, return_indices=True)


def adaptive_avg_pool2d_scatter(grad: Any, input_size: tuple[int, int]) -> Any:
    x = zeros(grad, grad.shape[1], input_size)
    if 0 in grad.shape:  # torch has no gradient then
        return x
    return gradients(lambda x: F.adaptive_avg_pool2d(x, grad.shape[2:]), grad, x)


def plane_gather(x: Any, indices: Any) -> Any:
    return x.flatten(2).gather(2, indices.flatten(2)).reshape(indices.shape)


def plane_scatter(grad: Any, indices: Any, input_size: tuple[int, int]) -> Any:
    x = zeros(grad, grad.shape[1], input_size)
    return gradients(lambda x: plane_gather(x, indices), grad, x)


def batch_norm(x: Any, weight: Any, bias: Any, eps: float) -> Any:
    weight, bias = (None if each is None else each.double() for each in (weight, bias))
    axes = (0, *range(2, x.ndim))
    out = F.batch_norm(x, None, None, weight, bias, training=True, eps=eps)
    return out, x.mean(axes), x.var(axes, unbiased=False)


def batch_norm_backward(
    grad: Any, x: Any, weight: Any, mean: Any, variance: Any, eps: float
) -> Any:
    weight, mean, inverse_std = (
        None if each is None else each.double()
        for each in (weight, mean, 1 / (variance.double() + eps).sqrt())
    )
    return torch.ops.aten.native_batch_norm_backward(
        grad, x, weight, None, None, mean, inverse_std, True, eps, [True] * 3
    )


def channel_affine(x: Any, scale: Any, shift: Any) -> Any:
    return (x.movedim(1, -1) * scale + shift).movedim(-1, 1)


def local_response_norm_backward(grad: Any, x: Any, *options: Any) -> Any:
    return gradients(lambda x: F.local_response_norm(x, *options), grad, x)


def softmax_cross_entropy(
    logits: Any, target: Any, weight: Any, ignore_index: int, label_smoothing: float
) -> Any:
    def losses(logits: Any) -> Any:
        weights = None if weight is None else weight.double()
        return F.cross_entropy(
            logits, target, weights, None, ignore_index, None, "none", label_smoothing
        )

    return losses(logits), *gradients(losses, torch.ones(len(logits)).double(), logits)


def normalize_images(images: Any, mean: Any, std: Any, dtype: Any) -> Any:
    by_channel = (torch.tensor(each).reshape(-1, 1, 1) for each in (mean, std))
    return (images / 255 - next(by_channel)) / next(by_channel)


def normalize_crops(pixels: Any, crops: Any, size: Any, *how: Any) -> Any:
    (height, width), C = size, len(how[0])
    images = [
        pixels.as_strided((height, width, C), (line, C, 1), first).flip([1] if mirrored else [])
        for first, line, mirrored in crops.tolist()
    ]
    return normalize_images(torch.stack(images).permute(0, 3, 1, 2), *how)


def resize_nearest(x: Any, output_size: Any, scale: Any) -> Any:
    factors = [1 / each for each in scale]
    return torch.ops.aten.upsample_nearest2d(x, output_size, *factors)


def resize_nearest_backward(grad: Any, input_size: Any, scale: Any) -> Any:
    x = zeros(grad, grad.shape[1], input_size)
    return gradients(lambda x: resize_nearest(x, grad.shape[2:], scale), grad, x)


def resize_bilinear(x: Any, output_size: Any, scale: Any, align_corners: bool) -> Any:
    factors = [None, None] if align_corners else [1 / each for each in scale]
    return torch.ops.aten.upsample_bilinear2d(x, output_size, align_corners, *factors)


def resize_bilinear_backward(grad: Any, input_size: Any, scale: Any, align_corners: bool) -> Any:
    x = zeros(grad, grad.shape[1], input_size)
    return gradients(lambda x: resize_bilinear(x, grad.shape[2:], scale, align_corners), grad, x)


def interpolated(image: Any, y: float, x: float) -> Any:
    """The value (C,) of an image (C, H, W) at a point, 0 more than a pixel outside."""
    H, W = image.shape[1:]
    if not (-1 <= y <= H and -1 <= x <= W):
        return torch.zeros(len(image), dtype=image.dtype)
    y, x = min(max(y, 0), H - 1), min(max(x, 0), W - 1)
    top, left = int(y), int(x)
    bottom, right, v, u = min(top + 1, H - 1), min(left + 1, W - 1), y - top, x - left
    upper = (1 - u) * image[:, top, left] + u * image[:, top, right]
    lower = (1 - u) * image[:, bottom, left] + u * image[:, bottom, right]
    return (1 - v) * upper + v * lower


def roi_align(
    x: Any, rois: Any, output_size: Any, scale: float, sampling_ratio: int, aligned: bool
) -> Any:
    """Means of samples, one after the other (He et al., 2017)."""
    out = torch.zeros(len(rois), x.shape[1], *output_size, dtype=x.dtype)
    for k, (n, *box) in enumerate(rois.tolist()):
        x1, y1, x2, y2 = (each * scale - 0.5 * aligned for each in box)
        sizes = [y2 - y1, x2 - x1] if aligned else [max(y2 - y1, 1), max(x2 - x1, 1)]
        if not np.isfinite([x1, y1, *sizes]).all():
            continue
        (dy, dx) = (size / bins for size, bins in zip(sizes, output_size))
        rows, columns = [sampling_ratio] * 2 if sampling_ratio > 0 else map(math.ceil, (dy, dx))
        for i, j in np.ndindex(*output_size):
            samples = [
                interpolated(x[int(n)], y, x_)
                for y in [y1 + (i + (p + 0.5) / rows) * dy for p in range(rows)]
                for x_ in [x1 + (j + (p + 0.5) / columns) * dx for p in range(columns)]
            ]
            if samples:
                out[k, :, i, j] = torch.stack(samples).mean(0)
    return out


def roi_align_backward(grad: Any, rois: Any, input_shape: Any, *options: Any) -> Any:
    x = torch.zeros(input_shape, dtype=torch.float64, requires_grad=True)
    out = roi_align(x, rois, grad.shape[2:], *options)
    return torch.autograd.grad(out, x, grad)[0] if out.requires_grad else x.detach()


def roi_pool(x: Any, rois: Any, output_size: Any, scale: float) -> Any:
    """The largest pixel of each bin, one after the other (Girshick, 2015)."""
    images, (H, W) = x.numpy(), x.shape[2:]
    out = torch.zeros(len(rois), x.shape[1], *output_size, dtype=x.dtype)
    argmax = torch.full(out.shape, -1)
    for k, (n, *box) in enumerate(rois.tolist()):
        x1, y1, x2, y2 = (
            int(v + math.copysign(0.5, v)) if math.isfinite(v) else 0
            for v in (each * scale for each in box)
        )
        for i, j in np.ndindex(*output_size):
            (top, bottom), (left, right) = (
                [
                    min(max(start + math.floor(at * size), 0), limit),
                    min(max(start + math.ceil((at + 1) * size), 0), limit),
                ]
                for at, start, size, limit in (
                    (i, y1, max(y2 - y1 + 1, 1) / output_size[0], H),
                    (j, x1, max(x2 - x1 + 1, 1) / output_size[1], W),
                )
            )
            if top >= bottom or left >= right:
                continue
            for c in range(x.shape[1]):
                best = torch.finfo(torch.float32).min
                for h, w in itertools.product(range(top, bottom), range(left, right)):
                    if images[int(n), c, h, w] > best:
                        best, argmax[k, c, i, j] = images[int(n), c, h, w], h * W + w
                out[k, c, i, j] = float(best)
    return out, argmax


def nms(boxes: Any, iou_threshold: float) -> Any:
    """Every box against the better ones that are kept."""
    kept: list[list[float]] = []
    keep = torch.zeros(len(boxes), dtype=torch.bool)
    for i, box in enumerate(boxes.tolist()):
        keep[i] = not any(iou(better, box) > iou_threshold for better in kept)
        kept += [box] * bool(keep[i])
    return keep


def iou(a: list[float], b: list[float]) -> float:
    """Of two boxes, NaN where it is not determined."""
    width, height = min(a[2], b[2]) - max(a[0], b[0]), min(a[3], b[3]) - max(a[1], b[1])
    shared = max(width, 0.0) * max(height, 0.0)
    union = sum((x2 - x1) * (y2 - y1) for x1, y1, x2, y2 in (a, b)) - shared
    return shared / union if union else math.nan


def optimizer_step(
    make: Callable[[list[Any]], Any],
    params: list[Any],
    grads: list[Any],
    states: dict[str, Any],
    half_copies: list[Any] | None,
    scaling: Any,
) -> None:
    """One step of a torch optimizer, which starts from the states of these names."""
    inverse_scale, found_inf = scaling or (1, 0)
    if found_inf:
        return
    parameters = [torch.nn.Parameter(p.clone()) for p in params]
    optimizer = make(parameters)
    for i, (parameter, grad) in enumerate(zip(parameters, grads, strict=True)):
        parameter.grad = grad * inverse_scale
        for name, state in states.items():
            if state is not None:
                value = state[i] if isinstance(state, list) else torch.tensor(float(state))
                optimizer.state[parameter][name] = value  # the optimizer writes to it
    optimizer.step()
    for i, (p, parameter) in enumerate(zip(params, parameters, strict=True)):
        p.copy_(parameter.detach())
        if half_copies and half_copies[i] is not None:
            half_copies[i].copy_(p)


def sgd_step(
    params: Any, grads: Any, momenta: Any, numbers: Any, nesterov: bool, *rest: Any
) -> None:
    lr, momentum, dampening, decay = numbers()
    optimizer_step(
        lambda p: torch.optim.SGD(p, lr, momentum, dampening, decay, nesterov),
        params,
        grads,
        {"momentum_buffer": momenta},
        *(rest or (None, None)),
    )


def adam_step(
    params: Any, grads: Any, means: Any, squares: Any, numbers: Any, decoupled: bool,
    half_copies: Any = None, scaling: Any = None, maxima: Any = None,
) -> None:  # fmt: skip
    step, lr, beta1, beta2, eps, decay = numbers()
    make = torch.optim.AdamW if decoupled else torch.optim.Adam
    optimizer_step(
        lambda p: make(p, lr, (beta1, beta2), eps, decay, amsgrad=maxima is not None),
        params,
        grads,
        {"step": step - 1, "exp_avg": means, "exp_avg_sq": squares, "max_exp_avg_sq": maxima},
        half_copies,
        scaling,
    )


def rmsprop_step(
    params: Any, grads: Any, squares: Any, momenta: Any, averages: Any, numbers: Any, *rest: Any
) -> None:
    lr, alpha, eps, momentum, decay = numbers()
    momentum, centered = momentum if momenta else 0, averages is not None
    states = {"square_avg": squares, "momentum_buffer": momenta, "grad_avg": averages}
    optimizer_step(
        lambda p: torch.optim.RMSprop(p, lr, alpha, eps, decay, momentum, centered),
        params,
        grads,
        {"step": 0, **states},
        *(rest or (None, None)),
    )


def running_average_step(running: Any, batch: Any, momentum: float, factor: float) -> None:
    running.lerp_(factor * batch, momentum)


def unscale_step(grads: Any, inverse_scale: Any, found_inf: Any) -> None:
    for grad in grads:
        if not grad.isfinite().all():
            found_inf.fill_(1)
        grad.mul_(1 if inverse_scale is None else inverse_scale)


def update_scale_step(
    scale: Any, inverse_scale: Any, growth_tracker: Any, found_inf: Any, *options: Any
) -> None:
    torch._amp_update_scale_(scale, growth_tracker, found_inf, *options)
    inverse_scale.copy_(1 / scale)


REFERENCES = {
    each.__name__: each
    for each in (
        adam_step, adaptive_avg_pool2d_scatter, adaptive_max_pool2d, avg_pool2d,
        avg_pool2d_scatter, batch_norm,
        batch_norm_backward, channel_affine, col2im, conv2d, conv2d_input_grad, conv2d_weight_grad,
        im2col, local_response_norm_backward, max_pool2d, max_pool2d_gather, max_pool2d_scatter,
        nms, normalize_crops, normalize_images, plane_gather, plane_scatter, resize_bilinear, resize_bilinear_backward,
        resize_nearest, resize_nearest_backward, rmsprop_step, roi_align, roi_align_backward, roi_pool,
        running_average_step, sgd_step, softmax_cross_entropy,
        unscale_step, update_scale_step,
    )
}  # fmt: skip


def dropout(x: Any, p: float, generator: Any) -> Any:
    """With torch's mask; infinities that are dropped become 0."""
    torch.manual_seed(generator.seed)
    mask = torch.empty_like(x, dtype=torch.bool).bernoulli_(1 - p)
    return torch.where(mask, x / (1 - p), 0), mask


REFERENCES |= {
    "adaptive_avg_pool2d": F.adaptive_avg_pool2d,
    "channel_sum": lambda x, dtype=None: x.sum((0, *range(2, x.ndim))),
    "dropout": dropout,
    "dropout_backward": lambda grad, mask, p: torch.where(mask, grad / (1 - p), 0),
    "erf": torch.erf,
    "gelu": F.gelu,
    "gelu_backward": torch.ops.aten.gelu_backward,
    "hardtanh": F.hardtanh,
    "hardtanh_backward": lambda grad, x, low, high: torch.where((x <= low) | (x >= high), 0, grad),
    "linear": lambda x, weight, bias: F.linear(x, weight, None if bias is None else bias.double()),
    "linear_input_grad": lambda grad, weight: grad @ weight,
    "linear_weight_grad": lambda grad, x, dtype=None: grad.T @ x,
    "local_response_norm": F.local_response_norm,
    "matrix_product": torch.matmul,
    "relu": lambda x, *out: [F.relu(x)] * (1 + len(out)),  # the result, and what is in ``out``
    "relu_backward": lambda grad, out: torch.where(out <= 0, 0, grad),
    "silu": F.silu,
    "silu_backward": torch.ops.aten.silu_backward,
}
