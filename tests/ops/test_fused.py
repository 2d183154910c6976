"""Operations with a ReLU at their end, against the two operations one after the other."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as TF
from oracle import assert_close, assert_same

import minicnn
from minicnn.autograd import gradcheck, gradgradcheck
from minicnn.ops.fused import batch_norm_relu, conv2d_relu, linear_relu, max_pool2d_relu

DTYPES = pytest.mark.parametrize("dtype", [np.float64, np.float32])


def normal(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal(shape)


@DTYPES
@pytest.mark.parametrize("bias", [True, False])
def test_conv2d_relu(bias: bool, dtype: Any) -> None:
    options = {"stride": (2, 1), "padding": (1, 2), "groups": 2}
    assert_same(
        lambda x, w, b: conv2d_relu(x, w, b, **options),
        lambda x, w, b: TF.relu(TF.conv2d(x, w, b, **options)),
        [normal(2, 4, 6, 5), normal(6, 2, 3, 2), normal(6) if bias else None],
        dtype,
    )


def test_conv2d_relu_of_one_image() -> None:
    assert_same(
        lambda x, w: conv2d_relu(x, w, padding="same"),
        lambda x, w: TF.relu(TF.conv2d(x, w, padding="same")),
        [normal(4, 6, 5), normal(3, 4, 3, 3)],
    )


@pytest.mark.parametrize("frozen", [(), (0,), (1,), (2,), (0, 1)])
def test_gradients_of_gradients_through_conv2d_relu(frozen: tuple[int, ...]) -> None:
    arrays = [normal(2, 2, 4, 5), normal(3, 2, 2, 3, seed=1), normal(3, seed=2)]
    tensors = [minicnn.tensor(a, requires_grad=i not in frozen) for i, a in enumerate(arrays)]
    assert gradgradcheck(conv2d_relu, tensors)


@pytest.mark.parametrize("bias", [True, False])
def test_linear_relu(bias: bool) -> None:
    arrays = [normal(2, 5, 3), normal(6, 3, seed=1), normal(6, seed=2) if bias else None]
    assert_same(linear_relu, lambda x, w, b: TF.relu(TF.linear(x, w, b)), arrays)
    tensors = [None if a is None else minicnn.tensor(a, requires_grad=True) for a in arrays]
    assert gradcheck(linear_relu, tensors) and gradgradcheck(linear_relu, tensors)
    tensors[1].requires_grad_(False)
    assert gradcheck(linear_relu, tensors) and gradgradcheck(linear_relu, tensors)


POOLS = {
    "overlapping": {"kernel_size": 3, "stride": 2},
    "apart": {"kernel_size": 2},
    "padding": {"kernel_size": (3, 2), "stride": (2, 1), "padding": 1},
    "dilation": {"kernel_size": 2, "stride": 1, "dilation": (2, 1)},
    "ceil_mode": {"kernel_size": 3, "stride": 2, "ceil_mode": True},
}
IMAGES = {
    "normal": lambda x: x,
    "ties": np.round,
    "all negative": lambda x: -np.abs(x),
    "constant": np.ones_like,
}


@pytest.mark.parametrize("options", POOLS.values(), ids=POOLS.keys())
@pytest.mark.parametrize("kind", IMAGES)
def test_max_pool2d_relu(options: Any, kind: str) -> None:
    assert_same(
        lambda x: max_pool2d_relu(x, **options),
        lambda x: TF.max_pool2d(TF.relu(x), **options),
        [IMAGES[kind](normal(2, 3, 8, 7))],
    )


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("shape", [(5, 3), (4, 3, 5), (2, 3, 4, 5), (1, 4, 3, 3)])
@DTYPES
def test_batch_norm_relu(shape: Any, training: bool, dtype: Any) -> None:
    C = shape[1]
    statistics = [normal(C, seed=3).astype(dtype), np.ones(C, dtype)]
    ours = [minicnn.tensor(a) for a in statistics]
    theirs = [torch.tensor(a) for a in statistics]
    assert_same(
        lambda x, w, b: batch_norm_relu(x, *ours, w, b, training),
        lambda x, w, b: TF.relu(TF.batch_norm(x, *theirs, w, b, training)),
        [normal(*shape), normal(C, seed=1), normal(C, seed=2)],
        dtype,
    )
    for our, their in zip(ours, theirs):
        assert_close(our, their, 1e-6, "running statistics")
