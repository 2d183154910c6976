"""Plans of networks that chance has drawn compute what these networks compute."""

import random

import numpy as np
import pytest

import minicnn as mc
import minicnn.nn.functional as F
from minicnn import nn

pytestmark = [pytest.mark.cpu_only, pytest.mark.fast_only]

_MOST = 100_000  # numbers in a value


def conv(draw, C):
    groups = draw.choice([1, 1, 1, C])
    kernel_size = draw.choice([1, 1, 2, 3, 3, 3, 5, 7, (1, 3), (5, 1)])
    return nn.Conv2d(
        C,
        groups * draw.randint(1, 4),
        kernel_size,
        draw.choice([1, 1, 1, 2, 3, (1, 2)]),
        draw.choice([0, 1, 1, 2, (0, 3)]),
        draw.choice([1, 1, 1, 2, (1, 2)]),
        groups,
        bias=draw.random() < 0.6,
        padding_mode=draw.choice(["zeros"] * 6 + ["reflect", "circular", "replicate"]),
    )


def norm(draw, C):
    layer = nn.BatchNorm2d(C)
    for tensor in (layer.weight, layer.bias, layer.running_mean):
        tensor.data.uniform_(-0.5, 1)
    layer.running_var.uniform_(0.5, 1.5)
    return layer


def pool(draw, C):
    size, stride, padding = draw.choice([2, 3]), draw.choice([None, 1, 2, 3]), draw.choice([0, 1])
    return draw.choice([nn.MaxPool2d, nn.AvgPool2d])(
        size, stride, padding, ceil_mode=draw.random() < 0.3
    )


class Residual(nn.Sequential):
    def forward(self, x):
        return F.relu(super().forward(x) + x)


class Largest(nn.Module):
    def forward(self, x):
        return x.argmax(-1)


IMAGES = {  # for inputs (N, C, H, W): layers by C, ...
    "conv": conv,
    "conv, norm, relu": lambda draw, C: nn.Sequential(c := conv(draw, C), norm(draw, c.out_channels), nn.ReLU()),
    "norm": norm,
    "pool": pool,
    "adaptive": lambda draw, C: nn.AdaptiveAvgPool2d(draw.choice([1, 2, (1, 3)])),
    "activation": lambda draw, C: draw.choice([nn.ReLU, nn.ReLU, nn.ReLU6, nn.Sigmoid, nn.GELU, nn.ELU])(),
    "lrn": lambda draw, C: nn.LocalResponseNorm(draw.choice([1, 2, 3])),
    "transposed": lambda draw, C: nn.ConvTranspose2d(C, 3, draw.choice([2, 3]), draw.choice([1, 2])),
    "group norm": lambda draw, C: nn.GroupNorm(1, C),
    "prelu": lambda draw, C: nn.PReLU(C),
    "upsample": lambda draw, C: nn.Upsample(scale_factor=2, mode=draw.choice(["nearest", "bilinear"])),
    "in place": lambda draw, C: lambda x: F.relu(x * 1.0, inplace=True),
    "residual": lambda draw, C: Residual(nn.Conv2d(C, C, 3, padding=1)),
    "chunk": lambda draw, C: lambda x: x.chunk(2, 1)[-1],
    "reversed": lambda draw, C: lambda x: mc.cat(x.split(1, 1)[::-1], 1),
    "slice": lambda draw, C: lambda x: x[:, :, 1:, ::2],
    "half": lambda draw, C: lambda x: x[:, : max(1, C // 2)],
    "permute": lambda draw, C: lambda x: x.permute(0, 1, 3, 2),
    "channels": lambda draw, C: lambda x: x.permute(0, 3, 1, 2),
    "batch last": lambda draw, C: lambda x: x.permute(3, 2, 1, 0),
    "mean": lambda draw, C: lambda x: x.mean((2, 3), keepdim=True),
    "over images": lambda draw, C: lambda x: x - x.mean(0, keepdim=True),
    "first image": lambda draw, C: lambda x: x + x[:1],
    "expand": lambda draw, C: lambda x: x[:, :1].expand(x.shape),
    "pad": lambda draw, C: lambda x: F.pad(x, (1, 0, 2, 1)),
    "shuffle": lambda draw, C: lambda x: F.pixel_shuffle(x, 2),
    "positions": lambda draw, C: lambda x: x + mc.arange(x.shape[-1]) * mc.ones(x.shape[2], 1),
    "flatten": lambda draw, C: nn.Flatten(),
    "reshape": lambda draw, C: lambda x: x.reshape(len(x), C, -1, 1),
}  # fmt: skip
OTHERS = {  # ... for other inputs by the last size, ...
    "linear": lambda draw, K: nn.Linear(K, draw.randint(1, 5), bias=draw.random() < 0.7),
    "norm": lambda draw, K: nn.BatchNorm1d(K),
    "relu": lambda draw, K: nn.ReLU(),
    "transpose": lambda draw, K: lambda x: x.transpose(0, -1),
    "image": lambda draw, K: lambda x: x.reshape(len(x), -1, 1, 1),
    "index": lambda draw, K: nn.Sequential(Largest(), nn.Embedding(K, 3)),
}
BOTH = {  # ... and for all.
    "twice": lambda draw, _: lambda x: mc.cat([x, x], 1),
    "numbers": lambda draw, _: lambda x: (x * 2.5 + 1) / 2 - 3,
    "softmax": lambda draw, _: lambda x: x.softmax(-1),
    "flip": lambda draw, _: lambda x: x.flip(-1),
}
TWO = {  # Functions of two values of the same shape, which may be the same.
    "add": lambda x, y: x + y,
    "add, relu": lambda x, y: F.relu(x + y),
    "multiply": lambda x, y: x * y,
    "larger": mc.maximum,
    "cat": lambda x, y: mc.cat([x, y], 1),
    "cat of three": lambda x, y: mc.cat([x, y, x], 1),
}


class Drawn(nn.Module):
    """Steps, each of which takes values that the steps before it have left."""

    def __init__(self, draw, x, count):
        super().__init__()
        self.layers, self.steps, values = nn.ModuleList(), [], [x]
        while len(self.steps) < count:
            self.step(draw, values)
        self.results = [draw.randrange(len(values)) for _ in range(draw.randint(0, 3))]
        self.results.append(len(values) - 1)
        self.names = draw.random() < 0.3

    def step(self, draw, values):
        """Draws one more; what does not fit to its input is left out."""
        i = draw.randrange(max(0, len(values) - draw.choice([1, 3, len(values)])), len(values))
        x, places = values[i], [i]
        if draw.random() < 0.3:
            function = TWO[draw.choice(list(TWO))]
            places.append(draw.choice([k for k, y in enumerate(values) if y.shape == x.shape]))
        else:
            kinds = BOTH | (IMAGES if x.ndim == 4 else OTHERS)
            function = kinds[draw.choice(list(kinds))](draw, x.shape[1 if x.ndim == 4 else -1])
        if isinstance(function, nn.Module):
            function.eval()
        try:
            with mc.no_grad():
                result = function(*(values[k] for k in places))
        except (RuntimeError, ValueError, IndexError, NotImplementedError):
            return
        if 0 < result.array.size <= _MOST:
            self.layers += [function] if isinstance(function, nn.Module) else []
            self.steps.append((function, places))
            values.append(result)

    def forward(self, x):
        values = [x]
        for function, places in self.steps:
            values.append(function(*(values[i] for i in places)))
        results = [values[i] for i in self.results]
        return dict(enumerate(results)) if self.names else results


def compare(seed):
    """Compares a network with its plan, for several inputs; results must stay what they are."""
    draw = random.Random(seed)
    mc.manual_seed(seed)
    shape = (
        draw.choice([1, 1, 2, 3, 4, 5, 7, 33]),
        draw.choice([1, 2, 3, 8, 16]),
        draw.choice([1, 2, 8, 9, 14]),
        draw.choice([1, 3, 7, 8, 12]),
    )
    net = Drawn(draw, mc.randn(*shape), draw.randint(2, 14)).eval()
    compiled, kept = mc.compile(net, fullgraph=True, options={"cache": False}), []
    for run in range(3):
        x = mc.randn(*shape)
        x = x.contiguous(memory_format=mc.channels_last) if run == 1 else x
        before = x.array.copy()
        with mc.no_grad():
            expected, got = _arrays(net(x)), _arrays(compiled(x))
        for a, b in zip(got, expected, strict=True):
            assert a.shape == b.shape and a.dtype == b.dtype
            scale = max(1, np.abs(b).max())
            np.testing.assert_allclose(a / scale, b / scale, rtol=0, atol=1e-4, err_msg=f"{seed}")
        assert np.array_equal(x.array, before)
        kept += [(a, a.copy()) for a in got]
    assert all(np.array_equal(a, b) for a, b in kept)


def _arrays(results):
    return [x.array for x in (results.values() if isinstance(results, dict) else results)]


@pytest.mark.parametrize("threads", [2, 3])
def test_drawn_networks(threads):
    before = mc.get_num_threads()
    mc.set_num_threads(threads)
    try:
        for seed in range(20):
            compare(100 * threads + seed)
    finally:
        mc.set_num_threads(before)


@pytest.mark.slow
def test_many_drawn_networks():
    for seed in range(1000, 1400):
        compare(seed)
