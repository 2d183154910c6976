"""Convolution, transposed convolution, unfold and fold against PyTorch."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as TF
from oracle import assert_close, assert_same, channels_last, normal

import minicnn
import minicnn.nn.functional as F
from minicnn.autograd import gradcheck, gradgradcheck
from minicnn.ops.fused import conv2d_relu

# x (N, C, H, W), weight (O, C / groups, KH, KW), options
CONV = {
    "plain": ((2, 3, 8, 9), (4, 3, 3, 3), {}),
    "1x1 kernel": ((2, 3, 5, 6), (4, 3, 1, 1), {}),
    "1x1 image": ((2, 3, 1, 1), (4, 3, 1, 1), {}),
    "1x1 image, padded": ((1, 2, 1, 1), (3, 2, 3, 3), {"padding": 1}),
    "batch of one, one channel": ((1, 1, 6, 5), (1, 1, 2, 3), {}),
    "kernel as large as the image": ((2, 2, 4, 3), (3, 2, 4, 3), {}),
    "non-square everything": (
        (2, 3, 11, 8), (5, 3, 4, 2), {"stride": (3, 2), "padding": (2, 1), "dilation": (1, 3)},
    ),
    "stride that does not divide": ((2, 2, 10, 12), (3, 2, 3, 3), {"stride": 4}),
    "stride above the kernel": ((2, 2, 9, 10), (3, 2, 2, 2), {"stride": 3}),
    "strided 1x1": ((2, 3, 7, 6), (4, 3, 1, 1), {"stride": 2}),
    "first of AlexNet": ((1, 3, 31, 35), (4, 3, 11, 11), {"stride": 4, "padding": 2}),
    "dilated": ((2, 2, 9, 9), (3, 2, 3, 3), {"dilation": 2, "padding": 2}),
    "groups": ((2, 4, 6, 7), (6, 2, 3, 3), {"groups": 2, "padding": 1}),
    "dilated groups": (
        (2, 4, 9, 8), (6, 2, 3, 2), {"groups": 2, "dilation": (2, 3), "stride": (2, 1)},
    ),
    "depthwise": ((2, 3, 7, 6), (6, 1, 3, 3), {"groups": 3, "padding": 1, "stride": 2}),
    "padding above the kernel": ((1, 2, 4, 4), (2, 2, 2, 2), {"padding": 3}),
    "same, odd": ((2, 2, 6, 7), (3, 2, 3, 5), {"padding": "same"}),
    "same, even": ((2, 2, 6, 7), (3, 2, 4, 2), {"padding": "same"}),
    "same, dilated": ((2, 2, 6, 7), (3, 2, 2, 4), {"padding": "same", "dilation": (3, 1)}),
    "valid": ((2, 2, 6, 7), (3, 2, 4, 2), {"padding": "valid"}),
    "one image": ((3, 6, 7), (4, 3, 3, 2), {"padding": 1}),
}  # fmt: skip

# x (N, C, H, W), weight (C, O / groups, KH, KW), options
TRANSPOSED = {
    "plain": ((2, 3, 4, 5), (3, 4, 3, 3), {}),
    "1x1 image": ((1, 3, 1, 1), (3, 2, 3, 2), {}),
    "upsampling by 2": ((2, 3, 4, 5), (3, 2, 4, 4), {"stride": 2, "padding": 1}),
    "output_padding": (
        (2, 3, 4, 5), (3, 2, 3, 3), {"stride": (3, 2), "padding": 1, "output_padding": (2, 1)},
    ),
    "output_padding below dilation": (
        (1, 2, 4, 5), (2, 3, 2, 3), {"dilation": 3, "output_padding": 2},
    ),
    "groups": ((2, 4, 4, 3), (4, 3, 3, 2), {"groups": 2, "stride": 2}),
    "everything": (
        (2, 4, 5, 4), (4, 1, 2, 3),
        {"groups": 4, "stride": (2, 3), "padding": (1, 2), "output_padding": 1, "dilation": 2},
    ),
    "one image": ((3, 4, 5), (3, 2, 3, 3), {"stride": 2}),
}  # fmt: skip

UNFOLD = {
    "plain": ((2, 3, 5, 6), {"kernel_size": (2, 3)}),
    "everything": (
        (2, 2, 9, 8), {"kernel_size": (3, 2), "dilation": (2, 1), "padding": (1, 2), "stride": (3, 2)},
    ),
    "one image": ((3, 5, 6), {"kernel_size": 3, "padding": 1}),
}  # fmt: skip


def table(rows: dict[str, Any]) -> Any:
    return pytest.mark.parametrize("row", rows.values(), ids=rows.keys())


@pytest.mark.filterwarnings("ignore:Using padding='same'")  # torch's, about its own copies
@table(CONV)
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("layout", [np.ascontiguousarray, channels_last])
def test_conv2d(row: Any, dtype: Any, layout: Any) -> None:
    x_shape, weight_shape, options = row
    x = normal(*x_shape)
    arrays = [layout(x) if x.ndim == 4 else x, normal(*weight_shape), normal(weight_shape[0])]
    assert_same(
        lambda x, w, b: F.conv2d(x, w, b, **options),
        lambda x, w, b: TF.conv2d(x, w, b, **options),
        arrays,
        dtype,
    )


@table(TRANSPOSED)
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_conv_transpose2d(row: Any, dtype: Any) -> None:
    x_shape, weight_shape, options = row
    out_channels = weight_shape[1] * options.get("groups", 1)
    assert_same(
        lambda x, w, b: F.conv_transpose2d(x, w, b, **options),
        lambda x, w, b: TF.conv_transpose2d(x, w, b, **options),
        [normal(*x_shape), normal(*weight_shape), normal(out_channels)],
        dtype,
    )


@pytest.mark.parametrize("transposed", [False, True])
def test_without_bias(transposed: bool) -> None:
    ours, theirs = (
        (F.conv_transpose2d, TF.conv_transpose2d) if transposed else (F.conv2d, TF.conv2d)
    )
    assert_same(ours, theirs, [normal(2, 3, 5, 6), normal(3, 3, 2, 3)])


def test_conv2d_of_views() -> None:
    def network(f: Any) -> Any:
        return lambda x, w: f(x[:, ::2, 1:, ::3], w.permute(1, 0, 3, 2))

    assert_same(network(F.conv2d), network(TF.conv2d), [normal(2, 5, 6, 16), normal(3, 4, 2, 3)])


def test_tensors_used_twice() -> None:
    def network(f: Any) -> Any:
        return lambda x, w: f(f(x, w, None, 1, 1), w, None, 2) + f(x, w, None, 2, 1)[:, :, :3, :3]

    assert_same(network(F.conv2d), network(TF.conv2d), [normal(2, 3, 7, 8), normal(3, 3, 3, 3)])


@pytest.mark.parametrize("frozen", [0, 1, 2])
def test_only_gradients_that_are_asked_for(frozen: int) -> None:
    tensors = [
        minicnn.tensor(a, requires_grad=i != frozen)
        for i, a in enumerate([normal(1, 2, 4, 4), normal(3, 2, 2, 2), normal(3)])
    ]
    F.conv2d(*tensors).sum().backward()
    assert [t.grad is None for t in tensors] == [i == frozen for i in range(3)]


@pytest.mark.parametrize("check", [gradcheck, gradgradcheck])
@pytest.mark.parametrize(
    "options", [{}, {"stride": (2, 1), "padding": (1, 2), "dilation": (1, 2), "groups": 2}]
)
def test_differences(check: Any, options: Any) -> None:
    groups = options.get("groups", 1)
    x, bias = (minicnn.tensor(normal(*s), requires_grad=True) for s in ((1, 2, 4, 5), (2,)))
    weight = minicnn.tensor(normal(2, 2 // groups, 2, 3), requires_grad=True)
    assert check(lambda x, w, b: F.conv2d(x, w, b, **options), (x, weight, bias))
    assert check(lambda x, w, b: F.conv_transpose2d(x, w, b, **options), (x, weight, bias))


def test_third_derivatives() -> None:
    def network(xp: Any, f: Any) -> Any:
        def third(x: Any, w: Any) -> Any:
            first = xp.autograd.grad((f(x, w) ** 3).sum(), w, create_graph=True)[0]
            return xp.autograd.grad((first**2).sum(), x, create_graph=True)[0]

        return third

    arrays = [normal(1, 2, 5, 4), normal(2, 2, 3, 2)]
    assert_same(network(minicnn, F.conv2d), network(torch, TF.conv2d), arrays)


@table(UNFOLD)
def test_unfold_and_fold(row: Any) -> None:
    shape, options = row
    assert_same(
        lambda x: F.unfold(x, **options), lambda x: TF.unfold(x, **options), [normal(*shape)]
    )
    columns = normal(*TF.unfold(torch.zeros(shape), **options).shape)
    assert_same(
        lambda x: F.fold(x, shape[-2:], **options),
        lambda x: TF.fold(x, shape[-2:], **options),
        [columns],
    )
    x = minicnn.tensor(normal(1, 1, 4, 5), requires_grad=True)
    assert gradgradcheck(lambda x: F.unfold(x, 2, padding=1) ** 2, (x,))


X, W = (2, 3, 5, 5), (4, 3, 3, 3)
ERRORS = [
    ("conv2d", X, (4, 2, 3, 3), {}, "conv2d expects 2 channels"),
    ("conv2d", X, (4, 3, 6, 3), {}, "the output would be 0 x 3"),
    ("conv2d", X, (4, 3, 3, 3), {"dilation": 3}, "5 x 5 with kernel_size"),
    ("conv2d", (5, 5), W, {}, r"expects an input of shape \(N, C, H, W\)"),
    ("conv2d", X, (4, 3, 3), {}, "weight of 4 dimensions"),
    ("conv2d", X, W, {"stride": 0}, "stride must be at least 1, got 0"),
    ("conv2d", X, W, {"padding": -1}, "padding must be at least 0, got -1"),
    ("conv2d", X, W, {"padding": (1, 2, 3)}, "padding must be one integer or two"),
    ("conv2d", X, W, {"padding": "full"}, "'same', 'valid' or integers, got 'full'"),
    ("conv2d", X, W, {"padding": "same", "stride": 2}, "needs a stride of 1, got 2"),
    ("conv2d", X, (4, 3, 3, 3), {"groups": 0}, "groups must be at least 1, got 0"),
    ("conv2d", (2, 6, 5, 5), (4, 2, 3, 3), {"groups": 3}, "groups=3 must divide the 4"),
    ("conv2d", X, (0, 3, 3, 3), {}, r"filters that are not empty, got \(0, 3, 3, 3\)"),
    ("conv2d", X, (4, 3, 0, 3), {}, r"filters that are not empty, got \(4, 3, 0, 3\)"),
    ("conv2d", (2, 3, 0, 5), W, {"padding": "same"}, r"inputs that are not empty, got \(2, 3, 0"),
    ("conv_transpose2d", (2, 4, 5, 0), W, {}, r"inputs that are not empty, got \(2, 4, 5, 0\)"),
    ("conv_transpose2d", (2, 4, 5, 5), (4, 0, 3, 3), {}, "filters that are not empty"),
    ("conv2d", X, W, {"bias": 3}, r"bias of shape \(4,\), got \(3,\)"),
    ("conv_transpose2d", X, W, {}, "conv_transpose2d expects 4 channels"),
    ("conv_transpose2d", (2, 4, 5, 5), W, {"bias": 4}, r"bias of shape \(3,\), got \(4,\)"),
    ("conv_transpose2d", (2, 4, 5, 5), W, {"output_padding": 1}, "smaller than stride or dilation"),
    ("conv_transpose2d", (2, 4, 5, 5), W, {"groups": 3}, "groups=3 must divide the 4"),
    ("conv_transpose2d", (2, 4, 1, 1), W, {"padding": 2}, "the output would be -1 x -1"),
]


@pytest.mark.parametrize("name, x, weight, options, message", ERRORS)
def test_errors(name: str, x: Any, weight: Any, options: Any, message: str) -> None:
    options = dict(options)
    bias = options.pop("bias", None)

    def call(functional: Any, zeros: Any) -> None:
        tensors = (zeros(x), zeros(weight), None if bias is None else zeros((bias,)))
        getattr(functional, name)(*tensors, **options)

    with pytest.raises(RuntimeError):
        call(TF, torch.zeros)
    with pytest.raises(RuntimeError, match=message):
        call(F, minicnn.zeros)


@pytest.mark.parametrize("options", [{}, {"stride": 2}, {"padding": 1}])
@pytest.mark.parametrize("shape, channels", [((0, 4, 5, 6), 4), ((2, 0, 5, 6), 0)])
def test_no_images_and_no_channels(shape: Any, channels: int, options: Any) -> None:
    """A sum over no channels is 0, so that the bias is left. (torch then has no output channels.)"""
    x, bias = minicnn.zeros(shape).requires_grad_(), minicnn.ones(6).requires_grad_()
    weight = minicnn.zeros(6, channels, 3, 3).requires_grad_()
    for f in F.conv2d, conv2d_relu:
        out = f(x, weight, bias, **options)
        assert (out.detach().cpu().numpy() == 1).all()
        found = minicnn.autograd.grad(out.sum(), [x, weight, bias])
        assert [g.shape for g in found] == [x.shape, weight.shape, bias.shape]
        assert not found[0].any() and not found[1].any()
        assert (found[2].cpu().numpy() == out.numel() / 6).all()


@pytest.mark.parametrize("layout", ["fortran", "flipped", "gaps"])
@pytest.mark.parametrize("options", [{"padding": 1}, {"stride": 2}, {"dilation": 2}])
@pytest.mark.parametrize("name", ["conv2d", "conv_transpose2d"])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_memory_orders(name: str, options: Any, layout: str, dtype: Any) -> None:
    x, weight = normal(2, 4, 9, 8).astype(dtype), normal(4, 4, 3, 3, seed=1).astype(dtype)
    views = {
        "fortran": np.asfortranarray,
        "flipped": lambda a: a[:, ::-1, :, ::-1].copy()[:, ::-1, :, ::-1],
        "gaps": lambda a: np.repeat(a, 2, axis=3)[..., ::2],
    }
    view = minicnn.from_numpy(views[layout](x)).to(minicnn.zeros(1).device)
    ours = getattr(F, name)(view, minicnn.tensor(weight), **options)
    theirs = getattr(TF, name)(torch.tensor(x), torch.tensor(weight), **options)
    assert_close(ours, theirs, 1e-10 if dtype == np.float64 else 2e-5)


def test_one_dtype() -> None:
    with pytest.raises(RuntimeError, match="one dtype, got float64, float32"):
        F.conv2d(minicnn.zeros(X, dtype=minicnn.float64), minicnn.zeros(W))


@pytest.mark.parametrize(
    "name, shape, arguments",
    [
        ("unfold", (2, 0, 4, 4), (2,)),
        ("unfold", (2, 3, 0, 4), (2, 1, 1)),
        ("unfold", (0, 4, 4), (2,)),
        ("fold", (2, 0, 9), (4, 2)),
        ("fold", (9,), (4, 2)),
    ],
)
def test_unfold_and_fold_need_channels_and_pixels(name: str, shape: Any, arguments: Any) -> None:
    with pytest.raises(RuntimeError):
        getattr(TF, name)(torch.zeros(shape), *arguments)
    with pytest.raises(RuntimeError, match=f"{name} expects .* channels, got"):
        getattr(F, name)(minicnn.zeros(shape), *arguments)


def test_unfold_and_fold_no_images() -> None:
    assert_same(lambda x: F.unfold(x, 2), lambda x: TF.unfold(x, 2), [normal(0, 3, 4, 4)])
    assert_same(lambda x: F.fold(x, 4, 2), lambda x: TF.fold(x, 4, 2), [normal(0, 12, 9)])


def test_fold_expects_its_number_of_windows() -> None:
    with pytest.raises(RuntimeError, match=r"\(N, C \* 4, 16\).*got \(2, 4, 15\)"):
        F.fold(minicnn.zeros(2, 4, 15), 5, 2)
    with pytest.raises(RuntimeError, match=r"got \(2, 5, 16\)"):
        F.fold(minicnn.zeros(2, 5, 16), 5, 2)


def test_an_array_is_no_weight() -> None:
    with pytest.raises(TypeError, match="conv2d expects tensors, got a weight of type ndarray"):
        F.conv2d(minicnn.zeros(1, 2, 3, 3), np.zeros((4, 2, 3, 3), np.float32))
