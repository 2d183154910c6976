"""Bugs in products that a warpgroup computes, by Hopper's instructions."""

from __future__ import annotations

from unittest import mock

import cupy
import numpy as np
from cupy import emulation

from minicnn.kernels import cuda, plain
from minicnn.kernels.cuda import conv
from minicnn.kernels.cuda.gemm import tiles

from .bug import BFLOAT16, NO_DATA, SAME, WRONG, Bug, is_close, normal

OVERWRITTEN = "write to shared memory that a wgmma in flight reads"


def by_warpgroups(tile: tiles.WarpgroupTile, O: int) -> bool:
    """A convolution and its weight's gradient, of which one operand or both are transposed."""
    x, weight = normal(2, 40, 9, 9, dtype=BFLOAT16), normal(O, 40, 3, 3, dtype=BFLOAT16)
    grad = normal(2, O, 9, 9, dtype=BFLOAT16, seed=1)
    hopper = mock.patch.object(emulation, "arch", "90")
    with hopper, conv.planned_by(lambda problem, gpu: tiles.Plan(tile, 1)):
        out = cuda.conv2d(cupy.asarray(x), cupy.asarray(weight), None, SAME)
        grad_weight = cuda.conv2d_weight_grad(
            cupy.asarray(grad), cupy.asarray(x), SAME, np.dtype(np.float32)
        )
    x, weight, grad = (array.astype(float) for array in (x, weight, grad))
    expected = plain.conv2d(x, weight, None, SAME), plain.conv2d_weight_grad(grad, x, SAME)
    return all(map(is_close, (out, grad_weight), expected, (1e-2, 1e-5)))


def one_warpgroup() -> bool:
    return by_warpgroups(tiles.WarpgroupTile(64, 64, 64, 64, 3, 1), 64)


def large_parts() -> bool:
    """Parts of two products, with two panels of an operand in each."""
    return by_warpgroups(tiles.WarpgroupTile(128, 128, 128, 128, 3, 1), 128)


BUGS = [
    Bug(
        "sums are read before the products are finished",
        "conv",
        one_warpgroup,
        "wait_for_products<0>();",
        "",
        "access to an accumulator .* before wgmma.wait_group",
    ),
    Bug(
        "one more group of products is in flight than buffers allow",
        "conv",
        one_warpgroup,
        "wait_for_products<1>();",
        "wait_for_products<2>();",
        OVERWRITTEN,
    ),
    Bug(
        "products are never committed",
        "conv",
        one_warpgroup,
        '{\n    asm volatile("wgmma.commit_group.sync.aligned;" : : : "memory");\n}',
        "{}",
        OVERWRITTEN,
    ),
    Bug(
        "sums are not ordered before the products",
        "conv",
        one_warpgroup,
        '{\n    asm volatile("wgmma.fence.sync.aligned;" : : : "memory");\n}',
        "{}",
        "without wgmma.fence",
    ),
    Bug(
        "copies are not shown to the asynchronous proxy",
        "conv",
        one_warpgroup,
        "            finish_writes_for_tensor_cores();",
        "",
        "without fence.proxy.async",
    ),
    Bug(
        "no barrier between copies and products",
        "conv",
        one_warpgroup,
        "__syncthreads();  // all pieces are there",
        "// all pieces are there",
        NO_DATA,
    ),
    Bug(
        "products wait for one group of copies too few",
        "conv",
        one_warpgroup,
        "wait_for_copies<AHEAD - 1>();",
        "wait_for_copies<AHEAD>();",
        "before cp.async.wait_group",
    ),
    Bug(
        "copies run ahead as if products were finished",
        "conv",
        one_warpgroup,
        "AHEAD = STAGES - 2;",
        "AHEAD = STAGES - 1;",
        OVERWRITTEN,
    ),
    Bug(
        "the result overwrites what others multiply",
        "conv",
        one_warpgroup,
        "__syncthreads();  // nobody multiplies",
        "// nobody multiplies",
        NO_DATA,
    ),
    Bug(
        "another permutation in the descriptor than in memory",
        "conv",
        one_warpgroup,
        "permutation << 62",
        "3 - permutation << 62",
        "descriptor of A",
    ),
    Bug(
        "no permutation in memory",
        "conv",
        one_warpgroup,
        "PANEL_COLUMNS / CHUNK ^ permutation;",
        "PANEL_COLUMNS / CHUNK;",
        WRONG,
    ),
    Bug(
        "wrong distance of 8 rows",
        "conv",
        one_warpgroup,
        "stride << 32",
        "stride * 2 << 32",
        f"{WRONG}|{NO_DATA}",
    ),
    Bug(
        "wrong distance of panels",
        "conv",
        large_parts,
        "leading << 16",
        "leading / 8 << 16",
        WRONG,
    ),
    Bug(
        "the same 16 of a step multiplied again",
        "conv",
        one_warpgroup,
        "PieceA::matrix(a, warp.group_m + i * 64, k)",
        "PieceA::matrix(a, warp.group_m + i * 64, 0)",
        WRONG,
    ),
    Bug(
        "the same 64 rows multiplied again",
        "conv",
        large_parts,
        "PieceA::matrix(a, warp.group_m + i * 64, k)",
        "PieceA::matrix(a, warp.group_m, k)",
        WRONG,
    ),
    Bug(
        "an operand is transposed that should not be",
        "conv",
        one_warpgroup,
        "start_multiply_add<!PieceA::depth_inner,",
        "start_multiply_add<PieceA::depth_inner,",
        "descriptor of A",
    ),
    Bug(
        "all warps write the first one's rows",
        "conv",
        one_warpgroup,
        "group_m + threadIdx.x / 32 % 4 * 16;",
        "group_m;",
        f"{WRONG}|race",
    ),
]
