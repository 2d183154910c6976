"""Typical bugs, put into the kernels on purpose: the emulated GPU must notice each of them.

A bug replaces a piece of a kernel's text. Without it the result equals the plain kernels' in
float64; with it the result is wrong, or the emulator complains.
"""

from __future__ import annotations

import importlib
import re
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any
from unittest import mock

import numpy as np
import philox
import pytest

cupy = pytest.importorskip("cupy")
emulation = pytest.importorskip("cupy.emulation", reason="needs --device cuda-emulated")

import minicnn
from minicnn.kernels import Geometry, cuda, plain
from minicnn.kernels.cuda import conv, pool
from minicnn.kernels.cuda.gemm import tiles
from minicnn.kernels.cuda.plain.matmul import matmul_shared
from minicnn.kernels.cuda.runtime.module import CudaFile

BFLOAT16 = minicnn.bfloat16
WRONG = "wrong result"


@pytest.fixture(autouse=True)
def checked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(emulation, "checked", True)


def normal(*shape: int, dtype: Any = np.float32, seed: int = 0) -> np.ndarray:
    """Channels-last in memory, as the kernels want images."""
    values = np.random.default_rng(seed).standard_normal(shape).astype(dtype)
    if len(shape) < 4:
        return values
    return np.ascontiguousarray(values.transpose(0, 2, 3, 1)).transpose(0, 3, 1, 2)


def is_close(result: Any, expected: np.ndarray, tolerance: float = 1e-5) -> bool:
    result = cupy.asnumpy(result).astype(np.float64)
    return np.allclose(result, expected, rtol=tolerance, atol=tolerance * np.abs(expected).max())


# ---- computations; each returns whether the result is right ----

SAME = Geometry((9, 9), (9, 9), (3, 3), padding=(1, 1))
HALVED = Geometry((10, 9), (5, 5), (3, 3), (2, 2), (1, 1))


def convolution(images: int = 2, outputs: int = 33) -> bool:
    x, weight = normal(images, 24, 9, 9, dtype=BFLOAT16), normal(outputs, 24, 3, 3, dtype=BFLOAT16)
    bias = normal(outputs)
    result = cuda.conv2d_relu(*map(cupy.asarray, (x, weight, bias)), SAME)
    expected = plain.conv2d(x.astype(float), weight.astype(float), bias.astype(float), SAME)
    return is_close(result, plain.relu(expected), 1e-2)


def convolution_of_one_image() -> bool:
    return convolution(images=1)


def weight_gradient() -> bool:
    x, grad = normal(2, 24, 9, 9, dtype=BFLOAT16), normal(2, 40, 9, 9, dtype=BFLOAT16)
    result = cuda.conv2d_weight_grad(cupy.asarray(grad), cupy.asarray(x), SAME, np.float32)
    return is_close(
        result, plain.conv2d_weight_grad(grad.astype(float), x.astype(float), SAME), 1e-2
    )


def gradient_through_a_relu() -> bool:
    """In tiles of 128 x 96, with threads left over, and columns beyond the last in all passes."""
    x, weight = normal(2, 24, 9, 9, dtype=BFLOAT16), normal(40, 24, 3, 3, dtype=BFLOAT16)
    grad, x = normal(2, 40, 9, 9, dtype=BFLOAT16), plain.relu(x)
    (tile,) = (tile for tile in tiles.TILES["bfloat16"] if tile.name == "128x96")
    with conv.planned_by(lambda problem, gpu: tiles.Plan(tile, 1)):
        results = cuda.conv2d_input_grad_relu(
            *map(cupy.asarray, (grad, weight, x)), SAME, np.dtype(np.float32)
        )
    expected = plain.conv2d_input_grad(grad.astype(float), weight.astype(float), SAME)
    expected = plain.relu_backward(expected, x.astype(float))
    sums = plain.channel_sum(expected)
    return is_close(results[0], expected, 1e-2) and is_close(results[1], sums, 1e-2)


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


def float_convolution() -> bool:
    x, weight = normal(2, 12, 9, 9), normal(20, 12, 3, 3)
    result = cuda.conv2d(cupy.asarray(x), cupy.asarray(weight), None, SAME)
    return is_close(result, plain.conv2d(x.astype(float), weight.astype(float), None, SAME))


def depthwise() -> bool:
    x, weight, grad = normal(2, 12, 10, 9), normal(12, 1, 3, 3), normal(2, 12, 5, 5, seed=1)
    geometry = replace(HALVED, groups=12)
    arguments = [(x, weight, None), (grad, weight), (grad, x)]
    names = "conv2d", "conv2d_input_grad", "conv2d_weight_grad"
    return all(
        is_close(
            getattr(cuda, name)(*(a if a is None else cupy.asarray(a) for a in given), geometry),
            getattr(plain, name)(*(a if a is None else a.astype(float) for a in given), geometry),
        )
        for name, given in zip(names, arguments, strict=True)
    )


def matmul() -> bool:
    a, b = normal(33, 70), normal(70, 40)
    return is_close(matmul_shared(cupy.asarray(a), cupy.asarray(b)), a.astype(float) @ b)


def batch_norm() -> bool:
    x = normal(70, 20, 3, 3)
    out, mean, variance = cuda.batch_norm(cupy.asarray(x), None, None, 1e-5)
    expected = plain.batch_norm(x.astype(float), None, None, 1e-5)
    return all(map(is_close, (out, mean, variance), expected))


def local_response_norm() -> bool:
    x = normal(2, 7, 3, 3)
    result = cuda.local_response_norm(cupy.asarray(x), 5, 1e-2, 0.75, 1.0)
    return is_close(result, plain.local_response_norm(x.astype(float), 5, 1e-2, 0.75, 1.0))


def cross_entropy() -> bool:
    logits, target = normal(7, 40), np.arange(7)
    results = cuda.softmax_cross_entropy(cupy.asarray(logits), cupy.asarray(target), None, -1, 0.1)
    expected = plain.softmax_cross_entropy(logits.astype(float), target, None, -1, 0.1)
    return all(map(is_close, results, expected))


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


def resize() -> bool:
    x = normal(2, 3, 4, 7)
    size, scale = (6, 5), (4 / 6, 7 / 5)
    result = cuda.resize_bilinear(cupy.asarray(x), size, scale, False)
    return is_close(result, plain.resize_bilinear(x.astype(float), size, scale, False))


def dropout() -> bool:
    x, state = normal(30, 7), (2**40 + 3, 2**33 + 9)
    result, _ = cuda.dropout(cupy.asarray(x), 0.3, philox.generator(state))
    return is_close(result, philox.dropout(x, 0.3, state)[0])


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


# ---- the bugs ----


@dataclass(frozen=True)
class Bug:
    """``old``, which the file or its headers have exactly once, becomes ``new``."""

    name: str
    file: str
    run: Callable[[], bool]
    old: str
    new: str
    noticed: str  # a pattern of the complaint


NO_DATA = "uninitialised shared memory|before cp.async.wait_group|memory race"
OUTSIDE = "outside every array"
OVERWRITTEN = "write to shared memory that a wgmma in flight reads"

BUGS = [
    # copies from global to shared memory
    Bug(
        "no barrier before shared memory is read",
        "conv",
        convolution,
        "__syncthreads();  // this step's",
        "// this step's",
        NO_DATA,
    ),
    Bug(
        "waits for one group of copies too few",
        "conv",
        convolution,
        "wait_for_copies<Tile::STAGES - 2>();",
        "wait_for_copies<Tile::STAGES - 1>();",
        NO_DATA,
    ),
    Bug(
        "copies are never committed",
        "conv",
        convolution,
        '{ asm volatile("cp.async.commit_group;" : : : "memory"); }',
        "{}",
        NO_DATA,
    ),
    Bug(
        "no barrier before shared memory is used again",
        "conv",
        convolution_of_one_image,
        "__syncthreads();  // shared memory is free again",
        "",
        NO_DATA,
    ),
    Bug(
        "padding is read instead of filled",
        "conv",
        convolution,
        "inside ? BYTES : 0",
        "BYTES",
        f"{WRONG}|{OUTSIDE}",
    ),
    Bug(
        "rows above and below the image count as inside",
        "conv",
        convolution,
        "(unsigned int)h < (unsigned int)H && ",
        "",
        f"{WRONG}|{OUTSIDE}",
    ),
    Bug(
        "a generic address for one in shared memory",
        "conv",
        convolution,
        "(unsigned int)__cvta_generic_to_shared(pointer)",
        "(unsigned int)(size_t)pointer",
        "of shared memory at offset",
    ),
    # products by warpgroups
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
    # depthwise convolution
    Bug(
        "padding of a depthwise convolution is read",
        "conv_depthwise",
        depthwise,
        "if (!g.inside(h, w)) continue;\n            const",
        "const",
        f"{WRONG}|{OUTSIDE}",
    ),
    Bug(
        "vectors of weights counted in channels",
        "conv_depthwise",
        depthwise,
        "load<V>(weight, (kh * g.KW + kw) * vectors + window.c)",
        "load<V>(weight, (kh * g.KW + kw) * C + window.c)",
        f"{WRONG}|{OUTSIDE}",
    ),
    Bug(
        "all taps write the same partial sums",
        "conv_depthwise",
        depthwise,
        "partial + (long long)blockIdx.z * gridDim.y * C * M, C * M",
        "partial, C * M",
        f"{WRONG}|race|uninitialised",
    ),
    # tiles of the plain matrix product in shared memory
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
    # fragments
    Bug(
        "halves of a fragment swapped",
        "conv",
        convolution,
        "ROWS_FIRST ? lane / 8 % 2 : lane / 16;",
        "ROWS_FIRST ? lane / 16 : lane / 8 % 2;",
        WRONG,
    ),
    Bug(
        "wrong registers of a fragment",
        "conv",
        convolution,
        "pair[j % 2 * 2], pair[j % 2 * 2 + 1]",
        "pair[j % 2], pair[j % 2 + 2]",
        WRONG,
    ),
    Bug(
        "operands of mma swapped",
        "conv",
        convolution,
        'bf16.f32 "\n        "{%0, %1, %2, %3}, {%4, %5, %6, %7}',
        'bf16.f32 "\n        "{%0, %1, %2, %3}, {%4, %6, %5, %7}',
        WRONG,
    ),
    Bug(
        "fragments not transposed",
        "conv",
        weight_gradient,
        "x4.trans.shared",
        "x4.shared",
        WRONG,
    ),
    Bug(
        "sums in the wrong columns",
        "conv",
        convolution,
        "j * 8 + warp.lane % 4 * 2 + e % 2, sums",
        "j * 8 + warp.lane % 4 * 2 + e / 2, sums",
        f"{WRONG}|race",
    ),
    Bug(
        "factors of different pairs",
        "conv",
        float_convolution,
        "rows[i][d] * columns[j][d]",
        "rows[i][d] * columns[j][1 - d]",
        WRONG,
    ),
    # the result
    Bug(
        "rows beyond the last one are written",
        "conv",
        convolution,
        "m < M ? m * pitch : -1;",
        "m * pitch;",
        OUTSIDE,
    ),
    Bug(
        "no mask of a ReLU before",
        "conv",
        gradient_through_a_relu,
        "if (outs[j] <= T(0.0f)) values[j] = T(0.0f);",
        "",
        WRONG,
    ),
    Bug(
        "no barrier between a tile and its sums in shared memory",
        "conv",
        gradient_through_a_relu,
        "__syncthreads();  // nobody reads the tile any more",
        "",
        f"{NO_DATA}|{WRONG}",
    ),
    Bug(
        "threads beyond the last whole row write, too",
        "conv",
        gradient_through_a_relu,
        "n < N && threadIdx.x < ROWS * CHUNKS",
        "n < N",
        f"{WRONG}|race",
    ),
    Bug(
        "columns beyond the last are read in later passes",
        "conv",
        gradient_through_a_relu,
        "column + i * this->COLUMNS_PER_PASS < taps.C",
        "column < taps.C",
        f"{WRONG}|{OUTSIDE}",
    ),
    Bug(
        "vectors stored where rows are not aligned",
        "conv",
        convolution,
        "if (aligned) {",
        "if (true) {",
        "misaligned",
    ),
    # merging within a block
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
    # shuffles
    Bug(
        "wrong distance of a shuffle",
        "loss",
        cross_entropy,
        "all.merge(__shfl_xor_sync(ALL_LANES, all.highest, distance),",
        "all.merge(__shfl_xor_sync(ALL_LANES, all.highest, distance / 2),",
        WRONG,
    ),
    Bug(
        "half of the lanes are missing from the mask",
        "loss",
        cross_entropy,
        "ALL_LANES = 0xffffffff",
        "ALL_LANES = 0x0000ffff",
        "not in the mask",
    ),
    Bug(
        "threads leave before a shuffle",
        "loss",
        cross_entropy,
        "LogSumExp<A> all;",
        "LogSumExp<A> all; if (!has_row) return;",
        "have exited",
    ),
    # indices
    Bug(
        "the last block has no guard",
        "dropout",
        dropout,
        "if (i >= count) return;",
        "",
        OUTSIDE,
    ),
    Bug(
        "whole vectors up to the end",
        "dropout",
        dropout,
        "if (4 * i + 3 < size) {",
        "if (4 * i < size) {",
        OUTSIDE,
    ),
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
        "strides swapped",
        "resize",
        resize,
        "x + (pixel.n * H + h.second) * W * C + pixel.c",
        "x + (pixel.n * W + h.second) * H * C + pixel.c",
        f"{WRONG}|{OUTSIDE}",
    ),
    Bug(
        "a neighbourhood crosses into the next pixel",
        "norm",
        local_response_norm,
        "min(c + (size - 1) / 2, C - 1)",
        "c + (size - 1) / 2",
        f"{WRONG}|{OUTSIDE}",
    ),
    Bug(
        "an index of 32 bits",
        "pool",
        gather_from_large_planes,
        "out[target] = planes[(i * HW",
        "out[target] = planes[((int)i * HW",
        f"{WRONG}|SIGSEGV",
    ),
    # between threads
    Bug(
        "a sum without an atomic operation",
        "pool",
        adaptive_pool_gradient,
        "atomicAdd(&planes[(i * HW + indices[source]) * C + c], ",
        "planes[(i * HW + indices[source]) * C + c] += (",
        "global memory race",
    ),
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


def outcome(run: Callable[[], bool]) -> str:
    try:
        return "" if run() else WRONG
    except Exception as error:  # noqa: BLE001  of whatever type the complaint is
        return f"{type(error).__name__}: {error}"


@pytest.mark.parametrize("run", {bug.run: None for bug in BUGS}, ids=lambda run: run.__name__)
def test_without_bugs(run: Callable[[], bool]) -> None:
    assert outcome(run) == ""


@pytest.mark.parametrize("bug", BUGS, ids=lambda bug: bug.name)
def test_bug_is_noticed(bug: Bug, monkeypatch: pytest.MonkeyPatch) -> None:
    file = importlib.import_module(f"minicnn.kernels.cuda.{bug.file}").cuda_file
    assert file.source.count(bug.old) == 1, "the kernel has changed; change the bug with it"
    broken = file.source.replace(bug.old, bug.new)
    compiled = CudaFile.compiled

    def compiled_with_the_bug(self: CudaFile, name: str, arch: str | None = None) -> Any:
        if self is not file:
            return compiled(self, name, arch)
        options = () if arch is None else (f"-arch={arch}",)
        return cupy.RawModule(code=broken, options=options, name_expressions=(name,)).get_function(
            name
        )

    monkeypatch.setattr(CudaFile, "compiled", compiled_with_the_bug)
    assert re.search(bug.noticed, outcome(bug.run))
