"""Every kernel once in the checked build, on shapes that do not fit its blocks, against plain NumPy.

The emulated GPU then looks up every access to memory, and looks for races. A kernel or a function
that is not called here is reported.
"""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import importlib
import math
import os
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import on_device
import philox
import pytest
from kernel_cases.images import CROPS, PIXELS

import minicnn
from minicnn import backends
from minicnn.kernels import Geometry, plain

pytest.importorskip("cupy", reason="neither CuPy nor its stand-in is here")
pytestmark = pytest.mark.emulated_only

FLOATS = ["float32", "float64"]
HALVES = ["float16", "bfloat16"]
TOLERANCE = {"float16": 4e-3, "bfloat16": 3e-2, "float32": 1e-5, "float64": 1e-12}
TF32_TOLERANCE = 4e-3

CONV = Geometry((7, 6), (4, 2), (3, 2), (2, 3), (1, 0), (1, 1))
DILATED = Geometry((9, 8), (5, 6), (3, 2), (1, 1), (0, 0), (2, 2))
POINT = Geometry((3, 5), (3, 5), (1, 1))
GROUPED = dataclasses.replace(CONV, groups=3)
DEPTHWISE = dataclasses.replace(CONV, groups=8)
MULTIPLIED = Geometry((5, 6), (4, 7), (3, 2), (1, 1), (1, 2), (2, 3), groups=3)
POOL = Geometry((7, 6), (4, 3), (3, 3), (2, 2), (1, 1))
LARGE_POOL = Geometry((20, 19), (20, 5), (17, 16), (1, 2), (8, 3))
TARGET = np.array([1, 4, -100, 0, 2])


class Arrays:
    """Draws arrays of one dtype, the same ones for each device."""

    def __init__(self, dtype: str) -> None:
        self.dtype = minicnn.bfloat16 if dtype == "bfloat16" else np.dtype(dtype)
        self.sums = np.dtype(np.float64 if dtype == "float64" else np.float32)
        self.half = minicnn.bfloat16 if dtype == "bfloat16" else np.dtype(np.float16)
        self._rng = np.random.default_rng(0)

    def __call__(self, *shape: int, dtype: Any = None) -> np.ndarray:
        return self._rng.standard_normal(shape).astype(dtype or self.dtype)

    def several(self, dtype: Any = None, positive: bool = False) -> list[np.ndarray]:
        """Of several blocks, of less than one, and of nothing."""
        arrays = [self(*shape, dtype=dtype) for shape in ((8195,), (3, 5), (2, 3, 4, 1), (0, 2))]
        return [np.abs(array) for array in arrays] if positive else arrays


Case = Callable[[Any, Arrays], Any]  # of the kernels of a device and arrays, to results


def conv2d(k: Any, a: Arrays) -> list[Any]:
    results = []
    for N, C, O, geometry in ((2, 5, 7, CONV), (2, 6, 9, GROUPED), (1, 3, 4, DILATED),
                              (2, 8, 16, POINT), (0, 5, 7, CONV), (2, 8, 8, DEPTHWISE),
                              (1, 3, 6, MULTIPLIED), (0, 8, 8, DEPTHWISE)):  # fmt: skip
        Cg, (KH, KW) = C // geometry.groups, geometry.kernel_size
        x, weight = a(N, C, *geometry.input_size), a(O, Cg, KH, KW)
        grad, bias = a(N, O, *geometry.output_size), a(O)
        results += [
            k.conv2d(x, weight, bias, geometry),
            k.conv2d_relu(x, weight, None, geometry),
            k.conv2d_relu(x, weight, a(O, dtype=np.float32), geometry)
            if a.dtype != np.float64
            else bias,
            k.conv2d_input_grad(grad, weight, geometry),
            *k.conv2d_input_grad_relu(grad, weight, x, geometry, a.sums),
            k.conv2d_weight_grad(grad, x, geometry),
            k.conv2d_weight_grad(grad, x, geometry, np.dtype(np.float32)),
        ]
    return results


def linear(k: Any, a: Arrays) -> list[Any]:
    results = []
    for M, K, N in ((3, 5, 7), (2, 1031, 6), (0, 3, 2)):
        x, weight, bias, grad = a(M, K), a(N, K), a(N), a(M, N)
        results += [
            k.linear(x, weight, bias),
            k.linear_relu(x, weight, None),
            k.linear_relu(x, weight, a(N, dtype=np.float32)) if a.dtype != np.float64 else bias,
            k.linear_input_grad(grad, weight),
            k.linear_weight_grad(grad, x),
            k.linear_weight_grad(grad, x, np.dtype(np.float32)),
            k.linear_weight_grad(a(1031, 3), a(1031, 5)),
            k.matrix_product(a(2, M, K), a(2, K, N)),
        ]
    return results


def pooling(k: Any, a: Arrays) -> list[Any]:
    results = []
    for N, C, geometry in ((2, 5, POOL), (1, 8, POOL), (1, 3, LARGE_POOL), (0, 4, POOL)):
        x, grad = a(N, C, *geometry.input_size), a(N, C, *geometry.output_size)
        out, argmax = k.max_pool2d(x, geometry)
        clipped, open_argmax = k.max_pool2d_relu(x, geometry)
        scale = np.linspace(0.1, 1, grad[0, 0].size if N else 12).reshape(geometry.output_size)
        results += [out, argmax, clipped, open_argmax]
        results += [k.max_pool2d_scatter(grad, i, geometry) for i in (argmax, open_argmax)]
        results += k.max_pool2d_bias_backward(grad, open_argmax, geometry, a.sums)
        results += [k.max_pool2d_gather(x, i, geometry) for i in (argmax, open_argmax)]
        results += [k.avg_pool2d(x, scale, geometry), k.avg_pool2d_scatter(grad, scale, geometry)]
    return results


def adaptive_pooling(k: Any, a: Arrays) -> list[Any]:
    x = a(2, 5, 7, 6)
    out, indices = k.adaptive_max_pool2d(x, (3, 4))
    scattered = k.plane_scatter(a(2, 5, 3, 4), indices, (7, 6))
    means = [k.adaptive_avg_pool2d(x, (3, 4)), k.adaptive_avg_pool2d_scatter(x, (13, 9))]
    return [out, indices, scattered, k.plane_gather(a(2, 5, 7, 6), indices), *means]


def batch_norm(k: Any, a: Arrays) -> list[Any]:
    results = []
    real = np.dtype(np.float64 if a.dtype == np.float64 else np.float32)
    for shape in ((2, 5, 3, 4), (5, 33, 9, 7), (6, 3), (2, 8, 2, 2)):
        x, grad = a(*shape), a(*shape)
        weight, bias = a(shape[1], dtype=real), a(shape[1], dtype=real)
        out, mean, variance = k.batch_norm(x, weight, bias, 1e-3)
        results += [out, mean, variance]
        statistics = weight, mean, variance, 1e-3
        results += k.batch_norm_backward(grad, x, *statistics)
        results += k.batch_norm_relu(x, weight, bias, 1e-3)
        results += k.batch_norm_relu_backward(grad, out, x, *statistics)
        results += [k.channel_affine(x, weight, bias), k.channel_affine_relu(x, weight, bias)]
        running = a(shape[1])
        k.running_average_step(running, variance, 0.1, 1.5)
        results.append(running)
    return results


def local_response_norm(k: Any, a: Arrays) -> list[Any]:
    options = 4, 0.5, 0.75, 1.5
    x, grad = a(2, 7, 3, 5), a(2, 7, 3, 5)
    backward = k.local_response_norm_backward(grad, x, *options)
    return [k.local_response_norm(x, *options), backward]


def activation(k: Any, a: Arrays) -> list[Any]:
    results = []
    for shape in ((2, 5, 3, 7), (3, 16, 5, 5), (1003, 3), (0, 3, 2, 2)):
        x, grad = a(*shape), a(*shape)
        results += [k.relu(x), k.relu_backward(grad, x), k.erf(x), k.channel_sum(x)]
        results += [k.hardtanh(x, -1, 1), k.hardtanh_backward(grad, x, -1, 1)]
        results += [k.silu(x), k.silu_backward(grad, x), k.gelu(x), k.gelu_backward(grad, x)]
        results += [*k.relu_bias_backward(grad, x)]
        if a.dtype != np.float64:
            results += [*k.relu_bias_backward(grad, x, np.dtype(np.float32))]
            results += [k.channel_sum(x, np.dtype(np.float32))]
    return results


def dropout(k: Any, a: Arrays) -> list[Any]:
    generator = philox.generator((3, 2**40 + 1))
    results = []
    for shape in ((2, 5, 3, 7), (2, 8, 3, 3), (1003,), (3, 5), (0, 3)):
        out, mask = k.dropout(a(*shape), 0.3, generator)
        results += [out, k.dropout_backward(a(*shape), mask, 0.3)]
    return results


def loss(k: Any, a: Arrays) -> list[Any]:
    results = []
    for classes in (5, 70):
        logits, weight = a(5, classes), np.abs(a(classes)) + a.dtype.type(1)
        for w, smoothing in ((None, 0.0), (weight, 0.1)):
            results += k.softmax_cross_entropy(logits, TARGET, w, -100, smoothing)
    return results


def images(k: Any, a: Arrays) -> list[Any]:
    results = []
    for shape in ((2, 3, 5, 7), (1, 3, 4, 8)):
        pictures = np.random.default_rng(0).integers(0, 256, shape, np.uint8)
        channels_last = pictures.transpose(0, 2, 3, 1).copy().transpose(0, 3, 1, 2)
        for x in (pictures, channels_last):
            results += [k.normalize_images(x, (0.5, 0.4, 0.3), (0.2, 0.3, 0.4), a.dtype)]
    for shape in ((2, 3, 5, 7), (1, 5, 4, 8), (0, 3, 4, 8)):
        results += [k.cast_images(a(*shape, dtype=np.float32), a.half)]
    for crops in (CROPS, CROPS[:0]):
        results += [
            k.normalize_crops(PIXELS, crops, (3, 5), (0.5, 0.4, 0.3), (0.2, 0.3, 0.4), a.dtype)
        ]
    return results


def resize(k: Any, a: Arrays) -> list[Any]:
    x, grad, output_size, scale = a(2, 5, 4, 6), a(2, 5, 7, 3), (7, 3), (4 / 7, 6 / 3)
    results = [k.resize_nearest(x, output_size, scale)]
    results += [k.resize_nearest_backward(grad, (4, 6), scale)]
    for align_corners in (False, True):
        results += [k.resize_bilinear(x, output_size, scale, align_corners)]
        results += [k.resize_bilinear_backward(grad, (4, 6), scale, align_corners)]
    pictures = np.random.default_rng(0).integers(0, 256, (2, 3, 4, 6), np.uint8)
    return [*results, k.resize_nearest(pictures, output_size, scale)]


def regions(k: Any, a: Arrays) -> list[Any]:
    x, grad, size, scale = a(2, 5, 7, 6), a(3, 5, 3, 4), (3, 4), 0.5
    # one box lies inside, one reaches out of the image, one is empty
    rois = np.array([[0, 1, 2, 9, 11], [1, -4, 6, 20, 30], [1, 5, 5, 5, 5]]).astype(a.dtype)
    results = []
    for sampling_ratio, aligned in ((2, False), (-1, True)):
        options = scale, sampling_ratio, aligned
        results += [k.roi_align(x, rois, size, *options)]
        results += [k.roi_align_backward(grad, rois, x.shape, *options)]
    return [*results, *k.roi_pool(x, rois, size, scale), k.roi_align(x, rois[:0], size, *options)]


def suppression(k: Any, a: Arrays) -> list[Any]:
    corners = np.random.default_rng(0).integers(0, 20, (131, 2))  # more boxes than bits of a word
    boxes = np.concatenate([corners, corners + 8], 1).astype(a.dtype)
    return [k.nms(boxes, 0.3), k.nms(boxes[:1], 0.3), k.nms(boxes[:0], 0.3)]


def unfold(k: Any, a: Arrays) -> list[Any]:
    columns = k.im2col(a(2, 5, 7, 6), CONV)
    mask = k.im2col(a(2, 5, 7, 6) > 0, CONV)
    return [columns, k.col2im(a(*columns.shape), CONV), mask]


def optimizers(k: Any, a: Arrays) -> list[Any]:
    results: list[Any] = []
    for half in (np.dtype(np.float16), minicnn.bfloat16):
        params, states = a.several(), [a.several(), a.several(positive=True)]
        halves = [param.astype(half) for param in params]
        scaling = np.array(0.5, np.float32), np.array(0, np.float32)
        k.sgd_step(params, a.several(), states[0], lambda: (0.1, 0.9, 0.0, 0.01), True, halves)
        k.adam_step(params, a.several(half), *states, lambda: (2, 0.1, 0.9, 0.99, 1e-3, 0.01), True,
                    halves, scaling)  # fmt: skip
        k.rmsprop_step(params, a.several(half), states[1], states[0], None,
                       lambda: (0.1, 0.9, 1e-3, 0.5, 0.01), half_copies=halves)  # fmt: skip
        results += [*params, *states[0], *states[1], *halves]
    return results


def loss_scaling(k: Any, a: Arrays) -> list[Any]:
    grads, infinite = a.several(), np.array([1, np.inf, 3], a.dtype)
    scale, inverse, found = (np.array(v, np.float32) for v in (8, 0.125, 0))
    tracker = np.array(1, np.int32)
    k.unscale_step(grads, inverse, found)
    k.update_scale_step(scale, inverse, tracker, found, 2.0, 0.5, 2)
    grown = scale.copy()
    k.unscale_step([infinite], None, found)
    k.update_scale_step(scale, inverse, tracker, found, 2.0, 0.5, 2)
    return [*grads, grown, scale, inverse, tracker, found]


@contextlib.contextmanager
def by_im2col() -> Iterator[None]:
    os.environ["MINICNN_CUDA_CONV"] = "im2col"
    try:
        yield
    finally:
        del os.environ["MINICNN_CUDA_CONV"]


@contextlib.contextmanager
def with_tf32() -> Iterator[None]:
    switches = backends.cudnn, backends.cuda.matmul
    before = [switch.allow_tf32 for switch in switches]
    for switch in switches:
        switch.allow_tf32 = True
    try:
        yield
    finally:
        for switch, value in zip(switches, before, strict=True):
            switch.allow_tf32 = value


@contextlib.contextmanager
def in_vectors() -> Iterator[None]:
    """Also where there are so few of them that a GPU is better off without."""
    from minicnn.kernels.cuda import pool

    before = pool._FEW_THREADS
    pool._FEW_THREADS = 0
    try:
        yield
    finally:
        pool._FEW_THREADS = before


CASES: list[Case] = [
    activation, adaptive_pooling, batch_norm, conv2d, dropout, images, linear,
    local_response_norm, loss, loss_scaling, optimizers, pooling, regions, resize, suppression, unfold,
]  # fmt: skip
WAYS: dict[str, Callable[[], Any]] = {
    "": contextlib.nullcontext, "im2col": by_im2col, "TF32": with_tf32, "vectors": in_vectors,
}  # fmt: skip
RUNS = [(case.__name__, dtype, "") for case in CASES for dtype in FLOATS + HALVES]
RUNS += [(name, dtype, "im2col") for name in ("conv2d", "linear") for dtype in ["float32", *HALVES]]
RUNS += [("pooling", dtype, "vectors") for dtype in ["float32", *HALVES]]
RUNS += [(name, "float32", "TF32") for name in ("conv2d", "linear")]


class Plain:
    """The plain kernels, what the fused ones compute in terms of these, and a GPU's dropout."""

    def __getattr__(self, name: str) -> Any:
        return getattr(plain, name)

    def conv2d_relu(self, *arguments: Any) -> np.ndarray:
        return plain.relu(plain.conv2d(*arguments))

    def conv2d_input_grad_relu(self, *arguments: Any) -> Any:
        grad, weight, x, geometry, dtype = arguments
        return self.relu_bias_backward(plain.conv2d_input_grad(grad, weight, geometry), x, dtype)

    def linear_relu(self, *arguments: Any) -> np.ndarray:
        return plain.relu(plain.linear(*arguments))

    def channel_affine_relu(self, *arguments: Any) -> np.ndarray:
        return plain.relu(plain.channel_affine(*arguments))

    def batch_norm_relu(self, *arguments: Any) -> tuple[np.ndarray, ...]:
        out, *statistics = plain.batch_norm(*arguments)
        return plain.relu(out), *statistics

    def batch_norm_relu_backward(self, grad: np.ndarray, out: np.ndarray, *arguments: Any) -> Any:
        return plain.batch_norm_backward(plain.relu_backward(grad, out), *arguments)

    def max_pool2d_relu(self, x: np.ndarray, geometry: Geometry) -> tuple[np.ndarray, np.ndarray]:
        out, argmax = plain.max_pool2d(x, geometry)
        no_pixel = argmax.dtype.type(math.prod(geometry.kernel_size))
        return plain.relu(out), np.where(out > 0, argmax, no_pixel)

    def cast_images(self, images: np.ndarray, dtype: np.dtype[Any]) -> np.ndarray:
        return images.astype(dtype)

    def max_pool2d_bias_backward(self, *arguments: Any) -> tuple[np.ndarray, np.ndarray]:
        *arguments, dtype = arguments
        grad_x = plain.max_pool2d_scatter(*arguments)
        return grad_x, plain.channel_sum(grad_x, dtype)

    def relu_bias_backward(self, grad: np.ndarray, out: np.ndarray, dtype: Any = None) -> Any:
        masked = plain.relu_backward(grad, out)
        return masked, plain.channel_sum(masked, dtype)

    def dropout(self, x: np.ndarray, p: float, generator: Any) -> tuple[np.ndarray, np.ndarray]:
        return philox.dropout(x, p, generator.philox())

    def dropout_backward(self, grad: np.ndarray, mask: np.ndarray, p: float) -> np.ndarray:
        return philox.dropout_backward(grad, mask, p)


class Recorder:
    """The kernels of a device, and which of them were asked for."""

    def __init__(self, kernels: Any) -> None:
        self.kernels = kernels
        self.names: set[str] = set()

    def __getattr__(self, name: str) -> Any:
        self.names.add(name)
        return getattr(self.kernels, name)


@functools.cache
def run_on_gpu(name: str, dtype: str, way: str) -> tuple[list[Any], frozenset[str]]:
    """The results of a case in the checked build, and the functions that it called."""
    import cupy

    recorder, before = Recorder(on_device), cupy.emulation.checked
    cupy.emulation.checked = True
    try:
        with WAYS[way]():
            results = globals()[name](recorder, Arrays(dtype))
    finally:
        cupy.emulation.checked = before
    return results, frozenset(recorder.names)


@pytest.mark.parametrize("name, dtype, way", RUNS)
def test_equals_the_plain_kernels(name: str, dtype: str, way: str) -> None:
    results, _ = run_on_gpu(name, dtype, way)
    expected = globals()[name](Plain(), Arrays(dtype))
    in_float32 = TOLERANCE["float32"] if name == "images" else 0.0  # whatever their dtype
    of_products = TF32_TOLERANCE if way == "TF32" else TOLERANCE[dtype]
    for number, (ours, theirs) in enumerate(zip(results, expected, strict=True)):
        message = f"result {number} of {name}"
        assert (ours.shape, ours.dtype) == (theirs.shape, theirs.dtype), message
        if ours.dtype.kind in "biu":
            np.testing.assert_array_equal(ours, theirs, err_msg=message)
        else:
            rounding = TOLERANCE[ours.dtype.name]
            ours, theirs = ours.astype(np.float64), theirs.astype(np.float64)
            tolerance = max(of_products, rounding, in_float32)
            largest = np.abs(theirs[np.isfinite(theirs)]).max(initial=1)
            np.testing.assert_allclose(
                ours, theirs, rtol=0, atol=tolerance * largest, err_msg=message
            )


def test_every_function_is_called() -> None:
    from minicnn.kernels import cuda

    called = frozenset[str]().union(*(run_on_gpu(*run)[1] for run in RUNS))
    assert sorted(set(cuda.__all__) - called) == []


def test_every_kernel_is_launched() -> None:
    """Of templates that are compiled on demand, one instance; of others, each that is declared."""
    import cupy

    from minicnn.kernels.cuda.runtime import module

    for run in RUNS:
        run_on_gpu(*run)
    launched = {name for name, checked in cupy.emulation.launches if checked}
    stems = [path.with_suffix("").name for path in module.FOLDER.glob("*.cu")]
    files = [importlib.import_module(f"minicnn.kernels.cuda.{stem}").cuda_file for stem in stems]
    assert files
    missing = []
    for file in files:
        for kernel in file.kernels:
            instances = kernel.instances.values()
            missing += [f"{file.name}: {name}" for name in instances if name not in launched]
            if not instances and not any(name.startswith(f"{kernel.name}<") for name in launched):
                missing.append(f"{file.name}: {kernel.name}")
    assert not missing, "\n".join(missing)
