"""Plans compute what networks compute."""

import numpy as np
import pytest

import minicnn as mc
import minicnn.nn.functional as F
from minicnn import models, nn
from minicnn.kernels.cpu.planned import Step

pytestmark = [pytest.mark.cpu_only, pytest.mark.fast_only]


def assert_same(net, *inputs, runs=2, **kwargs):
    """Compares the results of a network and of its plan, for other numbers in each run."""
    net = net.eval()
    for module in net.modules():
        if isinstance(module, (nn.BatchNorm1d, nn.BatchNorm2d)):
            module.running_mean.uniform_(-0.2, 0.2)
            module.running_var.uniform_(0.5, 1.5)
    compiled = mc.compile(net, fullgraph=True, options={"cache": False})
    for _ in range(runs):
        with mc.no_grad():
            expected, got = net(*inputs, **kwargs), compiled(*inputs, **kwargs)
        _compare(got, expected)
        for x in inputs:
            if x.is_floating_point():
                x.normal_()
    (entry,) = compiled._plans.entries.values()
    assert entry.plan is not None
    return entry.plan


def _compare(got, expected):
    if isinstance(expected, mc.Tensor):
        assert got.shape == expected.shape and got.dtype == expected.dtype
        a, b = got.array, expected.array
        scale = max(1.0, float(np.abs(b).max(initial=0))) if b.dtype.kind == "f" else 1
        np.testing.assert_allclose(a / scale, b / scale, rtol=0, atol=2e-5, equal_nan=True)
    elif isinstance(expected, dict):
        assert list(got) == list(expected) and type(got) is type(expected)
        for name in expected:
            _compare(got[name], expected[name])
    elif isinstance(expected, (tuple, list)):
        assert type(got) is type(expected) and len(got) == len(expected)
        for a, b in zip(got, expected, strict=True):
            _compare(a, b)
    else:
        assert got == expected


@pytest.mark.parametrize("N", [1, 4])
def test_alexnet(N):
    assert_same(models.alexnet(num_classes=10), mc.randn(N, 3, 64, 64))


@pytest.mark.slow
@pytest.mark.parametrize("N", [1, 3, 4])
@pytest.mark.parametrize(("name", "size"), [("googlenet", 64), ("resnet18", 64), ("vgg11_bn", 32)])
def test_published_networks(name, size, N):
    assert_same(models.get_model(name, num_classes=10), mc.randn(N, 3, size, size))


def test_alexnet227_with_groups_and_lrn():
    net = models.AlexNet227(num_classes=10, groups=2, lrn=True)
    assert_same(net, mc.randn(2, 3, 227, 227), runs=1)


@pytest.mark.slow
def test_bottlenecks_and_a_dict_of_masks():
    net = models.segmentation.fcn_resnet50(num_classes=3, weights_backbone=None, aux_loss=True)
    assert_same(net, mc.randn(2, 3, 40, 40), runs=1)


def test_googlenet_that_converts_its_input():
    assert_same(models.GoogLeNet(num_classes=5, transform_input=True), mc.randn(2, 3, 32, 32))


class Dense(nn.Module):
    """As DenseNet: each layer takes all results before it, joined anew each time."""

    def __init__(self, layers=4, growth=3):
        super().__init__()
        self.layers = nn.ModuleList(
            nn.Sequential(
                nn.BatchNorm2d(5 + i * growth),
                nn.ReLU(),
                nn.Conv2d(5 + i * growth, growth, 3, padding=1),
            )
            for i in range(layers)
        )
        self.pool = nn.MaxPool2d(3, 1, 1)

    def forward(self, x):
        found = [F.relu(x)]
        for layer in self.layers:
            found.append(layer(mc.cat(found, 1)))
        joined = mc.cat(found, 1)
        return mc.cat([self.pool(joined), joined, found[1], found[1]], 1)


@pytest.mark.parametrize("N", [1, 4])
def test_dense_block(N):
    plan = assert_same(Dense(), mc.randn(N, 5, 9, 7))
    steps = [step.name for segment in plan.segments for step in segment.steps]
    assert steps.count("copy") == 2  # the input, and what is in the last cat twice or elsewhere


def test_inception_is_joined_in_place():
    net = models.googlenet(num_classes=5)
    plan = assert_same(net.inception3a, mc.randn(1, 192, 10, 10))
    steps = [step.name for segment in plan.segments for step in segment.steps]
    assert len(steps) == 8 and steps.count("copy") == 1


LAYERS = {
    "dilation": lambda: nn.Conv2d(4, 6, 3, padding=2, dilation=2),
    "stride": lambda: nn.Conv2d(4, 6, 5, stride=3, padding=1),
    "groups": lambda: nn.Conv2d(4, 6, 3, groups=2),
    "depthwise": lambda: nn.Sequential(nn.Conv2d(4, 4, 3, 2, 1, groups=4), nn.BatchNorm2d(4), nn.ReLU6()),
    "uneven": lambda: nn.Conv2d(4, 6, (1, 3), (2, 1), (0, 2)),
    "same": lambda: nn.Conv2d(4, 6, 4, padding="same"),
    "reflect": lambda: nn.Conv2d(4, 6, 3, padding=1, padding_mode="reflect"),
    "transposed": lambda: nn.ConvTranspose2d(4, 6, 4, 2, 1),
    "ceil": lambda: nn.MaxPool2d(3, 2, ceil_mode=True),
    "padded pool": lambda: nn.MaxPool2d(3, 2, 1),
    "average": lambda: nn.AvgPool2d(3, 2, 1, ceil_mode=True, count_include_pad=False),
    "adaptive": lambda: nn.AdaptiveAvgPool2d((3, 2)),
    "adaptive max": lambda: nn.AdaptiveMaxPool2d((3, 2)),
    "lrn": lambda: nn.LocalResponseNorm(3, 0.1, 0.6, 2.0),
    "upsample": lambda: nn.Upsample(scale_factor=2, mode="bilinear"),
    "flatten": lambda: nn.Sequential(nn.Flatten(), nn.Linear(4 * 11 * 9, 7), nn.BatchNorm1d(7), nn.ReLU()),
    "flat": lambda: nn.Flatten(),
    "flatten all": lambda: nn.Flatten(0),
    "norm first": lambda: nn.Sequential(nn.BatchNorm2d(4), nn.Conv2d(4, 3, 3, padding=1)),
    "relu": lambda: nn.ReLU(),
    "identity": lambda: nn.Identity(),
    "sigmoid": lambda: nn.Sequential(nn.Sigmoid(), nn.Tanh(), nn.Conv2d(4, 2, 1), nn.Softmax(1)),
    "group norm": lambda: nn.Sequential(nn.GroupNorm(2, 4), nn.GELU()),
    "shuffle": lambda: nn.Sequential(nn.ChannelShuffle(2), nn.PixelShuffle(2)),
}  # fmt: skip


@pytest.mark.parametrize("N", [1, 2, 5])
@pytest.mark.parametrize("name", LAYERS)
def test_layers(name, N):
    assert_same(LAYERS[name](), mc.randn(N, 4, 11, 9))


class Vectors(nn.Module):
    """Linear layers and attention on images with the channels last, among convolutions."""

    def __init__(self):
        super().__init__()
        self.wide, self.narrow = nn.Linear(4, 8), nn.Linear(8, 4)
        self.norm, self.conv = nn.LayerNorm(4), nn.Conv2d(4, 4, 3, padding=1)

    def forward(self, x):
        rows = self.norm(x.permute(0, 2, 3, 1))  # N x H x W x C
        hidden = self.wide(rows)
        gated = F.gelu(hidden)
        rows = self.narrow(gated) * 0.5
        weights = F.softmax(rows @ rows.transpose(-1, -2), -1)  # N x H x W x W
        x = self.conv((weights @ rows).permute(0, 3, 1, 2)) + x
        return x, F.gelu(self.conv(x)).flatten(1), gated, hidden.flatten(1), weights


@pytest.mark.parametrize("N", [1, 2, 5])
def test_vectors_between_images(N):
    assert_same(Vectors(), mc.randn(N, 4, 6, 7))


@pytest.mark.parametrize("N", [1, 4])
def test_reshapes_between_linear_layers_copy_nothing(N):
    net = nn.Sequential(nn.Linear(4, 8), nn.GELU(), nn.Linear(8, 4))
    plan = assert_same(net, mc.randn(N, 5, 6, 4))
    steps = [
        step.name for segment in plan.segments for step in getattr(segment, "steps", [segment])
    ]
    at = steps.index("GELU")
    assert steps[at - 1].startswith("linear") and steps[at + 1].startswith("linear")


class Branches(nn.Module):
    """Additions of all sorts, a shared layer, several inputs, and a result that is used twice."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(4, 4, 3, padding=1)
        self.norm = nn.BatchNorm2d(4)

    def forward(self, x, y):
        a = self.norm(self.conv(x))
        b = self.conv(y)
        c = F.relu(a + b)
        d = self.conv(c) + c
        d += x
        e = F.relu(x + x, inplace=True)
        means = d.mean((2, 3), keepdim=True)
        return d * means, (c - e, e.flatten(1)), [b[:, 1:3], b.permute(0, 2, 3, 1), x]


@pytest.mark.parametrize("N", [1, 4])
def test_branches(N):
    assert_same(Branches(), mc.randn(N, 4, 6, 6), mc.randn(N, 4, 6, 6))


def test_memory_order_of_the_input_does_not_matter():
    net = nn.Conv2d(3, 4, 3).eval()
    compiled = mc.compile(net)
    x = mc.randn(2, 3, 16, 8)
    with mc.no_grad():
        for view in (x, x.contiguous(memory_format=mc.channels_last), x[:, :, ::2], x.flip(0)):
            _compare(compiled(view), net(view))


def test_integers():
    class Words(nn.Module):
        def __init__(self):
            super().__init__()
            self.embedding = nn.Embedding(10, 6)
            self.linear = nn.Linear(6, 3)

        def forward(self, words):
            return self.linear(self.embedding(words)).argmax(-1)

    net = Words().eval()
    compiled = mc.compile(net, fullgraph=True)
    for _ in range(2):
        words = mc.randint(0, 10, (2, 5))
        with mc.no_grad():
            _compare(compiled(words), net(words))


def test_nan_and_infinity_pass():
    net = nn.Sequential(nn.ReLU(), nn.MaxPool2d(2))
    x = mc.randn(2, 3, 4, 4)
    x[0, 0, 0, 0], x[1, 1, 1, 1] = float("nan"), float("inf")
    assert_same(net, x, runs=1)


def _steps_without_a_kind(plan):
    return [segment for segment in plan.segments if isinstance(segment, Step)]


class _SqueezeExcitation(nn.Module):
    def __init__(self, C, activation):
        super().__init__()
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.gate = nn.Sequential(nn.Conv2d(C, 4, 1), nn.SiLU(), nn.Conv2d(4, C, 1), activation)

    def forward(self, x):
        return self.gate(self.pool(x)) * x


@pytest.mark.parametrize("N", [1, 4])
@pytest.mark.parametrize("C", [6, 520])
@pytest.mark.parametrize("gate", [nn.Sigmoid(), nn.Hardsigmoid()])
def test_squeeze_and_excitation(gate, C, N):
    net = nn.Sequential(
        nn.Conv2d(3, C, 3, stride=2), nn.BatchNorm2d(C), nn.Hardswish(), _SqueezeExcitation(C, gate)
    )
    plan = assert_same(net, mc.randn(N, 3, 23, 19))
    assert not _steps_without_a_kind(plan)


def _shuffled(x, way):
    N, C, H, W = x.shape
    if way == "channel_shuffle":
        return F.channel_shuffle(x, 2)
    swapped = x.view(N, 2, C // 2, H, W).transpose(1, 2)
    return swapped.contiguous().view(N, C, H, W) if way == "view" else swapped.reshape(N, C, H, W)


class _Unit(nn.Module):
    """As in ShuffleNetV2, whose passed half is a view, or with branches of other sizes."""

    def __init__(self, way, sizes):
        super().__init__()
        self.way = way
        self.branches = nn.ModuleList([nn.Conv2d(3, size, 1) for size in sizes])
        self.next = nn.Conv2d(sum(sizes) // 2, 4, 1)

    def forward(self, x):
        joined = mc.cat([F.relu(branch(x)) for branch in self.branches], 1)
        first, second = _shuffled(joined, self.way).chunk(2, dim=1)
        again = _shuffled(mc.cat([first, second], 1), self.way)
        return self.next(second), again.mean([2, 3])


@pytest.mark.parametrize("N", [1, 4])
@pytest.mark.parametrize("sizes", [(4, 4), (2, 6), (2, 2, 4)])
@pytest.mark.parametrize("way", ["view", "reshape", "channel_shuffle"])
def test_channel_shuffles(way, sizes, N):
    plan = assert_same(_Unit(way, sizes), mc.randn(N, 3, 7, 5))
    assert len(_steps_without_a_kind(plan)) == 1  # the division by the number of pixels


def test_a_sum_over_some_columns():
    assert_same(nn.Sequential(nn.Conv2d(3, 4, 1), _Cropped()), mc.randn(2, 3, 6, 7))


class _Cropped(nn.Module):
    def forward(self, x):
        return x[:, :, 1:, 2:].sum((2, 3)), F.adaptive_avg_pool2d(x[:, :, 1:, 2:], 1)
