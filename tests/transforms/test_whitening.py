from __future__ import annotations

import numpy as np
import pytest
import torch

from minicnn import transforms as T
from minicnn.tensor import Tensor


def test_linear_transformation(torchvision):
    rng = np.random.default_rng(0)
    matrix, mean = rng.random((12, 12), np.float32), rng.random(12, np.float32)
    images = rng.random((5, 3, 2, 2), np.float32)
    theirs = torchvision.LinearTransformation(torch.from_numpy(matrix), torch.from_numpy(mean))
    ours = T.LinearTransformation(Tensor.of(matrix), Tensor.of(mean))
    np.testing.assert_allclose(
        ours(Tensor.of(images)).numpy(), theirs(torch.from_numpy(images)).numpy(), rtol=1e-5
    )
    assert repr(ours) == repr(theirs)
    with pytest.raises(ValueError, match=r"expects 12 pixels and channels, got shape \(5, 3, 2\)"):
        ours(Tensor.of(images[0, ..., 0][None].repeat(5, 0)))


@pytest.mark.parametrize(
    ("matrix", "mean", "message"),
    [
        (np.zeros((3, 4)), np.zeros(3), r"must be \(3, 3\) for a mean_vector of 3, got \(3, 4\)"),
        (np.zeros((4, 4)), np.zeros(3), r"must be \(3, 3\) for a mean_vector of 3, got \(4, 4\)"),
        (np.zeros((3, 3)), np.zeros(3, np.float32), "the same dtype, got torch.float64 and"),
    ],
)
def test_linear_transformation_rejects(matrix, mean, message):
    with pytest.raises(ValueError, match=message):
        T.LinearTransformation(Tensor.of(matrix), Tensor.of(mean))
