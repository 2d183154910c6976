"""Bugs put into correct kernels on purpose: each must be noticed.

A bug is noticed if the result is wrong or the launch fails. Without checks,
four orders of execution are tried; with checks one must do.
"""

import re

import numpy as np
import pytest

import cuda_emulator
from cuda_emulator.support import (
    BF16,
    INCLUDE,
    TILES,
    conv_reference,
    from_bf16,
    read,
    run_conv,
    to_bf16,
)

WRONG = "wrong result"
TILE = TILES[0]


def replaced(text, *replacements):
    """Replace each old text, which must be there, by the new one."""
    for old, new in replacements:
        assert old in text, old
        text = text.replace(old, new)
    return text


def outcomes(run, seeds, checked):
    """Return what a run says for each seed; '' where nothing is wrong."""
    said = []
    for seed in seeds:
        try:
            said.append("" if run(seed=seed, checked=checked) else WRONG)
        except cuda_emulator.KernelError as error:
            said.append(str(error))
    return said


def assert_noticed(run, plain, checked):
    """Demand a pattern in both modes; None: not to be had without checks."""
    if plain is not None:
        said = outcomes(run, range(4), checked=False)
        assert any(re.search(plain, text) for text in said), said
    said = outcomes(run, [0], checked=True)
    assert re.search(checked, said[0]), said


# ---- convolution ----


class ConvProblem:
    """A small convolution with ragged edges and odd K, and its answer."""

    def __init__(self):
        rng = np.random.default_rng(5)
        fence = cuda_emulator.fenced_copy
        self.x = fence(to_bf16(rng.standard_normal((2, 9, 9, 24))))
        self.w = fence(to_bf16(rng.standard_normal((33, 3, 3, 24)) * 0.1))
        self.bias = fence(rng.standard_normal(33).astype(np.float32))
        self.expected = conv_reference(from_bf16(self.x), from_bf16(self.w), self.bias, 1, 1, True)

    def runner(self, source, include=INCLUDE, shared_memory=None):
        """Compile and return a function that tells whether y is right."""
        expression = TILE.expression(BF16)
        module = cuda_emulator.Module(source, include, [expression], name="conv_fwd.cu")

        def run(**launch):
            y, _ = run_conv(
                module.get(expression),
                TILE,
                self.x,
                self.w,
                self.bias,
                1,
                1,
                True,
                shared_memory=shared_memory,
                **launch,
            )
            return np.abs(from_bf16(y) - self.expected).max() < 0.05

        return run


@pytest.fixture(scope="module")
def conv():
    return ConvProblem()


NO_COPY = "uninitialised shared memory|before cp.async.wait_group"
LOAD_NEXT = "    if (next < steps) load(next % STAGES);\n"

# name: (replacements in conv_fwd.cu, noticed plain, noticed checked)
CONV_BUGS = {
    "no barrier in the main loop": ([("    __syncthreads();", "    ;")], WRONG, NO_COPY),
    "wait_group off by one": ([("cp_wait<STAGES - 2>", "cp_wait<STAGES - 1>")], WRONG, NO_COPY),
    "barrier before the wait": (
        [
            ("    cp_wait<STAGES - 2>();\n", ""),
            ("    __syncthreads();", "    __syncthreads();\n    cp_wait<STAGES - 2>();"),
        ],
        WRONG,
        NO_COPY,
    ),
    "prefetch before the barrier": (
        [
            (LOAD_NEXT, ""),
            ("    int next = step + STAGES - 1;\n", ""),
            (
                "    cp_wait<STAGES - 2>();",
                "    int next = step + STAGES - 1;\n"
                + LOAD_NEXT
                + "    cp_commit();\n    cp_wait<STAGES - 1>();",
            ),
        ],
        WRONG,
        f"race|{NO_COPY}",
    ),
    "no guard on rows": (
        [("      if (m >= M) continue;\n", "")],
        "SIGSEGV",
        "write of .* outside every array",
    ),
    "no guard on columns of w": (
        [("n < K && depth < RSC", "depth < RSC")],
        "SIGSEGV",
        "read of .* outside every array",
    ),
    "no guard on the depth": (
        [("n < K && depth < RSC", "n < K")],
        "SIGSEGV",
        "read of .* outside every array",
    ),
    "no guard on the second bias": (  # reads 4 bytes within the slack
        [("(both ? bias[n + 1] : 0.f)", "bias[n + 1]")],
        None,
        "read of 4 bytes .* outside every array",
    ),
    "4-byte store at odd K": ([("both && (K & 1) == 0", "both")], "misaligned", "misaligned"),
    "row pitch of 36": ([("BLOCK_K + 8", "BLOCK_K + 4")], "misaligned", "misaligned"),
    "padding not filled with zeros": ([("inside ? 16 : 0", "16")], WRONG, WRONG),
    "ldmatrix halves of b swapped": (
        [("(lane >> 3 & 1) * 8", "(lane >> 4 & 1) * 8")],
        WRONG,
        WRONG,
    ),
    "fragment order of b": (
        [
            ("b[j / 2][j % 2 * 2];", "b[j / 2][j % 2];"),
            ("b[j / 2][j % 2 * 2 + 1];", "b[j / 2][j % 2 + 2];"),
        ],
        WRONG,
        WRONG,
    ),
    "accumulators not set to zero": ([("acc[i][j][e] = 0.f;", ";")], WRONG, WRONG),
}


def test_conv_without_bugs(conv):
    run = conv.runner(read("conv_fwd.cu"))
    assert outcomes(run, range(4), checked=False) == [""] * 4
    assert outcomes(run, range(2), checked=True) == [""] * 2


@pytest.mark.parametrize("bug", CONV_BUGS)
def test_conv_bug(conv, bug):
    replacements, plain, checked = CONV_BUGS[bug]
    source = replaced(read("conv_fwd.cu"), *replacements)
    assert_noticed(conv.runner(source), plain, checked)


def test_conv_with_too_little_shared_memory(conv):
    run = conv.runner(read("conv_fwd.cu"), shared_memory=20000)
    assert_noticed(run, "20000 bytes are allocated", "20000 bytes")


# ---- inline PTX ----

# name: (replacement in ptx.cuh, noticed plain, noticed checked)
PTX_BUGS = {
    "pack2 halves swapped": ((': "f"(high), "f"(low)', ': "f"(low), "f"(high)'), WRONG, WRONG),
    "mma a1 and a2 swapped": (('"r"(a[1]), "r"(a[2])', '"r"(a[2]), "r"(a[1])'), WRONG, WRONG),
    "mma b0 and b1 swapped": (('"r"(b0), "r"(b1)', '"r"(b1), "r"(b0)'), WRONG, WRONG),
    "mma takes bf16 for f16": (("f32.bf16.bf16.f32", "f32.f16.f16.f32"), WRONG, WRONG),
    "ldmatrix transposes": (("m8n8.x4.shared", "m8n8.x4.trans.shared"), WRONG, WRONG),
    "ldmatrix results swapped": (
        ('"=r"(d[1]), "=r"(d[2])', '"=r"(d[2]), "=r"(d[1])'),
        WRONG,
        WRONG,
    ),
    "wait_group waits for too little": (('"n"(N)', '"n"(N + 1)'), WRONG, NO_COPY),
    "cp.async ignores the source size": ((", 16, %2;", ", 16;"), WRONG, WRONG),
    "commit_group missing": (("cp.async.commit_group;", ""), WRONG, NO_COPY),
    "generic instead of shared address": (
        ("(u32)__cvta_generic_to_shared(pointer)", "(u32)(size_t)pointer"),
        "access of 16 bytes of shared memory",
        "access of 16 bytes",
    ),
}


@pytest.mark.parametrize("bug", PTX_BUGS)
def test_ptx_bug(conv, bug, tmp_path):
    replacement, plain, checked = PTX_BUGS[bug]
    (tmp_path / "ptx.cuh").write_text(replaced(read("ptx.cuh"), replacement))
    run = conv.runner(read("conv_fwd.cu"), [f"-I{tmp_path}"])
    assert_noticed(run, plain, checked)


# ---- small kernels ----


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
BASIC_BUGS = {
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


@pytest.mark.parametrize("bug", BASIC_BUGS)
def test_basic_bug(bug):
    replacements, run, plain, checked = BASIC_BUGS[bug]
    module = cuda_emulator.Module(
        replaced(read("basic.cu"), *replacements), INCLUDE, ["transpose<float,32>"], name="basic.cu"
    )
    assert_noticed(lambda **launch: run(module, **launch), plain, checked)
