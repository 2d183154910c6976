"""Operations written so that they run in minicnn and in PyTorch: for tests over all of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

SHAPE = (2, 4, 6, 6)

# op(library, functional, x, y, make): x and y are of SHAPE, make(*shape) gives float32
OPERATIONS: dict[str, Callable[..., Any]] = {
    "abs": lambda m, f, x, y, make: x.abs(),
    "adaptive_avg_pool2d": lambda m, f, x, y, make: f.adaptive_avg_pool2d(x, (4, 5)),
    "add": lambda m, f, x, y, make: x + y,
    "addmm": lambda m, f, x, y, make: m.addmm(make(48, 48), x.reshape(48, 6), y.reshape(6, 48)),
    "amax": lambda m, f, x, y, make: x.amax(1),
    "avg_pool2d": lambda m, f, x, y, make: f.avg_pool2d(x, 2),
    "batch_norm": lambda m, f, x, y, make: f.batch_norm(x, None, None, make(4), make(4), True),
    "batch_norm, evaluated": lambda m, f, x, y, make: f.batch_norm(
        x, make(4), make(4), make(4), make(4)
    ),
    "bce_with_logits": lambda m, f, x, y, make: f.binary_cross_entropy_with_logits(x, y),
    "bmm": lambda m, f, x, y, make: m.bmm(x.reshape(8, 6, 6), y.reshape(8, 6, 6)),
    "cat": lambda m, f, x, y, make: m.cat([x, y]),
    "clamp": lambda m, f, x, y, make: x.clamp(0.1, 0.2),
    "compare": lambda m, f, x, y, make: x > y,
    "conv2d": lambda m, f, x, y, make: f.conv2d(x, make(3, 4, 3, 3), make(3)),
    "conv2d with any weights": lambda m, f, x, y, make: f.conv2d(x, y),
    "conv_transpose2d": lambda m, f, x, y, make: f.conv_transpose2d(x, make(4, 3, 3, 3), make(3)),
    "cross_entropy": lambda m, f, x, y, make: f.cross_entropy(x, y),
    "cumsum": lambda m, f, x, y, make: x.cumsum(1),
    "div": lambda m, f, x, y, make: x / y,
    "div by a number": lambda m, f, x, y, make: x / 3,
    "elu": lambda m, f, x, y, make: f.elu(x),
    "exp": lambda m, f, x, y, make: x.exp(),
    "expm1": lambda m, f, x, y, make: x.expm1(),
    "gelu": lambda m, f, x, y, make: f.gelu(x),
    "group_norm": lambda m, f, x, y, make: f.group_norm(x, 2, make(4), make(4)),
    "hardswish": lambda m, f, x, y, make: f.hardswish(x),
    "interpolate": lambda m, f, x, y, make: f.interpolate(x, scale_factor=2),
    "interpolate, bilinear": lambda m, f, x, y, make: f.interpolate(
        x, scale_factor=2, mode="bilinear"
    ),
    "kl_div": lambda m, f, x, y, make: f.kl_div(x, y, reduction="sum"),
    "l1_loss": lambda m, f, x, y, make: f.l1_loss(x, y),
    "layer_norm": lambda m, f, x, y, make: f.layer_norm(x, (6,), make(6), make(6)),
    "leaky_relu": lambda m, f, x, y, make: f.leaky_relu(x),
    "linear": lambda m, f, x, y, make: f.linear(x, make(5, 6), make(5)),
    "linear with any weights": lambda m, f, x, y, make: f.linear(x, y.reshape(48, 6)),
    "log": lambda m, f, x, y, make: x.log(),
    "log1p": lambda m, f, x, y, make: x.log1p(),
    "log_softmax": lambda m, f, x, y, make: x.log_softmax(1),
    "logsigmoid": lambda m, f, x, y, make: f.logsigmoid(x),
    "logsumexp": lambda m, f, x, y, make: x.logsumexp(1),
    "matmul": lambda m, f, x, y, make: x @ y,
    "max": lambda m, f, x, y, make: x.max(1)[0],
    "max_pool2d": lambda m, f, x, y, make: f.max_pool2d(x, 2),
    "maximum": lambda m, f, x, y, make: m.maximum(x, y),
    "mean": lambda m, f, x, y, make: x.mean(),
    "mm": lambda m, f, x, y, make: m.mm(x.reshape(48, 6), y.reshape(6, 48)),
    "mse_loss": lambda m, f, x, y, make: f.mse_loss(x, y),
    "mul": lambda m, f, x, y, make: x * y,
    "mul by a number": lambda m, f, x, y, make: 0.3 * x,
    "norm": lambda m, f, x, y, make: x.norm(),
    "normalize": lambda m, f, x, y, make: f.normalize(x),
    "pow": lambda m, f, x, y, make: x**2,
    "pow of tensors": lambda m, f, x, y, make: x**y,
    "prelu": lambda m, f, x, y, make: f.prelu(x, make(4)),
    "prod": lambda m, f, x, y, make: x.prod(),
    "reciprocal": lambda m, f, x, y, make: x.reciprocal(),
    "relu": lambda m, f, x, y, make: x.relu(),
    "rsqrt": lambda m, f, x, y, make: x.rsqrt(),
    "scaled_dot_product_attention": lambda m, f, x, y, make: f.scaled_dot_product_attention(
        x, x, y
    ),
    "sigmoid": lambda m, f, x, y, make: x.sigmoid(),
    "silu": lambda m, f, x, y, make: f.silu(x),
    "smooth_l1_loss": lambda m, f, x, y, make: f.smooth_l1_loss(x, y),
    "softmax": lambda m, f, x, y, make: x.softmax(1),
    "softplus": lambda m, f, x, y, make: f.softplus(x),
    "sqrt": lambda m, f, x, y, make: x.sqrt(),
    "square": lambda m, f, x, y, make: x.square(),
    "stack": lambda m, f, x, y, make: m.stack([x, y]),
    "std": lambda m, f, x, y, make: x.std(),
    "sub": lambda m, f, x, y, make: 1 - x,
    "sum": lambda m, f, x, y, make: x.sum(1),
    "sum, given a dtype": lambda m, f, x, y, make: x.sum(1, dtype=m.float64),
    "tanh": lambda m, f, x, y, make: x.tanh(),
    "var": lambda m, f, x, y, make: x.var(1),
    "where": lambda m, f, x, y, make: m.where(x > 0, x, y),
}
