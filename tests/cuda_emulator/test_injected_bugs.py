"""Bugs put into correct kernels on purpose: each must be noticed, with and without checks.

A bug is noticed if the result is wrong or the launch fails. Without checks, four orders of
execution are tried; with checks one must do.
"""

import re

import numpy as np
import pytest

import cuda_emulator
from cuda_emulator.support import INCLUDE, read

WRONG = "wrong result"


def replaced(text, *replacements):
    """The text with each old piece, which must be there, replaced by the new one."""
    for old, new in replacements:
        assert old in text, old
        text = text.replace(old, new)
    return text


def outcomes(run, seeds, checked):
    """What a run says for each seed; nothing where nothing is wrong."""
    said = []
    for seed in seeds:
        try:
            said.append("" if run(seed=seed, checked=checked) else WRONG)
        except cuda_emulator.KernelError as error:
            said.append(str(error))
    return said


def assert_noticed(run, plain, checked):
    """Demands a pattern in both modes; None: not to be had without checks."""
    if plain is not None:
        said = outcomes(run, range(4), checked=False)
        assert any(re.search(plain, text) for text in said), said
    said = outcomes(run, [0], checked=True)
    assert re.search(checked, said[0]), said


def softmax(module, shared_memory=1200, **launch):
    x = np.random.default_rng(5).standard_normal((5, 300)).astype(np.float32)
    y = np.empty_like(x)
    module.get("row_softmax")(
        (5,), (128,), (x, y, np.int32(5), np.int32(300)), shared_memory=shared_memory, **launch
    )
    powers = np.exp(x - x.max(axis=1, keepdims=True))
    return np.allclose(y, powers / powers.sum(axis=1, keepdims=True), rtol=1e-4)


def small_softmax(module, **launch):
    return softmax(module, shared_memory=1100, **launch)


def transpose(module, **launch):
    a = np.random.default_rng(5).standard_normal((70, 45)).astype(np.float32)
    b = np.empty((45, 70), np.float32)
    module.get("transpose<float,32>")(
        (2, 3), (32, 32), (a, b, np.int32(70), np.int32(45)), **launch
    )
    return (b == a.T).all()


def histogram(module, **launch):
    x = np.random.default_rng(5).integers(0, 7, 5000).astype(np.int32)
    bins = np.zeros(7, np.float32)
    votes = np.zeros(1, np.int32)
    module.get("histogram")((3,), (64,), (x, bins, np.int32(5000), votes), **launch)
    return (bins == np.bincount(x)).all() and votes[0] == 33


def misaligned_vector4(module, **launch):
    a = np.ones(404, np.float32)[1:401]
    b = np.empty((100, 4), np.float32)
    half = np.empty(100, np.float16)
    module.get("vector4")((1,), (128,), (a, b, half, np.int32(100)), **launch)
    return True


BALLOT = "  u32 ballot = __ballot_sync"
NO_VALUE = "uninitialised shared memory"

# name: (replacements in basic.cu, run, noticed plain, noticed checked)
BUGS = {
    "softmax: no barrier after the write": (
        [("= largest;\n  __syncthreads();", "= largest;")],
        softmax,
        WRONG,
        NO_VALUE,
    ),
    "softmax: no barrier before reuse": (
        [("  __syncthreads();  // per_warp is used again\n", "")],
        softmax,
        WRONG,
        "race: write after read",
    ),
    "softmax: too little shared memory": (
        [],
        small_softmax,
        "bytes are allocated",
        "bytes are allocated",
    ),
    "transpose: no barrier": (
        [("  __syncthreads();\n  x = blockIdx.y", "  x = blockIdx.y")],
        transpose,
        WRONG,
        NO_VALUE,
    ),
    "transpose: tile too small": (
        [("tile[TILE][TILE + 1]", "tile[TILE - 1][TILE + 1]")],
        transpose,
        "bytes are allocated",
        "bytes are allocated",
    ),
    "histogram: += is not atomic": (  # right if threads take turns
        [("atomicAdd(&bins[x[i]], 1.0f)", "bins[x[i]] += 1.0f")],
        histogram,
        None,
        "global memory race",
    ),
    "histogram: ballot in a divergent branch": (
        [(BALLOT, "  u32 ballot = 0;\n  if (threadIdx.x < 16) ballot = __ballot_sync")],
        histogram,
        "deadlock|exited",
        "deadlock|exited",
    ),
    "histogram: barrier in a divergent branch": (
        [(BALLOT, "  if (threadIdx.x < 16) __syncthreads();\n" + BALLOT)],
        histogram,
        "deadlock",
        "deadlock",
    ),
    "histogram: early return before a barrier": (
        [(BALLOT, "  if (threadIdx.x > 40) return;\n  __syncthreads();\n" + BALLOT)],
        histogram,
        "deadlock",
        "deadlock",
    ),
    "vector4: misaligned pointer": ([], misaligned_vector4, "misaligned", "misaligned"),
}


@pytest.mark.parametrize("bug", BUGS)
def test_bug(bug):
    replacements, run, plain, checked = BUGS[bug]
    module = cuda_emulator.Module(
        replaced(read("basic.cu"), *replacements), INCLUDE, ["transpose<float,32>"], name="basic.cu"
    )
    assert_noticed(lambda **launch: run(module, **launch), plain, checked)
