"""Bugs in merging statistics within a block, and in neighbourhoods of channels."""

from __future__ import annotations

import cupy

from minicnn.kernels import cuda, plain

from .bug import NO_DATA, OUTSIDE, WRONG, Bug, is_close, normal


def batch_norm() -> bool:
    x = normal(70, 20, 3, 3)
    out, mean, variance = cuda.batch_norm(cupy.asarray(x), None, None, 1e-5)
    expected = plain.batch_norm(x.astype(float), None, None, 1e-5)
    return all(map(is_close, (out, mean, variance), expected))


def local_response_norm() -> bool:
    x = normal(2, 7, 3, 3)
    result = cuda.local_response_norm(cupy.asarray(x), 5, 1e-2, 0.75, 1.0)
    return is_close(result, plain.local_response_norm(x.astype(float), 5, 1e-2, 0.75, 1.0))


BUGS = [
    Bug(
        "no barrier between the steps of a reduction",
        "norm",
        batch_norm,
        "__syncthreads();\n        if (threadIdx.y + kept",
        "if (threadIdx.y + kept",
        NO_DATA,
    ),
    Bug(
        "barrier in a divergent branch",
        "norm",
        batch_norm,
        "__syncthreads();\n        if (threadIdx.y + kept < rows) {",
        "if (threadIdx.y + kept < rows) {\n __syncthreads();",
        "deadlock|different thread counts",
    ),
    Bug(
        "a reduction reads one row too many",
        "norm",
        batch_norm,
        "threadIdx.y + kept < rows",
        "threadIdx.y + kept <= rows",
        f"{NO_DATA}|{WRONG}|of shared memory at offset",
    ),
    Bug(
        "some threads leave their place in shared memory empty",
        "norm",
        batch_norm,
        "for (int j = 0; j < N; ++j) shared[j][thread] = parts[j];",
        "if (thread % 3) for (int j = 0; j < N; ++j) shared[j][thread] = parts[j];",
        "uninitialised shared memory",
    ),
    Bug(
        "threads beyond the last channel read on",
        "norm",
        batch_norm,
        "if (vector >= V) first",
        "if (vector > V) first",
        f"{OUTSIDE}|{WRONG}|race",
    ),
    Bug(
        "a neighbourhood crosses into the next pixel",
        "norm",
        local_response_norm,
        "min(c + (size - 1) / 2, C - 1)",
        "c + (size - 1) / 2",
        f"{WRONG}|{OUTSIDE}",
    ),
]
