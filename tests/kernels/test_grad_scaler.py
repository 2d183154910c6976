"""The kernels of loss scaling against PyTorch's, and what they leave alone."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

import minicnn
from minicnn import bfloat16, float16, float32, float64, kernels

LAYOUTS = {
    "dense": lambda a: a.copy(),
    "channels-last": lambda a: a.transpose(0, 2, 3, 1).copy().transpose(0, 3, 1, 2),
    "every second": lambda a: np.repeat(a, 2, axis=2)[:, :, ::2],
}


def scalar(value: float, dtype: Any = float32) -> Any:
    return minicnn.tensor(value, dtype=dtype).array


def number(array: Any) -> float:
    return minicnn.Tensor.of(array).item()


def assert_equal(tensor: Any, array: np.ndarray) -> None:
    wanted = array.astype(tensor.dtype).astype(np.float64)  # where NaN equals NaN, even bfloat16's
    np.testing.assert_array_equal(tensor.numpy_copy().astype(np.float64), wanted)


@pytest.mark.parametrize("layout", LAYOUTS.values(), ids=LAYOUTS)
@pytest.mark.parametrize("dtype", [float16, bfloat16, float32, float64], ids=str)
@pytest.mark.parametrize("value", [1.0, np.inf, -np.inf, np.nan])
def test_unscale(layout: Any, dtype: Any, value: float) -> None:
    first, second = np.random.default_rng(0).standard_normal((2, 3, 4, 5, 6)).astype(dtype)
    second[2, 3, 4, 5] = value
    grads = [minicnn.Tensor.of(minicnn.tensor(layout(a)).array) for a in (first, second)]
    step = kernels.of(grads[0].array).unscale_step

    found_inf = scalar(0.0)
    step([g.array for g in grads], None, found_inf)
    assert number(found_inf) == (not np.isfinite(value))
    for grad, array in zip(grads, (first, second)):
        assert_equal(grad, array)  # only looked at

    step([g.array for g in grads[:1]], scalar(0.25), found_inf)
    assert number(found_inf) == (not np.isfinite(value))  # it stays once it is set
    step([g.array for g in grads[1:]], scalar(0.25), found_inf)
    for grad, array in zip(grads, (first, second)):
        assert grad.dtype == dtype
        assert_equal(grad, array * np.float32(0.25))


def test_unscale_of_more_than_a_block_and_of_nothing() -> None:
    found_inf = scalar(0.0)
    grads = [minicnn.zeros(0, 3), minicnn.ones(2**17 + 5), minicnn.tensor(3.0)]
    kernels.of(found_inf).unscale_step([g.array for g in grads], scalar(2.0), found_inf)
    assert number(found_inf) == 0 and grads[2].item() == 6
    assert (grads[1].numpy_copy() == 2).all()
    grads[1][-1] = np.inf
    kernels.of(found_inf).unscale_step([g.array for g in grads], None, found_inf)
    assert number(found_inf) == 1


@pytest.mark.parametrize("start", [1.0, 2.0**16, 2.0**127])
def test_update_scale_as_torch(start: float) -> None:
    ours = scalar(start), scalar(1 / start), scalar(0, minicnn.int32)
    theirs = torch.tensor(start), torch.tensor(0, dtype=torch.int32)
    update = kernels.of(ours[0]).update_scale_step
    for found in 0, 0, 0, 0, 1, 0, 2, 1, 0, 0, 0, 1:
        update(*ours, scalar(float(found)), 2.5, 0.25, 3)
        torch._amp_update_scale_(*theirs, torch.tensor(float(found)), 2.5, 0.25, 3)
        assert number(ours[0]) == theirs[0].item() and number(ours[2]) == theirs[1].item()
        np.testing.assert_allclose(number(ours[1]), 1 / theirs[0].item(), 1e-6)
