"""Bugs in windows of pooling, and in gathering and scattering."""

from __future__ import annotations

import tempfile

import cupy
import numpy as np

from minicnn.kernels import cuda, plain
from minicnn.kernels.cuda import pool

from .bug import HALVED, OUTSIDE, WRONG, Bug, is_close, normal


def max_pool() -> bool:
    x = normal(3, 5, 10, 9)
    out, argmax = cuda.max_pool2d(cupy.asarray(x), HALVED)
    expected, expected_argmax = plain.max_pool2d(x.astype(float), HALVED)
    return is_close(out, expected) and (argmax.get() == expected_argmax).all()


def max_pool_gradient() -> bool:
    x, grad = normal(3, 8, 10, 9), normal(3, 8, 5, 5, seed=1)
    _, argmax = plain.max_pool2d(x, HALVED)
    result = cuda.max_pool2d_scatter(cupy.asarray(grad), cupy.asarray(argmax), HALVED)
    return is_close(result, plain.max_pool2d_scatter(grad.astype(float), argmax, HALVED))


def adaptive_pool_gradient() -> bool:
    x, grad = normal(2, 3, 5, 5), normal(2, 3, 3, 3, seed=1)
    x[:, :, 2, 2] = 9  # in several windows
    _, indices = plain.adaptive_max_pool2d(x, (3, 3))
    result = cuda.plane_scatter(cupy.asarray(grad), cupy.asarray(indices), (5, 5))
    return is_close(result, plain.plane_scatter(grad.astype(float), indices, (5, 5)))


def gather_from_large_planes() -> bool:
    """3 planes of 2^30 numbers each, in a sparse file, which takes memory only where it is used."""
    kernel = pool.cuda_file.compiled("plane_gather<float>")._kernel
    size, indices, out = 1 << 30, np.arange(3), np.zeros(3, np.float32)
    with tempfile.TemporaryFile() as file:
        file.truncate(3 * size * 4)
        planes = np.memmap(file, np.float32, shape=(3, size))
        planes[range(3), indices] = (5, 6, 7)
        kernel((1,), (3,), (np.int64(3), planes, indices, out, *map(np.int32, (1, 1, size))))
    return out.tolist() == [5, 6, 7]


BUGS = [
    Bug(
        "a window reaches one pixel too far",
        "pool",
        max_pool,
        "start + (end - 1) * dilation >= size",
        "start + (end - 1) * dilation > size",
        f"{WRONG}|{OUTSIDE}",
    ),
    Bug(
        "a pixel forgets its last window",
        "pool",
        max_pool_gradient,
        "min(position / stride, windows - 1)",
        "min(position / stride, windows - 2)",
        WRONG,
    ),
    Bug(
        "an index of 32 bits",
        "pool",
        gather_from_large_planes,
        "out[target] = planes[(i * HW",
        "out[target] = planes[((int)i * HW",
        f"{WRONG}|SIGSEGV",
    ),
    Bug(
        "a sum without an atomic operation",
        "pool",
        adaptive_pool_gradient,
        "atomicAdd(&planes[(i * HW + indices[source]) * C + c], ",
        "planes[(i * HW + indices[source]) * C + c] += (",
        "global memory race",
    ),
]
