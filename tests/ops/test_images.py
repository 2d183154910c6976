"""What normalize_crops refuses; its numbers are tested with the kernels and with the loaders."""

from __future__ import annotations

import numpy as np
import pytest

import minicnn as mc
from minicnn.ops.images import normalize_crops

MEAN, STD = (0.5, 0.4, 0.3), (0.2, 0.3, 0.4)


def arguments(device, **changed):
    given = {
        "pixels": mc.zeros(60, dtype=mc.uint8, device=device),
        "crops": mc.tensor([[0, 15, 0]], device=device),
        "size": (2, 4),
        "mean": MEAN,
        "std": STD,
    }
    return given | changed


@pytest.fixture
def device(request):
    return request.config.getoption("device").partition("-")[0]


@pytest.mark.parametrize(
    ("changed", "error", "message"),
    [
        ({"pixels": mc.zeros(60)}, TypeError, "pixels must be a tensor of uint8, got float32"),
        ({"crops": mc.zeros(1, 3)}, TypeError, "crops must be a tensor of int64, got float32"),
        ({"crops": mc.tensor([[0, 15]])}, ValueError, r"crops \(N, 3\), got \(60,\) and \(1, 2\)"),
        ({"std": (1.0,)}, ValueError, "mean and std must have a value for each channel"),
    ],
)
def test_arguments(device, changed, error, message):
    with pytest.raises(error, match=message):
        normalize_crops(**arguments(device, **changed))


@pytest.mark.cpu_only
@pytest.mark.fast_only
@pytest.mark.parametrize("first", [-1, 34])
def test_a_crop_outside(first):
    crops = mc.tensor([[0, 15, 0], [first, 15, 0]])
    with pytest.raises(IndexError, match=f"must lie in the 60 bytes, got {first} to {first + 27}"):
        normalize_crops(**arguments("cpu", crops=crops))


@pytest.mark.cpu_only
def test_results_have_no_gradient_and_the_dtype_that_is_asked_for():
    out = normalize_crops(**arguments("cpu", dtype=mc.float16))
    assert (tuple(out.shape), out.dtype, out.requires_grad) == ((1, 3, 2, 4), mc.float16, False)
    expected = -np.array(MEAN, np.float32) / np.array(STD, np.float32)
    np.testing.assert_array_equal(out.numpy()[0, :, 1, 3], expected.astype(np.float16))
