"""Bugs in convolutions by tensor cores: copies to shared memory, fragments, the result."""

from __future__ import annotations

import cupy
import numpy as np

from minicnn.kernels import cuda, plain
from minicnn.kernels.cuda import conv
from minicnn.kernels.cuda.gemm import tiles

from .bug import BFLOAT16, NO_DATA, OUTSIDE, SAME, WRONG, Bug, is_close, normal


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


def float_convolution() -> bool:
    x, weight = normal(2, 12, 9, 9), normal(20, 12, 3, 3)
    result = cuda.conv2d(cupy.asarray(x), cupy.asarray(weight), None, SAME)
    return is_close(result, plain.conv2d(x.astype(float), weight.astype(float), None, SAME))


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
]
