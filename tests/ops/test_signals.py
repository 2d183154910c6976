"""Convolution and pooling of signals, unpooling and p-norms, against torch's."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as TF
from oracle import assert_agrees, assert_same, distinct, normal

import minicnn as mc
import minicnn.nn.functional as F
from minicnn.autograd import gradcheck, gradgradcheck


def functions(library: Any) -> Any:
    return library.nn.functional


CONVOLUTIONS = [
    {},
    {"stride": 2, "padding": 3},
    {"padding": "same", "dilation": 2},
    {"padding": (1,), "groups": 2},
]


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("options", CONVOLUTIONS)
def test_conv1d(options: dict[str, Any], dtype: Any) -> None:
    groups = options.get("groups", 1)
    arrays = [normal(2, 4, 11), normal(6, 4 // groups, 4, seed=1), normal(6, seed=2)]

    def ours(*args: Any) -> Any:
        return F.conv1d(*args, **options)

    assert_same(ours, lambda *args: TF.conv1d(*args, **options), arrays, dtype)
    arrays[0] = arrays[0][0]
    assert_same(ours, lambda *args: TF.conv1d(*args, **options), arrays, dtype)


@pytest.mark.parametrize(
    "options", [{}, {"stride": 3, "output_padding": 2, "padding": 1}, {"groups": 2, "dilation": 2}]
)
def test_conv_transpose1d(options: dict[str, Any]) -> None:
    arrays = [normal(2, 4, 5), normal(4, 3, 4, seed=1), normal(3 * options.get("groups", 1))]
    assert_same(
        lambda *args: F.conv_transpose1d(*args, **options),
        lambda *args: TF.conv_transpose1d(*args, **options),
        arrays,
    )


def test_second_gradients() -> None:
    tensors = [mc.tensor(a, requires_grad=True) for a in (normal(1, 2, 6), normal(3, 2, 3))]
    assert gradgradcheck(lambda x, w: F.conv1d(x, w, padding=1), tensors)
    (x,) = images = [mc.tensor(distinct(1, 2, 6), requires_grad=True)]
    for call in (
        lambda x: F.max_pool1d(x, 2),
        lambda x: F.avg_pool1d(x, 3, 1, 1),
        lambda x: F.lp_pool1d(x, 2, 2),
        lambda x: F.instance_norm(x),
        lambda x: F.rms_norm(x, (6,)),
    ):
        assert gradcheck(call, images) and gradgradcheck(call, images)
    _, indices = F.max_pool1d(x, 2, return_indices=True)
    values = [mc.tensor(normal(1, 2, 3), requires_grad=True)]
    assert gradgradcheck(lambda v: F.max_unpool1d(v, indices, 2), values)


POOLINGS: dict[str, Callable[[Any, Any], Any]] = {
    "max": lambda f, x: f.max_pool1d(x, 3, 2, 1, ceil_mode=True, return_indices=True),
    "max dilated": lambda f, x: f.max_pool1d(x, 2, 1, 0, 3),
    "mean": lambda f, x: f.avg_pool1d(x, 3, 2, 1, ceil_mode=True, count_include_pad=False),
    "adaptive mean": lambda f, x: f.adaptive_avg_pool1d(x, 4),
    "adaptive max": lambda f, x: f.adaptive_max_pool1d(x, 4, return_indices=True),
    "norm": lambda f, x: f.lp_pool1d(x, 3, 2),
    "largest": lambda f, x: f.lp_pool1d(x, float("inf"), 2),
    "smallest": lambda f, x: f.lp_pool1d(x, float("-inf"), 2),
}


@pytest.mark.parametrize("shape", [(2, 3, 10), (3, 10)])
@pytest.mark.parametrize("name", POOLINGS)
def test_pooling(name: str, shape: tuple[int, ...]) -> None:
    call = POOLINGS[name]
    x = abs(distinct(*shape)) if name == "norm" else distinct(*shape)
    assert_agrees(lambda lib, x: call(functions(lib), x), x)


@pytest.mark.parametrize("size", [None, (7,), (2, 3, 8)])
def test_max_unpool1d(size: Any) -> None:
    x = distinct(2, 3, 8 if size is None else size[-1])

    def back(lib: Any, x: Any) -> Any:
        values, indices = functions(lib).max_pool1d(x, 2, return_indices=True)
        return functions(lib).max_unpool1d(values, indices, 2, output_size=size)

    assert_agrees(back, x)


def test_max_unpool2d() -> None:
    def back(lib: Any, x: Any, size: Any = None) -> Any:
        values, indices = functions(lib).max_pool2d(x, 2, return_indices=True)
        return functions(lib).max_unpool2d(values, indices, 2, output_size=size)

    assert_agrees(back, distinct(2, 3, 6, 4))
    assert_agrees(back, distinct(3, 6, 4))
    assert_agrees(lambda lib, x: back(lib, x, (7, 5)), distinct(2, 3, 7, 5))
    assert_agrees(lambda lib, x: back(lib, x, (9, 5)), distinct(2, 3, 7, 5))


ERRORS: list[tuple[str, Callable[[], Any]]] = [
    (r"conv1d expects 4 channels .* got input of shape \(2, 3, 9\)",
     lambda: F.conv1d(mc.ones(2, 3, 9), mc.ones(5, 4, 3))),
    (r"conv1d expects an input of shape \(N, C, L\) or \(C, L\), got \(9,\)",
     lambda: F.conv1d(mc.ones(9), mc.ones(5, 4, 3))),
    (r"conv1d expects a weight of 3 dimensions", lambda: F.conv1d(mc.ones(2, 3, 9), mc.ones(5, 3))),
    (r"stride must be one integer, got \(1, 2\)",
     lambda: F.conv1d(mc.ones(2, 3, 9), mc.ones(5, 3, 3), stride=(1, 2))),
    (r"conv_transpose1d expects 4 channels",
     lambda: F.conv_transpose1d(mc.ones(2, 3, 9), mc.ones(4, 5, 3))),
    (r"max_pool1d expects an input of shape", lambda: F.max_pool1d(mc.ones(2, 3, 4, 5), 2)),
    (r"max_unpool2d expects int64 indices of shape",
     lambda: F.max_unpool2d(mc.ones(1, 1, 2, 2), mc.zeros(1, 1, 2, 2), 2)),
]  # fmt: skip


@pytest.mark.parametrize(("message", "call"), ERRORS, ids=[m[:30] for m, _ in ERRORS])
def test_errors(message: str, call: Callable[[], Any]) -> None:
    with pytest.raises(RuntimeError, match=message):
        call()


def test_indices_outside_the_output() -> None:
    if mc.get_default_device().type != "cpu":
        pytest.skip("indices are checked on the CPU alone")
    with pytest.raises(RuntimeError, match=r"indices in \[0, 15\]"):
        F.max_unpool2d(mc.ones(1, 1, 2, 2), mc.full((1, 1, 2, 2), 16, dtype=mc.int64), 2)


@pytest.mark.parametrize("lib", [mc, torch], ids=["minicnn", "torch"])
def test_functions_of_torch_itself(lib: Any) -> None:
    """Their arguments are ordered otherwise than those of ``nn.functional``."""
    x, ones, zeros = lib.rand(2, 4, 6), lib.ones(4), lib.zeros(4)
    images = lib.rand(2, 4, 6, 6)
    f = lib.nn.functional
    assert lib.batch_norm(x, ones, zeros, zeros, ones, False, 0.1, 1e-5, True).tolist() == (
        f.batch_norm(x, zeros, ones, ones, zeros, False, 0.1, 1e-5).tolist()
    )
    assert lib.instance_norm(x, ones, zeros, None, None, True, 0.1, 1e-5, True).tolist() == (
        f.instance_norm(x, None, None, ones, zeros).tolist()
    )
    assert lib.group_norm(x, 2, ones, zeros, 1e-5, True).shape == x.shape
    assert lib.layer_norm(x, (6,), None, None, 1e-5, False).shape == x.shape
    assert lib.max_pool1d(x, 2).tolist() == f.max_pool1d(x, 2).tolist()
    assert lib.max_pool2d(images, 2).tolist() == f.max_pool2d(images, 2).tolist()
    for pairs in (
        (lib.adaptive_max_pool1d(x, 3), f.adaptive_max_pool1d(x, 3, return_indices=True)),
        (lib.max_pool1d_with_indices(x, 2), f.max_pool1d(x, 2, return_indices=True)),
        (f.max_pool2d_with_indices(images, 2), f.max_pool2d(images, 2, return_indices=True)),
        (
            f.adaptive_max_pool2d_with_indices(images, 3),
            f.adaptive_max_pool2d(images, 3, return_indices=True),
        ),
    ):
        for one, other in zip(*pairs, strict=True):
            assert one.tolist() == other.tolist()
    grid = lib.affine_grid_generator(lib.ones(2, 2, 3), (2, 4, 3, 3), False)
    assert lib.grid_sampler(images, grid, 0, 1, False).tolist() == (
        f.grid_sample(images, grid, "bilinear", "border", align_corners=False).tolist()
    )
