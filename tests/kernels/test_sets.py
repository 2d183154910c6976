"""The fast kernels and the plain CUDA ones against ``kernels.plain``, over one table of cases.

Fused kernels are compared with the plain kernels that they are made of.
"""

from __future__ import annotations

import functools
import importlib
import math
import re
from types import ModuleType
from typing import Any

import numpy as np
import on_device
import pytest
from kernel_cases import CASES
from kernel_cases.arrays import FLOAT16, FLOAT32, FLOAT64, TIES
from kernel_cases.pool import INDICES, RESNETS
from kernel_runs import assert_close, cast, run

from minicnn import bfloat16
from minicnn.kernels import cpu, plain, tf32


def relu_bias_backward(grad: Any, out: Any, dtype: Any = None) -> tuple[Any, Any]:
    grad = plain.relu_backward(grad, out)
    return grad, plain.channel_sum(grad, dtype)


def max_pool2d_relu(x: Any, g: Any, with_argmax: bool = True) -> tuple[Any, Any]:
    out, argmax = plain.max_pool2d(x, g, with_argmax)
    no_pixel = math.prod(g.kernel_size)
    return plain.relu(out), None if argmax is None else np.where(
        out <= 0, argmax.dtype.type(no_pixel), argmax
    )


def batch_norm_relu(*arguments: Any) -> tuple[Any, Any, Any]:
    out, mean, variance = plain.batch_norm(*arguments)
    return plain.relu(out), mean, variance


def batch_norm_relu_backward(grad: Any, out: Any, *arguments: Any) -> tuple[Any, Any, Any]:
    return plain.batch_norm_backward(plain.relu_backward(grad, out), *arguments)


# Fused kernels made of plain ones, and the kernel whose cases they take.
FUSED = {
    "conv2d_relu": (lambda *arguments: plain.relu(plain.conv2d(*arguments)), "conv2d"),
    "linear_relu": (lambda *arguments: plain.relu(plain.linear(*arguments)), "linear"),
    "max_pool2d_relu": (max_pool2d_relu, "max_pool2d"),
    "batch_norm_relu": (batch_norm_relu, "batch_norm"),
    "batch_norm_relu_backward": (batch_norm_relu_backward, "batch_norm_backward"),
    "channel_affine_relu": (
        lambda *arguments: plain.relu(plain.channel_affine(*arguments)),
        "channel_affine",
    ),
    "relu_bias_backward": (relu_bias_backward, "relu_backward"),
}


def fused_arguments(name: str, arguments: tuple[Any, ...]) -> tuple[Any, ...]:
    """A kernel's arguments as its fused one takes them; ReLU closes some of the results."""
    first, *others = arguments
    if name == "batch_norm_relu_backward":
        return first, np.maximum(first[::-1], 0), *others
    if name == "max_pool2d_relu":  # else hardly a window would be without a positive number
        return first + np.resize([2.0, -2.0], (first.shape[1], 1, 1)), *others
    return arguments


FUSED_CASES = {
    f"{name}: {case}": (name, fused_arguments(name, arguments))
    for name, (_, part) in FUSED.items()
    for case, (function, arguments) in CASES.items()
    if function == part
}


def channels_last(array: np.ndarray) -> np.ndarray:
    return np.moveaxis(np.ascontiguousarray(np.moveaxis(array, 1, -1)), -1, 1)


def unaligned(array: np.ndarray) -> np.ndarray:
    """Channels-last, but not at a multiple of 16 bytes."""
    rows = np.moveaxis(array, 1, -1)
    memory = np.empty(array.size + 1, array.dtype)
    memory[1:] = rows.reshape(-1)
    return np.moveaxis(memory[1:].reshape(rows.shape), -1, 1)


# How results may differ, as a share of the largest: by a rounding.
TOLERANCE = {FLOAT64: 1e-13, FLOAT32: 3e-6, FLOAT16: 2**-10, bfloat16: 2**-7}
DTYPES_AND_LAYOUTS = [
    (FLOAT64, np.ascontiguousarray),
    (FLOAT64, np.asfortranarray),
    (FLOAT32, channels_last),
    (FLOAT32, np.asfortranarray),
    (FLOAT16, channels_last),
    (FLOAT16, np.ascontiguousarray),
    (bfloat16, channels_last),
    (bfloat16, unaligned),
]
# vectors of 16 bits depend on layout and alignment
MORE_ON_A_GPU = [(FLOAT16, unaligned), (bfloat16, np.ascontiguousarray)]
# On a GPU the mask of dropout is its state (cuda/test_dropout.py), several threads of ``unscale`` may
# write the same 1, which the emulated GPU calls a race (test_grad_scaler.py), and products of
# float32 do not become float64.
NOT_ON_A_GPU = re.compile("dropout|unscale|weight_grad, dtype")
# Their results lie in memory as their arguments.
KEEPS_ORDER = re.compile("^relu$|^relu_backward$|^hardtanh|^silu|^gelu|^erf$|^dropout|_step$")
SETS = {
    "cpu": [*CASES, *FUSED_CASES],
    "cuda": [name for name in [*CASES, *FUSED_CASES] if not NOT_ON_A_GPU.search(name)],
    "cuda.plain": [name for name in CASES if not NOT_ON_A_GPU.search(name)],
}
MARKS = {
    "cpu": [pytest.mark.cpu_only, pytest.mark.fast_only],
    "cuda": [pytest.mark.cuda_only],
    "cuda.plain": [pytest.mark.cuda_only],
}


@pytest.fixture(autouse=True)
def exact_products(monkeypatch: pytest.MonkeyPatch) -> None:
    for layer in ("conv", "linear"):
        monkeypatch.setitem(tf32.allow_tf32, layer, False)


@pytest.mark.parametrize(
    "kernels, name",
    [
        pytest.param(kernels, name, marks=MARKS[kernels], id=f"{kernels}-{name}")
        for kernels, names in SETS.items()
        for name in names
    ],
)
@pytest.mark.usefixtures("checked_memory")
def test_other_sets_against_the_plain_one(kernels: str, name: str) -> None:
    check(kernels, name)


def check(kernels: str, name: str) -> None:
    function, arguments = (CASES | FUSED_CASES)[name]
    tested = getattr(importlib.import_module(f"minicnn.kernels.{kernels}"), function)
    expected = FUSED[function][0] if function in FUSED else getattr(plain, function)
    kernel = functools.wraps(tested)(functools.partial(on_device.call, tested))
    further = [] if kernels == "cpu" else MORE_ON_A_GPU
    for dtype, layout in [*DTYPES_AND_LAYOUTS, *further]:
        results = run(kernel, arguments, dtype, layout)
        # wide results of narrow numbers are computed in float32
        computed = {
            each: FLOAT32 if each.itemsize > 2 and dtype != FLOAT64 else dtype for each in TOLERANCE
        }
        tolerance = {each: max(TOLERANCE[each], TOLERANCE[computed[each]]) for each in TOLERANCE}
        # a mask of dropout is drawn in the order of memory
        its_layout = [layout] if function == "dropout" else []
        assert_close(results, run(expected, arguments, dtype, *its_layout), tolerance)
        for result in results:
            if kernels == "cuda.plain" and function.startswith(("conv2d", "max_pool", "avg_pool")):
                assert result is None or result.flags.c_contiguous
            elif (
                kernels != "cuda.plain"
                and np.ndim(result) == 4
                and not KEEPS_ORDER.search(function)
            ):
                assert np.moveaxis(result, 1, -1).flags.c_contiguous


@pytest.mark.cuda_only
@pytest.mark.parametrize("few_threads", [0, 1 << 16])  # vectors even for few windows, or not
@pytest.mark.parametrize("name", [name for name in CASES if name.startswith("avg_pool2d")])
@pytest.mark.usefixtures("checked_memory")
def test_vectors_in_average_pooling(
    monkeypatch: pytest.MonkeyPatch, name: str, few_threads: int
) -> None:
    monkeypatch.setattr("minicnn.kernels.cuda.pool._FEW_THREADS", few_threads)
    check("cuda", name)


# A half-precision copy of a half-precision weight is rounded twice, as it should be; so is the factor
# of dropout, as in torch.
@pytest.mark.cpu_only
@pytest.mark.parametrize("kernels", [plain, cpu], ids=["plain", "cpu"])
@pytest.mark.parametrize(
    "name", [n for n in [*CASES, *FUSED_CASES] if "half copies" not in n and "dropout" not in n]
)
def test_halves_are_computed_in_float32_and_rounded_once(kernels: ModuleType, name: str) -> None:
    function, arguments = (CASES | FUSED_CASES)[name]
    if function not in kernels.__all__:
        pytest.skip("fused kernels are the fast sets' alone")
    kernel = getattr(kernels, function)
    for dtype in FLOAT16, bfloat16:
        results = run(kernel, arguments, dtype)
        halves = cast(cast(arguments, dtype), FLOAT64, of=dtype)
        exact = run(kernel, halves, FLOAT32)
        with np.errstate(over="ignore"):
            rounded = [
                each.astype(result.dtype) if isinstance(each, np.ndarray) else each
                for each, result in zip(exact, results, strict=True)
            ]
        assert_close(results, rounded)


@pytest.mark.cpu_only
@pytest.mark.parametrize(
    "function, arguments",
    [
        ("relu", ()),
        ("im2col", (RESNETS,)),
        ("max_pool2d", (RESNETS,)),
        ("adaptive_max_pool2d", ((4, 3),)),
        ("resize_nearest", ((4, 16), (9 / 4, 0.5))),
        ("plane_gather", (INDICES,)),
    ],
)
def test_integers(function: str, arguments: tuple[Any, ...]) -> None:
    x = TIES.astype(np.int32) + 2
    assert_close(
        run(getattr(cpu, function), (x, *arguments), FLOAT64),
        run(getattr(plain, function), (x, *arguments), FLOAT64),
    )
