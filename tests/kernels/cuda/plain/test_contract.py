"""``kernels.cuda.plain`` has the functions of ``kernels.cuda``, the fused ones aside."""

from __future__ import annotations

import inspect

import pytest

pytest.importorskip("cupy", reason="CuPy is not installed, and kernels.cuda imports it")

from minicnn.kernels import cuda
from minicnn.kernels.cuda import plain

FUSED = {
    "batch_norm_relu",
    "batch_norm_relu_backward",
    "channel_affine_relu",
    "conv2d_relu",
    "linear_relu",
    "max_pool2d_relu",
    "relu_bias_backward",
}


def parameters(function: object) -> list[tuple[str, object, object]]:
    return [(p.name, p.kind, p.default) for p in inspect.signature(function).parameters.values()]


def test_same_functions() -> None:
    assert set(plain.__all__) == set(cuda.__all__) - FUSED


@pytest.mark.parametrize("name", plain.__all__)
def test_same_signature(name: str) -> None:
    assert parameters(getattr(plain, name)) == parameters(getattr(cuda, name))
