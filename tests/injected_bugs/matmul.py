"""Bugs in the plain matrix product in shared memory."""

from __future__ import annotations

import cupy

from minicnn.kernels.cuda.plain.matmul import matmul_shared

from .bug import NO_DATA, OUTSIDE, WRONG, Bug, is_close, normal


def matmul() -> bool:
    a, b = normal(33, 70), normal(70, 40)
    return is_close(matmul_shared(cupy.asarray(a), cupy.asarray(b)), a.astype(float) @ b)


BUGS = [
    Bug(
        "no barrier before tiles are read",
        "plain.matmul",
        matmul,
        "__syncthreads();  // both tiles are complete",
        "",
        NO_DATA,
    ),
    Bug(
        "no barrier before the next tiles are written",
        "plain.matmul",
        matmul,
        "__syncthreads();  // all threads are done with them",
        "// all threads are done with them",
        NO_DATA,
    ),
    Bug(
        "a tile reaches beyond its matrix",
        "plain.matmul",
        matmul,
        "row < M && start + x < K",
        "row < M",
        f"{WRONG}|{OUTSIDE}",
    ),
]
