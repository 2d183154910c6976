"""Functions of tensors, by subject: what each exported operation is tested with.

A case is a function, and the shapes or arrays of its inputs, whose first axis is the batch.
"""

import numpy as np

import minicnn as mc
import minicnn.nn.functional as F
from minicnn import nn, vision

IMAGES = (2, 4, 9, 8)


def layer(make, *shapes):
    """A case that runs a layer with random weights and statistics."""
    mc.manual_seed(0)
    net = make()
    for buffer in net.buffers():
        if buffer.is_floating_point():
            buffer.copy_(mc.rand(buffer.shape) + 0.5)
    return net.eval(), shapes


def integers(*shape, high=4, dtype="int64"):
    return np.random.default_rng(0).integers(0, high, shape).astype(dtype)


def booleans(*shape):
    return integers(*shape, high=2).astype(bool)


CONVOLUTIONS = {
    "conv2d": layer(lambda: nn.Conv2d(4, 6, 3), IMAGES),
    "strides, padding, dilation, groups": layer(
        lambda: nn.Conv2d(4, 6, (3, 2), (2, 1), (2, 1), (1, 2), groups=2, bias=False), IMAGES
    ),
    "depthwise": layer(lambda: nn.Conv2d(4, 8, 3, padding=1, groups=4), IMAGES),
    "same": layer(lambda: nn.Conv2d(4, 6, (4, 3), padding="same", dilation=2), IMAGES),
    "valid": layer(lambda: nn.Conv2d(4, 6, 3, padding="valid"), IMAGES),
    "reflect": layer(lambda: nn.Conv2d(4, 6, 3, padding=2, padding_mode="reflect"), IMAGES),
    "circular": layer(lambda: nn.Conv2d(4, 6, 3, padding=1, padding_mode="circular"), IMAGES),
    "conv1d": layer(lambda: nn.Conv1d(4, 6, 3, stride=2, padding=1, groups=2), (2, 4, 9)),
    "transposed": layer(
        lambda: nn.ConvTranspose2d(4, 6, 3, stride=2, padding=1, output_padding=1), IMAGES
    ),
    "transposed in groups": layer(
        lambda: nn.ConvTranspose2d(4, 6, (2, 3), (1, 2), groups=2, dilation=(2, 1), bias=False),
        IMAGES,
    ),
    "transposed signals": layer(lambda: nn.ConvTranspose1d(4, 6, 3, stride=2), (2, 4, 9)),
    "unfold": (lambda x: F.unfold(x, 3, padding=1, stride=2), [IMAGES]),
    "fold": (lambda x: F.fold(x, (6, 5), (2, 3), stride=2, padding=1), [(2, 12, 12)]),
    "computed filters": (lambda x, w: F.conv2d(x, w[0], padding=1), [IMAGES, (2, 6, 4, 3, 3)]),
}


def boxes(numbers):
    """Boxes (K, 5) of the first image, made of (K, 4) random numbers."""
    corner, size = 4 * numbers[:, :2].abs(), 4 * numbers[:, 2:].abs()
    return mc.cat([0 * numbers[:, :1], corner, corner + size], 1)


POOLS = {
    "regions": (lambda x, n: vision.roi_align(x, boxes(n), (2, 3), 0.75), [IMAGES, (2, 4)]),
    "regions, aligned": (
        lambda x, n: vision.roi_align(x, boxes(n), 2, 1.0, 2, aligned=True),
        [IMAGES, (2, 4)],
    ),
    "max": (lambda x: F.max_pool2d(x, 3, 2, 1), [IMAGES]),
    "max, ceil": (lambda x: F.max_pool2d(x, 3, 2, ceil_mode=True), [IMAGES]),
    "max, ceil, padded": (lambda x: F.max_pool2d(x, 2, 3, 1, ceil_mode=True), [IMAGES]),
    "max, dilated": (lambda x: F.max_pool2d(x, (3, 2), 1, (1, 0), (2, 3)), [IMAGES]),
    "max, 1d": (lambda x: F.max_pool1d(x, 3, 2), [(2, 4, 9)]),
    "max, indices": (lambda x: F.max_pool2d(x, 3, 2, 1, return_indices=True), [IMAGES]),
    "unpool": (
        lambda x: F.max_unpool2d(*F.max_pool2d(x, 2, return_indices=True), 2),
        [(2, 4, 6, 8)],
    ),
    "average": (lambda x: F.avg_pool2d(x, 3, 2, 1), [IMAGES]),
    "average without padding": (
        lambda x: F.avg_pool2d(x, 3, 2, 1, count_include_pad=False),
        [IMAGES],
    ),
    "average, ceil": (lambda x: F.avg_pool2d(x, 3, 2, ceil_mode=True), [IMAGES]),
    "average, ceil, padded": (lambda x: F.avg_pool2d(x, 3, 2, 1, ceil_mode=True), [IMAGES]),
    "average, divisor": (lambda x: F.avg_pool2d(x, 2, divisor_override=3), [IMAGES]),
    "average, 1d": (lambda x: F.avg_pool1d(x, 3, 2), [(2, 4, 9)]),
    "power": (lambda x: F.lp_pool2d(x, 2, 3, 2), [IMAGES]),
    "global": (lambda x: F.adaptive_avg_pool2d(x, 1), [IMAGES]),
    "divisible": (lambda x: F.adaptive_avg_pool2d(x, (3, 4)), [IMAGES]),
    "uneven": (lambda x: F.adaptive_avg_pool2d(x, (5, 3)), [IMAGES]),
    "larger": (lambda x: F.adaptive_avg_pool2d(x, (11, 3)), [IMAGES]),
    "adaptive, 1d": (lambda x: F.adaptive_avg_pool1d(x, 4), [(2, 4, 9)]),
    "global max": (lambda x: F.adaptive_max_pool2d(x, 1), [IMAGES]),
    "uneven max": (lambda x: F.adaptive_max_pool2d(x, (5, 3)), [IMAGES]),
}

_ACTIVATIONS = [
    nn.ReLU, nn.ReLU6, nn.Sigmoid, nn.Tanh, nn.ELU, nn.SELU, nn.CELU, nn.GELU, nn.SiLU, nn.Mish,
    nn.Softplus, nn.Softsign, nn.LogSigmoid, nn.Hardtanh, nn.Hardsigmoid, nn.Hardswish,
    nn.Hardshrink, nn.Softshrink, nn.Tanhshrink, nn.LeakyReLU, nn.PReLU,
]  # fmt: skip
ACTIVATIONS = {
    **{make.__name__: layer(make, (2, 4, 5)) for make in _ACTIVATIONS},
    "ELU, alpha": layer(lambda: nn.ELU(0.3), (2, 4, 5)),
    "CELU, alpha": layer(lambda: nn.CELU(0.3), (2, 4, 5)),
    "GELU, tanh": layer(lambda: nn.GELU("tanh"), (2, 4, 5)),
    "Softplus, beta": layer(lambda: nn.Softplus(2, 1), (2, 4, 5)),
    "PReLU, channels": layer(lambda: nn.PReLU(4), IMAGES),
    "Threshold": layer(lambda: nn.Threshold(0.1, 2.0), (2, 4, 5)),
    "in place": layer(lambda: nn.Sequential(nn.Linear(5, 5), nn.ReLU(inplace=True)), (2, 4, 5)),
    "GLU": layer(lambda: nn.GLU(1), (2, 4, 5)),
    "Softmax": layer(lambda: nn.Softmax(1), (2, 4, 5)),
    "LogSoftmax": layer(lambda: nn.LogSoftmax(-1), (2, 4, 5)),
    "Softmin": layer(lambda: nn.Softmin(1), (2, 4, 5)),
    "Dropout": layer(lambda: nn.Sequential(nn.Dropout(0.5), nn.Tanh()), (2, 4, 5)),
}

NORMS = {
    "frozen batch": layer(lambda: vision.FrozenBatchNorm2d(4), IMAGES),
    "batch": layer(lambda: nn.BatchNorm2d(4), IMAGES),
    "batch, 1d": layer(lambda: nn.BatchNorm1d(4), (2, 4)),
    "batch, plain": layer(lambda: nn.BatchNorm2d(4, affine=False), IMAGES),
    "batch, own statistics": layer(lambda: nn.BatchNorm2d(4, track_running_stats=False), IMAGES),
    "group": layer(lambda: nn.GroupNorm(2, 4), IMAGES),
    "group, 1d": layer(lambda: nn.GroupNorm(2, 4), (2, 4)),
    "layer": layer(lambda: nn.LayerNorm(8), IMAGES),
    "layer, several": layer(lambda: nn.LayerNorm((9, 8)), IMAGES),
    "layer, plain": layer(lambda: nn.LayerNorm(8, elementwise_affine=False), IMAGES),
    "layer, no bias": layer(lambda: nn.LayerNorm(8, bias=False), IMAGES),
    "instance": layer(lambda: nn.InstanceNorm2d(4, affine=True), IMAGES),
    "instance, plain": layer(lambda: nn.InstanceNorm2d(4), IMAGES),
    "rms": layer(lambda: nn.RMSNorm(8), IMAGES),
    "response": layer(lambda: nn.LocalResponseNorm(3), IMAGES),
    "response, even": layer(lambda: nn.LocalResponseNorm(4, 0.5), IMAGES),
    "vectors": (lambda x: F.normalize(x, dim=1), [(2, 4, 5)]),
}

HEADS = nn.MultiheadAttention(8, 2, batch_first=True).eval()
LINEAR = {
    "linear": layer(lambda: nn.Linear(5, 3), (2, 5)),
    "linear, many": layer(lambda: nn.Linear(5, 3, bias=False), (2, 4, 5)),
    "bilinear": layer(lambda: nn.Bilinear(5, 4, 3), (2, 5), (2, 4)),
    "matmul": (lambda x, y: x @ y, [(2, 3, 4, 5), (2, 1, 5, 6)]),
    "vector": (lambda x, y: mc.matmul(x, y[0]), [(2, 3, 4), (2, 4)]),
    "bmm": (mc.bmm, [(2, 3, 4), (2, 4, 5)]),
    "baddbmm": (
        lambda b, x, y: mc.baddbmm(b, x, y, beta=0.5, alpha=2),
        [(2, 3, 5), (2, 3, 4), (2, 4, 5)],
    ),
    "addmm": (lambda b, x, y: mc.addmm(b, x, y[0]), [(2, 5), (2, 4), (2, 4, 5)]),
    "einsum": (lambda x, y: mc.einsum("nij,njk,nk->ni", x, y, y[:, 0]), [(2, 3, 4), (2, 4, 5)]),
    "outer": (lambda x: mc.einsum("ni,nj->nij", x, x), [(2, 3)]),
    "cdist": (mc.cdist, [(2, 3, 4), (2, 5, 4)]),
    "cosine": (F.cosine_similarity, [(2, 4), (2, 4)]),
    "embedding": layer(lambda: nn.Embedding(4, 3, padding_idx=0), integers(2, 5)),
    "attention": (F.scaled_dot_product_attention, [(2, 3, 4, 5), (2, 3, 6, 5), (2, 3, 6, 5)]),
    "causal attention": (
        lambda x: F.scaled_dot_product_attention(x, x, x, is_causal=True),
        [(2, 3, 4, 5)],
    ),
    "masked attention": (
        lambda x, m: F.scaled_dot_product_attention(x, x, x, m),
        [(2, 3, 4, 5), booleans(2, 1, 4, 4) | np.eye(4, dtype=bool)],
    ),
    "heads": (
        lambda x: HEADS(x, x, x),
        [(2, 5, 8)],
    ),
    "transformer": layer(lambda: nn.TransformerEncoderLayer(8, 2, 16, batch_first=True), (2, 5, 8)),
}

_FUNCTIONS = [
    "abs",
    "neg",
    "exp",
    "exp2",
    "expm1",
    "sin",
    "cos",
    "tan",
    "sinh",
    "cosh",
    "tanh",
    "asin",
    "atan",
    "asinh",
    "sigmoid",
    "erf",
    "erfc",
    "floor",
    "ceil",
    "round",
    "trunc",
    "frac",
    "sign",
    "square",
    "reciprocal",
    "sinc",
    "isnan",
    "isinf",
    "isfinite",
    "signbit",
    "logical_not",
    "nan_to_num",
]
_OF_POSITIVE = ["sqrt", "rsqrt", "log", "log2", "log10", "log1p", "logit", "acos", "atanh"]
_OF_TWO = [
    "add",
    "sub",
    "mul",
    "div",
    "maximum",
    "minimum",
    "fmax",
    "fmin",
    "eq",
    "ne",
    "lt",
    "le",
    "gt",
    "ge",
    "atan2",
    "hypot",
    "copysign",
    "logaddexp",
    "logaddexp2",
    "fmod",
    "remainder",
    "floor_divide",
]


def named(*names, prepare=lambda *x: x):
    return {name: (lambda *x, name=name: getattr(mc, name)(*prepare(*x)), None) for name in names}


def with_shapes(cases, *shapes):
    return {name: (function, shapes) for name, (function, _) in cases.items()}


ELEMENTWISE = {
    **with_shapes(named(*_FUNCTIONS), (2, 3, 4)),
    **with_shapes(named(*_OF_POSITIVE, prepare=lambda x: (x.sigmoid(),)), (2, 3, 4)),
    **with_shapes(named(*_OF_TWO), (2, 3, 4), (2, 1, 4)),
    "acosh": (lambda x: mc.acosh(x.abs() + 1), [(2, 3)]),
    "numbers": (lambda x: (2 - x) * 3 / (x + 0.5) ** 2, [(2, 3)]),
    "power": (lambda x, y: x.abs() ** y, [(2, 3), (2, 3)]),
    "alpha": (lambda x, y: mc.add(x, y, alpha=0.3), [(2, 3), (2, 3)]),
    "addcmul": (lambda x, y: mc.addcmul(x, x, y, value=2), [(2, 3), (2, 3)]),
    "addcdiv": (lambda x, y: mc.addcdiv(x, x, y, value=2), [(2, 3), (2, 3)]),
    "lerp": (lambda x, y: mc.lerp(x, y, 0.3), [(2, 3), (2, 3)]),
    "decimals": (lambda x: mc.round(x, decimals=1), [(2, 3)]),
    "clamp": (lambda x: x.clamp(-0.3, 0.4), [(2, 3)]),
    "clamp at tensors": (lambda x, y: x.clamp(y - 1, y), [(2, 3), (2, 3)]),
    "where": (lambda x, y: mc.where(x > y, x, 0.0), [(2, 3), (2, 3)]),
    "masked": (lambda x: x.masked_fill(x > 0, -1.0), [(2, 3)]),
    "xlogy": (lambda x: mc.xlogy(x.relu(), x.abs() + 0.1), [(2, 3)]),
    "integers": (lambda x, y: (x + y * 3 - 1, x // 2, x % 3, -x, x * 1.5), [integers(2, 3), integers(2, 3)]),
    "bits": (lambda x, y: (x & y, x | y, x ^ y, ~x), [integers(2, 3), integers(2, 3)]),
    "logic": (lambda x, y: (x & y, x | y, x ^ y, ~x), [booleans(2, 3), booleans(2, 3)]),
    "bytes": (lambda x: x.float() / 255, [integers(2, 3, high=255, dtype="uint8")]),
    "casts": (lambda x: (x.long(), x.double() * 2, x.int(), (x > 0).float()), [(2, 3)]),
    "float64": (lambda x: (x * 2).exp().sum(1), [np.random.default_rng(0).normal(size=(2, 3))]),
}  # fmt: skip

REDUCTIONS = {
    "sum": (lambda x: (x.sum(1), x.sum((1, 2), keepdim=True), x.sum()), [(2, 3, 4)]),
    "mean": (lambda x: (x.mean(-1), x.mean((0, 2)), x.mean()), [(2, 3, 4)]),
    "var": (lambda x: (x.var(1), x.var((0, 2)), x.std(1, correction=0, keepdim=True)), [(2, 3, 4)]),
    "prod": (lambda x: (x.prod(1), x.prod(2, keepdim=True)), [(2, 3, 4)]),
    "max": (lambda x: (x.max(1), x.min(2, keepdim=True), x.max(), x.amax((1, 2))), [(2, 3, 4)]),
    "argmax": (lambda x: (x.argmax(1), x.argmin(2, keepdim=True), x.argmax()), [(2, 3, 4)]),
    "norm": (lambda x: (x.norm(dim=1), x.norm(1, 1), x.norm(float("inf"), 1), x.norm(3, 1)), [(2, 3, 4)]),
    "logsumexp": (lambda x: x.logsumexp((1, 2)), [(2, 3, 4)]),
    "any": (lambda x: ((x > 0).any(1), (x > 0).all(1), (x > 0).sum(1)), [(2, 3, 4)]),
    "count_nonzero": (lambda x: mc.count_nonzero(x > 0, 1), [(2, 3, 4)]),
    "cumsum": (lambda x: (x.cumsum(1), x.logcumsumexp(1)), [(2, 3, 4)]),
    "topk": (lambda x: (x.topk(2), x.topk(1, 1, largest=False)), [(2, 3, 4)]),
    "sort": (lambda x: (x.sort(), x.sort(1, descending=True), x.argsort(1)), [(2, 3, 4)]),
    "rank": (lambda x: (x.kthvalue(2, 1), x.median(1)), [(2, 3, 4)]),
}  # fmt: skip

LAYOUT = {
    "flatten": (lambda x: (x.flatten(1), x.flatten(0, 1), x.flatten()), [(2, 3, 4)]),
    "reshape": (lambda x: (x.reshape(len(x), 2, -1), x.view(-1, 6), x.reshape(-1, x.shape[0])), [(2, 3, 4)]),
    "unflatten": (lambda x: x.unflatten(2, (2, 2)), [(2, 3, 4)]),
    "permute": (lambda x: (x.permute(2, 0, 1), x.transpose(0, 1), x.mT), [(2, 3, 4)]),
    "squeeze": (lambda x: (x.squeeze(1), x.unsqueeze(0), x[:, 0].unsqueeze(-1)), [(2, 1, 4)]),
    "expand": (lambda x: (x.expand(-1, 3, 4), x[:1].expand(x.shape[0], 5, 4)), [(2, 1, 4)]),
    "repeat": (lambda x: (x.repeat(1, 2, 3), x.repeat_interleave(2, 1), x.tile((2, 1))), [(2, 3, 4)]),
    "cat": (lambda x, y: (mc.cat([x, y], 1), mc.stack([x, x], 2), mc.cat([x, x])), [(2, 3), (2, 4)]),
    "split": (lambda x: (x.chunk(2, 1), x.split([1, 3], 2), x.unbind(1)), [(2, 4, 4)]),
    "flip": (lambda x: (x.flip(1), x.flip((0, 2))), [(2, 3, 4)]),
    "roll": (lambda x: (x.roll(1, 1), x.roll((1, -2), (1, 2)), x.roll(-1, 0), x.roll(4, 0), x.roll(5), x.roll(3, 1)), [(2, 3, 4)]),
    "pad": (lambda x: (F.pad(x, (1, 2)), F.pad(x, (1, 0, 0, 2), value=3.0), F.pad(x, (-1, 2))), [IMAGES]),
    "pad with copies": (lambda x: tuple(F.pad(x, (3, 2, 1, 4), mode) for mode in ("reflect", "replicate", "circular")), [IMAGES]),
    "pixel_shuffle": (lambda x: (F.pixel_shuffle(x, 2), F.channel_shuffle(x, 2)), [IMAGES]),
    "pixel_unshuffle": (lambda x: F.pixel_unshuffle(x, 3), [(2, 4, 9, 6)]),
    "triangles": (lambda x: (x.tril(), x.triu(1)), [IMAGES]),
    "diagonal": (lambda x: (x.diagonal(0, 2, 3), x.diagonal(1, 2, 3)), [IMAGES]),
    "windows": (lambda x: x.unfold(2, 3, 2), [IMAGES]),
    "same": (lambda x: (x, x.clone(), x), [(2, 3)]),
    "shapes": (lambda x: (mc.zeros(x.shape[0], 3) + x, mc.arange(x.shape[0])[:, None] * x, x / x.shape[0]), [(2, 3)]),
}  # fmt: skip

INDEX = {
    "slices": (lambda x: (x[:, 1:], x[..., ::2], x[:, :-1, 1:3], x[1:]), [(2, 3, 4)]),
    "numbers": (lambda x: (x[0], x[:, 1], x[..., -1], x[-1, 0]), [(2, 3, 4)]),
    "None": (lambda x: (x[:, None], x[None, :, 0, ..., None]), [(2, 3, 4)]),
    "a list": (lambda x: (x[:, [2, 0]], x[..., [0, -1, 1]]), [(2, 3, 4)]),
    "two lists": (lambda x: (x[:, [2, 0], [1, 1]], x[[0, 1], :, [2, 3]]), [(2, 3, 4)]),
    "lists apart": (lambda x: x[[1, 0], :, [1, 2]], [(2, 3, 4)]),
    "a table": (lambda x: x[:, mc.tensor([[0, 1], [2, 0]])], [(2, 3, 4)]),
    "a mask": (lambda x: x[:, mc.tensor([True, False, True])], [(2, 3, 4)]),
    "index_select": (lambda x: x.index_select(1, mc.tensor([2, 0])), [(2, 3, 4)]),
    "computed": (lambda x: x[0][x[:, :, 0].argmax(1)], [(2, 3, 4)]),
    "rows": (lambda x: x[mc.arange(len(x)), x.sum(2).argmax(1)], [(2, 3, 4)]),
    "gather": (lambda x: x.gather(1, x.argsort(1)), [(2, 3, 4)]),
    "take_along_dim": (lambda x: mc.take_along_dim(x, x.argmax(1, keepdim=True), 1), [(2, 3, 4)]),
    "scatter": (lambda x: (x.scatter(1, x.argmax(1, keepdim=True), 5.0), x.scatter_add(1, x.argsort(1), x)), [(2, 3, 4)]),
    "index_add": (lambda x: x.index_add(1, mc.tensor([0, 2, 0]), x), [(2, 3, 4)]),
    "one_hot": (lambda x: F.one_hot(x, 5), [integers(2, 3)]),
}  # fmt: skip

_RESIZED = [
    {"size": (5, 16)}, {"size": (5, 16), "mode": "bilinear"}, {"size": (5, 16), "mode": "bicubic"},
    {"size": (5, 16), "mode": "bilinear", "align_corners": True},
    {"size": (5, 16), "mode": "bicubic", "align_corners": True},
    {"size": (5, 16), "mode": "area"}, {"size": (5, 16), "mode": "nearest-exact"},
    {"scale_factor": 1.7}, {"scale_factor": 1.7, "mode": "bilinear"},
    {"scale_factor": (2, 3)}, {"scale_factor": 0.6, "mode": "bilinear"},
    {"scale_factor": 1.7, "mode": "bilinear", "recompute_scale_factor": True},
    {"size": (5, 4), "mode": "bilinear", "antialias": True},
]  # fmt: skip
RESIZING = {
    **{str(o): (lambda x, o=o: F.interpolate(x, **o), [IMAGES]) for o in _RESIZED},
    "signals": (lambda x: (F.interpolate(x, 7), F.interpolate(x, 7, mode="linear")), [(2, 3, 4)]),
    "upsample": layer(lambda: nn.Upsample(scale_factor=2, mode="nearest"), IMAGES),
    "to another": (
        lambda x, y: F.interpolate(x, y.shape[2:], mode="bilinear"),
        [IMAGES, (2, 1, 20, 30)],
    ),
    "grid_sample": (
        lambda x, g: tuple(
            F.grid_sample(x, g, mode, padding, align_corners=corners)
            for mode in ("bilinear", "nearest", "bicubic")
            for padding in ("zeros", "border", "reflection")
            for corners in (True, False)
        ),
        [IMAGES, (2, 5, 6, 2)],
    ),
    "affine_grid": (
        lambda t: F.affine_grid(t, (len(t), 3, 5, 6), align_corners=False),
        [(2, 2, 3)],
    ),
}

ALL = {
    "convolution": CONVOLUTIONS, "pooling": POOLS, "activation": ACTIVATIONS, "norm": NORMS,
    "linear": LINEAR, "elementwise": ELEMENTWISE, "reduction": REDUCTIONS, "layout": LAYOUT,
    "index": INDEX, "resizing": RESIZING,
}  # fmt: skip
