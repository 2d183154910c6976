"""Layers fused by Sequential against the same layers called one by one."""

from __future__ import annotations

import copy
from collections import Counter
from typing import Any

import numpy as np
import pytest
import torch

import minicnn as mc
import minicnn.nn.functional as F
from minicnn import nn
from minicnn.autograd import detect_anomaly, grad, gradcheck, gradgradcheck
from minicnn.models.googlenet import BasicConv2d
from minicnn.models.resnet import BasicBlock, Bottleneck
from minicnn.nn import fusion

NETS: dict[str, Any] = {
    "Conv2d, ReLU": lambda lib: lib.Sequential(lib.Conv2d(3, 4, 3, padding=1), lib.ReLU()),
    "no bias": lambda lib: lib.Sequential(lib.Conv2d(3, 4, (2, 3), bias=False), lib.ReLU()),
    "groups, stride, dilation": lambda lib: lib.Sequential(
        lib.Conv2d(3, 6, 3, (2, 1), 2, 2, groups=3), lib.ReLU(inplace=True)
    ),
    "Conv2d, ReLU, MaxPool2d": lambda lib: lib.Sequential(
        lib.Conv2d(3, 4, 3), lib.ReLU(), lib.MaxPool2d(3, 2, padding=1)
    ),
    "Conv2d, ReLU, Conv2d, ReLU, MaxPool2d": lambda lib: lib.Sequential(
        lib.Conv2d(3, 8, 3, 2), lib.ReLU(), lib.Conv2d(8, 8, 3, padding=1, groups=2),
        lib.ReLU(inplace=True), lib.Conv2d(8, 4, 1), lib.ReLU(), lib.MaxPool2d(3, 1),
    ),
    "ReLU, MaxPool2d": lambda lib: lib.Sequential(lib.ReLU(), lib.MaxPool2d(2, ceil_mode=True)),
    "Linear, ReLU": lambda lib: lib.Sequential(
        lib.Flatten(), lib.Linear(3 * 9 * 10, 7), lib.ReLU(), lib.Linear(7, 5, bias=False), lib.ReLU()
    ),
    "BatchNorm2d, ReLU": lambda lib: lib.Sequential(lib.BatchNorm2d(3), lib.ReLU()),
    "Conv2d, BatchNorm2d, ReLU, MaxPool2d": lambda lib: lib.Sequential(
        lib.Conv2d(3, 4, 3, bias=False), lib.BatchNorm2d(4), lib.ReLU(),
        lib.Conv2d(4, 5, 1), lib.Identity(), lib.ReLU(), lib.BatchNorm2d(5), lib.ReLU(),
        lib.MaxPool2d(2),
    ),
    "Conv2d, BatchNorm2d, ReLU6": lambda lib: lib.Sequential(
        lib.Conv2d(3, 4, 3, bias=False), lib.BatchNorm2d(4, eps=1e-8), lib.ReLU6(inplace=True),
    ),
    "Conv2d, BatchNorm2d, SiLU": lambda lib: lib.Sequential(
        lib.Conv2d(3, 4, 3), lib.BatchNorm2d(4), lib.SiLU(inplace=True), lib.Conv2d(4, 2, 1),
    ),
    "Conv2d, BatchNorm2d, Hardswish": lambda lib: lib.Sequential(
        lib.Conv2d(3, 4, 3), lib.BatchNorm2d(4), lib.Hardswish(),
    ),
    "BatchNorm1d, ReLU": lambda lib: lib.Sequential(
        lib.Flatten(), lib.Linear(3 * 9 * 10, 7), lib.BatchNorm1d(7), lib.ReLU()
    ),
    "a small network": lambda lib: lib.Sequential(
        lib.Sequential(lib.Conv2d(3, 8, 3, padding=1), lib.ReLU(), lib.MaxPool2d(2)),
        lib.Conv2d(8, 8, 3, padding=1), lib.ReLU(), lib.ReLU(),
        lib.MaxPool2d(2), lib.Flatten(), lib.Linear(32, 6), lib.ReLU(), lib.Linear(6, 2),
    ),
}  # fmt: skip
X = (2, 3, 9, 10)


def layer_by_layer(module: nn.Module, x: mc.Tensor) -> mc.Tensor:
    """What a Sequential of Sequentials means."""
    for child in module:
        is_container = isinstance(child, nn.Sequential)
        x = layer_by_layer(child, x) if is_container else child(x)
    return x


def results(run: Any, net: nn.Module, x: np.ndarray) -> list[np.ndarray]:
    """The output and the gradients of input and parameters, for a fixed gradient of the output."""
    net.zero_grad()
    image = mc.tensor(x, requires_grad=True)
    out = run(image)
    out.backward(mc.tensor(np.random.default_rng(1).standard_normal(out.shape).astype(x.dtype)))
    gradients = [tensor.grad.cpu().numpy() for tensor in (image, *net.parameters())]
    return [out.detach().cpu().numpy(), *gradients]


def is_fused(net: nn.Sequential) -> bool:
    return len(fusion.steps(net)) < len(net)


@pytest.mark.fast_only
@pytest.mark.parametrize("ties", [False, True])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", NETS)
def test_results_and_gradients_are_those_of_the_single_layers(name, dtype, ties):
    net = NETS[name](nn).to(dtype)
    x = np.random.default_rng(0).standard_normal(X).astype(dtype)
    if ties:  # among positive, zero and negative numbers
        x = np.round(x)
        for parameter in net.parameters():
            parameter.data = mc.tensor(np.round(4 * parameter.numpy_copy()))
    assert is_fused(net)
    fused = results(net, net, x)
    single = results(lambda image: layer_by_layer(net, image), net, x)
    tolerance = 1e-5 if dtype == np.float32 else 1e-13
    for ours, expected in zip(fused, single, strict=True):
        scale = max(1, np.abs(expected).max())
        np.testing.assert_allclose(ours, expected, rtol=0, atol=tolerance * scale)
    if not net[0].state_dict():  # no sums that could be taken in another order
        for ours, expected in zip(fused, single, strict=True):
            np.testing.assert_array_equal(ours, expected)


@pytest.mark.parametrize("name", NETS)
def test_against_torch(name):
    ours, theirs = NETS[name](nn).double(), NETS[name](torch.nn).double()
    ours.load_state_dict(theirs.state_dict())
    x = np.random.default_rng(0).standard_normal(X)
    torch_x = torch.tensor(x, requires_grad=True)
    out = theirs(torch_x)
    out.backward(torch.tensor(np.random.default_rng(1).standard_normal(out.shape)))
    expected = [out.detach(), torch_x.grad, *(p.grad for p in theirs.parameters())]
    for our, their in zip(results(ours, ours, x), expected, strict=True):
        np.testing.assert_allclose(our, their.cpu().numpy(), atol=1e-10)


@pytest.mark.parametrize("name", NETS)
def test_second_derivatives(name):
    net = NETS[name](nn).double()
    rng = np.random.default_rng(0)
    x = mc.tensor(rng.standard_normal(X), requires_grad=True)

    def penalty(run: Any) -> list[np.ndarray]:
        (gradient,) = grad((run(x) ** 2).sum(), x, create_graph=True)
        inputs = (x, *net.parameters())
        found = grad((gradient**2).sum(), inputs, allow_unused=True)
        return [np.zeros(t.shape) if g is None else g.cpu().numpy() for t, g in zip(inputs, found)]

    fused, single = penalty(net), penalty(lambda image: layer_by_layer(net, image))
    for ours, expected in zip(fused, single, strict=True):
        np.testing.assert_allclose(ours, expected, atol=1e-10 * max(1, np.abs(expected).max()))
    assert np.abs(fused[0]).max() > 0


@pytest.mark.parametrize("check", [gradcheck, gradgradcheck])
def test_differences(check):
    net = nn.Sequential(nn.Conv2d(2, 3, 2), nn.ReLU(), nn.MaxPool2d(2)).double()
    x = mc.tensor(np.random.default_rng(0).standard_normal((1, 2, 5, 5)), requires_grad=True)
    assert check(lambda x, *_: net(x) ** 2, (x, *net.parameters()))


def operations(out: mc.Tensor) -> Counter[str]:
    """How often which operation was recorded on the way to ``out``."""
    seen: Counter[str] = Counter()
    nodes = [out.grad_fn]
    while nodes:
        node = nodes.pop()
        if hasattr(node, "edges"):
            seen[type(node).__name__] += 1
            nodes += [edge[0] for edge in node.edges if edge is not None]
    return seen


@pytest.mark.fast_only
def test_operations_that_run():
    seen = operations(NETS["a small network"](nn)(mc.randn(*X, requires_grad=True)))
    # the two ReLUs in a row are a convolution's and a pooling's
    assert seen["ReLU"] == 0
    chained = (
        seen["ChainedConv2d"],
        seen["ChainedMaxPool2dReLU"],
    )  # the first three layers, on a GPU
    assert chained in ((0, 0), (1, 1))
    assert (seen["Conv2d"], seen["Conv2dReLU"]) == (1 - chained[0], 1)
    assert seen["MaxPool2dReLU"] == 2 - chained[1]
    assert (seen["Linear"], seen["LinearReLU"]) == (1, 1)


HOOKS = {
    "forward pre": lambda module, hook: module.register_forward_pre_hook(hook),
    "forward": lambda module, hook: module.register_forward_hook(hook),
    "backward": lambda module, hook: module.register_full_backward_hook(hook),
}


BLOCKS = {  # and the layers in which a ReLU follows a batch norm
    "BasicBlock": (lambda: BasicBlock(3, 3), ("bn1", "bn2", "relu")),
    "Bottleneck": (lambda: Bottleneck(12, 3), ("bn1", "bn2", "bn3", "relu")),
    "BasicConv2d": (lambda: BasicConv2d(3, 4, kernel_size=3), ("bn", "relu")),
}


@pytest.mark.parametrize("name", BLOCKS)
@pytest.mark.parametrize("training", [True, False])
def test_blocks_of_networks_give_the_same_with_hooks_and_fused(name, training):
    block = BLOCKS[name][0]().double().train(training)
    channels = next(block.parameters()).shape[1]
    x = np.random.default_rng(0).standard_normal((2, channels, 5, 6))
    fused = results(block, block, x)
    for layer in BLOCKS[name][1]:
        seen = []
        module = block.get_submodule(layer)
        handle = module.register_forward_hook(  # a copy, as the next ReLU works in place
            lambda module, args, out, seen=seen: seen.append(out.clone())
        )
        watched = results(block, block, x)
        handle.remove()
        assert len(seen) == (len(BLOCKS[name][1]) - 1 if layer == "relu" else 1)
        for out in seen:  # of a batch norm it comes before the ReLU
            assert (out.detach().cpu().numpy() < 0).any() == (layer != "relu")
        for ours, expected in zip(fused, watched, strict=True):
            scale = np.abs(expected).max()
            np.testing.assert_allclose(ours, expected, rtol=0, atol=1e-12 * scale)


@pytest.mark.fast_only
def test_the_framework_fuses_googlenets_blocks():
    seen = operations(BasicConv2d(3, 4, kernel_size=3)(mc.randn(2, 3, 5, 6)))
    assert seen == {"Conv2d": 1, "BatchNormReLU": 1}


def test_plain_kernels_run_layer_by_layer():
    with mc.backends.use_kernels("plain"):
        seen = operations(BasicConv2d(3, 4, kernel_size=3)(mc.randn(2, 3, 5, 6)))
    assert seen == {"Conv2d": 1, "BatchNorm": 1, "ReLU": 1}


@pytest.mark.fast_only
@pytest.mark.parametrize("kind", HOOKS)
@pytest.mark.parametrize("position", [0, 1, 2])
def test_hooks_are_called_and_see_the_single_layers(position, kind):
    net = NETS["Conv2d, ReLU, MaxPool2d"](nn)
    x = np.random.default_rng(0).standard_normal(X).astype(np.float32)
    expected = results(lambda image: layer_by_layer(net, image), net, x)
    seen = []
    handle = HOOKS[kind](net[position], lambda module, *args: seen.append((module, args)))
    watched = results(net, net, x)
    ((module, args),) = seen
    assert module is net[position]
    if kind == "forward":
        assert (args[1].detach().cpu().numpy() < 0).any() == (position == 0)  # before the ReLU
    handle.remove()
    assert is_fused(net)
    for ours, fused, single in zip(watched, results(net, net, x), expected, strict=True):
        np.testing.assert_allclose(ours, single, rtol=1e-4, atol=1e-5)
        np.testing.assert_allclose(fused, single, rtol=1e-4, atol=1e-5)
    assert len(seen) == 1


@pytest.mark.fast_only
def test_a_hook_on_the_pooling_leaves_the_relu_to_the_convolution():
    net = NETS["Conv2d, ReLU, MaxPool2d"](nn)
    net[2].register_forward_hook(lambda *_: None)
    assert len(fusion.steps(net)) == 2


class Louder(nn.ReLU):
    def forward(self, input: mc.Tensor) -> mc.Tensor:
        return super().forward(input) + 1


def test_subclasses_and_replaced_forwards_run_as_they_are():
    conv = nn.Conv2d(3, 4, 3)
    x = mc.randn(*X)
    net = nn.Sequential(conv, Louder())
    np.testing.assert_array_equal(
        net(x).detach().cpu().numpy(), (F.relu(conv(x)) + 1).detach().cpu().numpy()
    )

    net = nn.Sequential(conv, nn.ReLU())
    net[1].forward = lambda input: input * 2
    np.testing.assert_array_equal(
        net(x).detach().cpu().numpy(), (conv(x) * 2).detach().cpu().numpy()
    )


def test_indices_of_the_maxima_are_returned_as_ever():
    net = nn.Sequential(nn.ReLU(), nn.MaxPool2d(2, return_indices=True))
    x = mc.randn(*X)
    for ours, expected in zip(net(x), F.max_pool2d(F.relu(x), 2, return_indices=True)):
        np.testing.assert_array_equal(ours.cpu().numpy(), expected.cpu().numpy())


def test_a_window_wholly_in_the_padding_is_not_clipped():
    x = mc.randn(1, 1, 1, 3)
    relu, pool = nn.ReLU(), nn.MaxPool2d(2, padding=1, dilation=(2, 1))
    expected = pool(relu(x)).numpy_copy()
    assert np.isneginf(expected).any()
    np.testing.assert_array_equal(nn.Sequential(relu, pool)(x).numpy_copy(), expected)


FRESH_INPUTS = {
    "Conv2d": lambda lib: [lib.Conv2d(2, 2, 1), lib.ReLU(inplace=True), lib.MaxPool2d(2)],
    "BatchNorm2d": lambda lib: [lib.BatchNorm2d(2), lib.ReLU(inplace=True), lib.MaxPool2d(2)],
    "Conv2d alone": lambda lib: [lib.Conv2d(2, 2, 1), lib.ReLU(inplace=True)],
}
SEEN_INPUTS = {
    "nothing": lambda lib: [lib.ReLU(inplace=True), lib.MaxPool2d(2)],
    "Identity": lambda lib: [lib.Identity(), lib.ReLU(inplace=True), lib.MaxPool2d(2)],
    "Dropout": lambda lib: [lib.Dropout(0.0), lib.ReLU(inplace=True), lib.MaxPool2d(2)],
    "Sequential": lambda lib: [
        lib.Sequential(lib.Identity()), lib.ReLU(inplace=True), lib.MaxPool2d(2),
    ],
}  # fmt: skip


@pytest.mark.fast_only
@pytest.mark.parametrize("name", FRESH_INPUTS)
def test_a_relu_in_place_is_fused_where_nobody_sees_its_input(name):
    assert is_fused(nn.Sequential(*FRESH_INPUTS[name](nn)))


@pytest.mark.parametrize("name", {**FRESH_INPUTS, **SEEN_INPUTS})
def test_a_relu_in_place_changes_what_torchs_does(name):
    """A public Xception's block starts with such a ReLU, and its skip connection reads the result."""
    build = {**FRESH_INPUTS, **SEEN_INPUTS}[name]
    ours, theirs = nn.Sequential(*build(nn)), torch.nn.Sequential(*build(torch.nn))
    ours.load_state_dict(theirs.state_dict())
    x = np.random.default_rng(0).standard_normal((2, 2, 4, 4)).astype(np.float32)
    found = []
    for lib, net in ((mc, ours), (torch, theirs)):
        leaf = lib.tensor(x, requires_grad=True)
        image = leaf * 1
        out = net(image).sum() + (image * image).sum()
        out.backward()
        found.append([tensor.detach().cpu().numpy() for tensor in (image, out, leaf.grad)])
    for our, their in zip(*found, strict=True):
        np.testing.assert_allclose(our, their, atol=1e-5 * np.abs(their).max())


def test_changed_children_are_noticed():
    net = NETS["Conv2d, ReLU, MaxPool2d"](nn)
    x = mc.randn(*X)
    net(x)
    net[1] = nn.Sigmoid()
    expected = F.max_pool2d(F.sigmoid(net[0](x)), 3, 2, 1)
    np.testing.assert_array_equal(net(x).detach().cpu().numpy(), expected.detach().cpu().numpy())
    del net[1:]
    np.testing.assert_array_equal(net(x).detach().cpu().numpy(), net[0](x).detach().cpu().numpy())


def test_slices_hold_the_same_layers_and_state_dict_is_unchanged():
    net = NETS["a small network"](nn)
    before = {name: tensor.cpu().numpy().copy() for name, tensor in net.state_dict().items()}
    x = mc.randn(*X)
    out = net(x)
    np.testing.assert_array_equal(
        net[2:](net[:2](x)).detach().cpu().numpy(), out.detach().cpu().numpy()
    )
    assert list(before) == list(NETS["a small network"](torch.nn).state_dict())
    for name, tensor in net.state_dict().items():
        np.testing.assert_array_equal(tensor.cpu().numpy(), before[name])
    np.testing.assert_array_equal(
        copy.deepcopy(net)(x).detach().cpu().numpy(), out.detach().cpu().numpy()
    )


def test_summary_lists_every_layer():
    net = NETS["Conv2d, ReLU, MaxPool2d"](nn)
    types = [layer.type for layer in nn.summary(net, X).layers]
    assert types == ["Conv2d", "ReLU", "MaxPool2d"]


def test_anomaly_mode_names_the_fused_operation():
    net = NETS["Conv2d, ReLU, MaxPool2d"](nn)
    net[0].weight.array[:] = np.nan
    with detect_anomaly(), pytest.raises(RuntimeError, match="Conv2d"):
        net(mc.ones(*X, requires_grad=True)).sum().backward()
