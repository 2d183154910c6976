"""Bugs in steps over many arrays at once."""

from __future__ import annotations

import cupy
import numpy as np

from minicnn.kernels import cuda, plain

from .bug import OUTSIDE, Bug, is_close, normal


def adam() -> bool:
    sizes = (1, 9001, 30)
    arrays = [[np.abs(normal(size, seed=i)) for size in sizes] for i in range(4)]
    arrays[0][2] = normal(31)[1:]  # at no multiple of 16 bytes
    arguments = lambda: (1, 0.1, 0.9, 0.99, 1e-8, 0.0)
    on_gpu = [[cupy.asarray(array) for array in group] for group in arrays]
    on_gpu[0][2] = cupy.asarray(normal(31))[1:]
    cuda.adam_step(*on_gpu, arguments, False)
    expected = [[array.astype(float) for array in group] for group in arrays]
    plain.adam_step(*expected, arguments, False)
    return all(map(is_close, on_gpu[0] + on_gpu[3], expected[0] + expected[3]))


BUGS = [
    Bug(
        "the last chunk of an array is whole",
        "optim",
        adam,
        "begin + CHUNK < row.size ? begin + CHUNK : row.size",
        "begin + CHUNK",
        f"{OUTSIDE}|race",
    ),
    Bug(
        "vectors loaded from wherever an array begins",
        "optim",
        adam,
        "aligned ? begin + (end - begin) / 4 * 4 : begin",
        "begin + (end - begin) / 4 * 4",
        "misaligned",
    ),
]
