"""Arithmetic of large arrays, which the CPU's kernels share among threads."""

import operator

import numpy as np
import pytest

from minicnn.kernels.cpu.runtime import arithmetic

pytestmark = [pytest.mark.cpu_only, pytest.mark.fast_only]

FUNCTIONS = [operator.add, operator.sub, operator.mul, operator.truediv, operator.pow]


def normal(*shape, dtype=np.float32):
    return np.abs(np.random.default_rng(sum(shape)).standard_normal(shape)).astype(dtype)


def channels_last(*shape, dtype=np.float32):
    N, C, H, W = shape
    return normal(N, H, W, C, dtype=dtype).transpose(0, 3, 1, 2)


IMAGES = channels_last(3, 5, 7, 4)
OPERANDS = {
    "one layout": (IMAGES, channels_last(3, 5, 7, 4) + 1),
    "several blocks": (normal(3, 300, 301), normal(3, 300, 301) + 1),
    "two layouts": (IMAGES, normal(3, 5, 7, 4)),
    "not dense": (IMAGES[:, ::2], IMAGES[:, 1:4]),
    "a factor for each channel and image": (IMAGES, normal(3, 5, 1, 1)),
    "which comes first": (normal(3, 5, 1, 1), IMAGES),
    "for each channel": (IMAGES, normal(1, 5, 1, 1)),
    "for each image": (IMAGES, normal(3, 1, 1, 1)),
    "of images in C order": (normal(3, 5, 7, 4), normal(3, 5, 1, 1)),
    "float64": (channels_last(2, 3, 4, 5, dtype=np.float64), normal(2, 3, 1, 1, dtype=np.float64)),
    "integers": (np.arange(60).reshape(3, 4, 5), np.arange(1, 61).reshape(3, 4, 5)),
}


@pytest.mark.parametrize("function", FUNCTIONS)
@pytest.mark.parametrize("name", OPERANDS)
def test_results_and_layouts_are_numpys(name, function):
    x, y = OPERANDS[name]
    if x.dtype.kind == "i" and function is operator.pow:
        x, y = x % 3, y % 3
    expected = function(x, y)
    result = arithmetic.large(function, x, y)
    np.testing.assert_array_equal(result, expected)
    assert result.dtype == expected.dtype
    if name != "not dense":  # where NumPy's result is dense, too
        assert result.strides == expected.strides


def test_tensors_take_it_from_some_size_on(monkeypatch):
    import minicnn as mc
    from minicnn.ops import promotion

    calls = []

    def large(function, x, y):
        calls.append(x.shape)
        return function(x, y)

    monkeypatch.setattr(promotion, "large", large)
    monkeypatch.setattr(promotion, "LARGE", 8)
    mc.ones(2, 2, 2) + mc.ones(2, 2, 2)
    with mc.backends.use_kernels("plain"):
        mc.ones(3, 3, 3) + mc.ones(3, 3, 3)
    assert not calls
    mc.ones(1, 1, 1) * mc.ones(3, 3, 3)
    assert calls == [(1, 1, 1)]
