"""Each algorithm for convolutions on every layer of the networks, and the choice between them."""

from __future__ import annotations

import functools
from collections.abc import Callable

import networks
import numpy as np
import pytest

from minicnn.kernels import Geometry
from minicnn.kernels.cpu import conv, conv_im2col, winograd
from minicnn.kernels.cpu.conv import PASSES, Algorithm, choose, estimates
from minicnn.nn import Conv2d
from minicnn.nn.summary import run_on_zeros

pytestmark = [pytest.mark.cpu_only, pytest.mark.fast_only]

FLOAT32, FLOAT64 = np.dtype(np.float32), np.dtype(np.float64)
IMAGE_SIZES = {
    "alexnet227": 227,
    "alexnet": 224,
    "googlenet": 224,
    "resnet34": 224,
    "fcn_resnet50": 224,
    "vgg16": 224,
}
LARGE = {"fcn_resnet50", "vgg16"}
LARGEST_ERROR = {"forward": 1e-5, "input_grad": 1e-4, "weight_grad": 1e-4}

Shape = tuple[tuple[int, ...], Geometry]  # of the weight, and where the windows lie


@functools.cache
def shapes_of(network: str) -> dict[Shape, str]:
    """The distinct convolutions of a network, with the name of the first of each."""
    shapes: dict[Shape, str] = {}

    def note(name, module, input, output):
        if isinstance(module, Conv2d):
            sizes = input.shape[2:], output.shape[2:], module.kernel_size
            geometry = Geometry(
                *sizes, module.stride, module.padding, module.dilation, module.groups
            )
            shapes.setdefault((module.weight.shape, geometry), name)

    size = IMAGE_SIZES[network]
    net = networks.build(network)
    for parameter in net.parameters():
        parameter.array.fill(0)  # what was in memory may be slow to multiply
    run_on_zeros(net, (1, 3, size, size), FLOAT32, note)
    return shapes


def new_shapes(network: str) -> dict[Shape, str]:
    """Those that none of the networks before has."""
    before = list(IMAGE_SIZES)[: list(IMAGE_SIZES).index(network)]
    known = {shape for other in before for shape in shapes_of(other)}
    return {shape: name for shape, name in shapes_of(network).items() if shape not in known}


def arrays_for(weight_shape, geometry, N=1):
    """x, weight and the gradient of the output in float32, the images channels-last."""
    O, Cg, *_ = weight_shape
    rng = np.random.default_rng(0)
    x = rng.standard_normal((N, *geometry.input_size, Cg * geometry.groups), FLOAT32)
    weight = rng.standard_normal(weight_shape, FLOAT32)
    grad = rng.standard_normal((N, *geometry.output_size, O), FLOAT32)
    return x.transpose(0, 3, 1, 2), weight, grad.transpose(0, 3, 1, 2)


def run(algorithm, pass_, x, weight, grad, geometry):
    if pass_ == "forward":
        arguments = x, weight, None, geometry, False
    elif pass_ == "input_grad":
        arguments = grad, weight, geometry
    else:
        arguments = grad, x, geometry
    module = winograd if algorithm.number else conv_im2col
    tile = (algorithm.number,) if algorithm.number else ()
    name = "conv2d" if pass_ == "forward" else f"conv2d_{pass_}"
    function: Callable[..., np.ndarray] = getattr(module, name)
    return function(*arguments, *tile)


@pytest.mark.parametrize(
    "network",
    [pytest.param(n, marks=pytest.mark.slow) if n in LARGE else n for n in IMAGE_SIZES],
)
def test_errors_on_every_layer(network):
    for (weight_shape, geometry), name in new_shapes(network).items():
        arrays = arrays_for(weight_shape, geometry)
        exact_arrays = [array.astype(FLOAT64) for array in arrays]
        for pass_ in PASSES:
            exact = run(Algorithm("im2col"), pass_, *exact_arrays, geometry)
            for algorithm in estimates(pass_, FLOAT32, 1, weight_shape, geometry):
                result = run(algorithm, pass_, *arrays, geometry)
                error = np.linalg.norm((result - exact).ravel()) / np.linalg.norm(exact.ravel())
                assert error <= LARGEST_ERROR[pass_], (name, pass_, str(algorithm))


def test_the_networks_have_layers_for_every_algorithm():
    """So that the test of errors cannot become empty."""
    shapes = {shape for network in ("alexnet227", "googlenet") for shape in shapes_of(network)}
    assert len(shapes) > 20
    algorithms = [estimates("forward", FLOAT32, 1, *shape) for shape in shapes]
    assert {a.number for some in algorithms for a in some} >= {0, 2, 4}
    assert any(list(some) == [Algorithm("im2col")] for some in algorithms)


def square(size: int, kernel_size: int, stride: int = 1, groups: int = 1) -> Geometry:
    """Padded so that stride 1 keeps the size."""
    out_size = (size - 1) // stride + 1
    padding = (kernel_size - 1) // 2
    return Geometry(
        (size,) * 2,
        (out_size,) * 2,
        (kernel_size,) * 2,
        (stride,) * 2,
        (padding,) * 2,
        (1, 1),
        groups,
    )


VGG = (256, 256, 3, 3), square(56, 3)
POINTWISE = (256, 512, 1, 1), square(28, 1)
LAST_OF_RESNET = (512, 512, 3, 3), square(7, 3)


@pytest.mark.parametrize("pass_", PASSES)
def test_clear_cases(pass_):
    assert choose(pass_, FLOAT32, 8, *VGG).name == "winograd"
    assert choose(pass_, np.dtype(np.float16), 8, *VGG).name == "winograd"
    assert choose(pass_, FLOAT64, 8, *VGG) == Algorithm("im2col")
    assert choose(pass_, FLOAT32, 8, *POINTWISE) == Algorithm("im2col")
    # one image of 7 * 7 pixels: transforming the filters would take longer than the convolution
    assert choose(pass_, FLOAT32, 1, *LAST_OF_RESNET) == Algorithm("im2col")
    grouped = (256, 4, 3, 3), square(56, 3, groups=64)
    assert choose(pass_, FLOAT32, 8, *grouped).name == "grouped"
    depthwise = (256, 1, 3, 3), square(56, 3, groups=256)
    assert choose(pass_, FLOAT32, 8, *depthwise) == Algorithm("depthwise")
    assert choose(pass_, FLOAT64, 1, (6, 1, 3, 3), square(1, 3, groups=3)).name == "depthwise"


@pytest.mark.parametrize("pass_", PASSES)
def test_the_smallest_estimate_is_chosen(pass_):
    costs = estimates(pass_, FLOAT32, 8, *VGG)
    assert len(costs) > 2 and min(costs.values()) > 0
    assert costs[choose(pass_, FLOAT32, 8, *VGG)] == min(costs.values())


def test_what_is_chosen_is_what_runs(monkeypatch):
    weight_shape, geometry = (8, 6, 3, 3), square(13, 3)
    x, weight, grad = arrays_for(weight_shape, geometry, N=2)
    results = {}
    for setting in ("im2col", "winograd"):
        monkeypatch.setenv("MINICNN_CONV", setting)
        found = {
            "forward": conv.conv2d(x, weight, None, geometry),
            "input_grad": conv.conv2d_input_grad(grad, weight, geometry),
            "weight_grad": conv.conv2d_weight_grad(grad, x, geometry),
        }
        for pass_, result in found.items():
            algorithm = choose(pass_, FLOAT32, 2, weight_shape, geometry)
            assert algorithm.name == setting
            expected = run(algorithm, pass_, x, weight, grad, geometry)
            np.testing.assert_array_equal(result, expected)
        results[setting] = found
    for pass_ in PASSES:  # they round differently
        assert not np.array_equal(results["im2col"][pass_], results["winograd"][pass_])


def test_winograd_where_it_is_possible(monkeypatch):
    monkeypatch.setenv("MINICNN_CONV", "winograd")
    assert choose("forward", FLOAT32, 1, *LAST_OF_RESNET).name == "winograd"
    assert choose("forward", FLOAT32, 1, *POINTWISE).name == "im2col"
    assert choose("forward", FLOAT64, 1, *VGG).name == "im2col"


@pytest.mark.parametrize("setting", ["", "auto"])
def test_automatic_by_default(monkeypatch, setting):
    monkeypatch.delenv("MINICNN_CONV", raising=False)
    expected = choose("forward", FLOAT32, 8, *VGG)
    monkeypatch.setenv("MINICNN_CONV", setting)
    assert choose("forward", FLOAT32, 8, *VGG) == expected


@pytest.mark.parametrize(("name", "value"), [("MINICNN_CONV", "fft"), ("MINICNN_DEBUG", "all")])
def test_unknown_words_in_the_environment(monkeypatch, name, value):
    monkeypatch.setenv(name, value)
    with pytest.raises(ValueError, match=f"{name} must be .*'{value}'"):
        choose("forward", FLOAT32, 8, *VGG)


def test_choices_are_printed_once(monkeypatch, capsys):
    monkeypatch.setenv("MINICNN_DEBUG", "conv")
    weight_shape, geometry = (11, 7, 3, 3), square(17, 3, stride=2)
    for pass_ in ("forward", "forward", "weight_grad"):
        choose(pass_, FLOAT32, 5, weight_shape, geometry)
    printed = capsys.readouterr()
    lines = printed.err.splitlines()
    assert printed.out == "" and len(lines) == 2
    for pass_, line in zip(("forward", "weight_grad"), lines, strict=True):
        assert line.startswith(f"conv2d {pass_} (5, 7, 17, 17) -> 11 filters 3x3, stride (2, 2): ")
        for algorithm in estimates(pass_, FLOAT32, 5, weight_shape, geometry):
            assert f"{algorithm} " in line.partition("multiplications")[2]
    monkeypatch.delenv("MINICNN_DEBUG")
    choose("forward", FLOAT32, 6, weight_shape, geometry)
    assert capsys.readouterr().err == ""
