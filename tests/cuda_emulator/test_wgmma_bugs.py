"""Bugs put into a matrix product by wgmma: each must be noticed, with and without checks."""

import ml_dtypes
import numpy as np
import pytest

import cuda_emulator
from cuda_emulator.support import INCLUDE, MODES, read
from cuda_emulator.test_injected_bugs import WRONG, assert_noticed, replaced

M, N, K = 128, 64, 256
SHARED_BYTES = 2 * 20 << 10  # two stages


def multiply(module, shared_memory=SHARED_BYTES, **launch):
    rng = np.random.default_rng(5)
    a, b = (rng.standard_normal(shape).astype(ml_dtypes.bfloat16) for shape in ((K, M), (N, K)))
    d = np.full((M, N), np.nan, np.float32)
    module.get("wgmma_gemm")(
        (M // 128, N // 32),
        (256,),
        (a.view(np.uint16), b.view(np.uint16), d, np.int32(M), np.int32(N), np.int32(K)),
        shared_memory=shared_memory,
        **launch,
    )
    expected = a.astype(np.float32).T @ b.astype(np.float32).T
    return np.allclose(d, expected, rtol=1e-4, atol=1e-4)


def compiled(*replacements):
    source = replaced(read("wgmma_gemm.cu"), *replacements)
    return cuda_emulator.Module(source, INCLUDE, arch="compute_90a", name="wgmma_gemm.cu")


@MODES
@pytest.mark.parametrize("seed", range(3))
def test_without_bugs(seed, checked):
    assert multiply(compiled(), seed=seed, checked=checked)


NO_FENCE = r"without wgmma.fence after the last access.*at wgmma_gemm.cu:\d+"
NO_WAIT = r"accumulator of wgmma.mma_async before wgmma.wait_group.*at wgmma_gemm.cu:\d+"
NOT_SHOWN = "wrote without fence.proxy.async before the barrier"
NOT_COPIED = "before cp.async.wait_group"
OVERWRITTEN = "that a wgmma in flight reads"
NARROW = r"""
__device__ __forceinline__ void narrow(float (&d)[16], u64 a, u64 b) {
  asm volatile(
      "wgmma.mma_async.sync.aligned.m64n8k16.f32.bf16.bf16 "
      "{%0,%1,%2,%3}, %4, %5, 1, 1, 1, 0, 0;\n"
      : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3]) : "l"(a), "l"(b));
}
"""
MISPLACED = "not in the first line of a swizzle pattern"

# name: (replacements in wgmma_gemm.cu, noticed plain, noticed checked)
BUGS = {
    "no wgmma.fence": ([("    wgmma_fence();\n", "")], NO_FENCE, NO_FENCE),
    "sums set after wgmma.fence": (
        [("    wgmma_fence();\n", "    wgmma_fence();\n    if (step == 0) d[3] = threadIdx.x;\n")],
        NO_FENCE,
        NO_FENCE,
    ),
    "no wait before the sums are read": (
        [("  wgmma_wait<0>();  // for the sums\n", "")],
        NO_WAIT,
        NO_WAIT,
    ),
    "too many groups pending when the sums are read": (
        [("wgmma_wait<0>();  // for the sums", "wgmma_wait<1>();")],
        NO_WAIT,
        NO_WAIT,
    ),
    "no commit": ([("    wgmma_commit();\n", "")], NO_WAIT, OVERWRITTEN),
    "no fence.proxy.async": ([("    fence_proxy_async();\n", "")], WRONG, NOT_SHOWN),
    "fence.proxy.async by one thread for all": (
        [("    fence_proxy_async();\n", "    if (threadIdx.x == 0) fence_proxy_async();\n")],
        WRONG,
        NOT_SHOWN,
    ),
    "fence.proxy.async before the copies have arrived": (
        [
            (
                "    cp_wait<0>();\n    fence_proxy_async();",
                "    fence_proxy_async();\n    cp_wait<0>();",
            )
        ],
        WRONG,
        NOT_SHOWN,
    ),
    "fence.proxy.async after the barrier": (
        [
            ("    fence_proxy_async();\n", ""),
            ("    __syncthreads();", "    __syncthreads();\n    fence_proxy_async();"),
        ],
        WRONG,
        NOT_SHOWN,
    ),
    "no barrier": ([("    __syncthreads();\n", "")], WRONG, f"{NOT_COPIED}|uninitialised|race"),
    "no wait for the copies": ([("    cp_wait<0>();\n", "")], WRONG, NOT_COPIED),
    "the tiles of products in flight are overwritten": (
        [("wgmma_wait<0>();  // the next", "wgmma_wait<1>();  // the next")],
        WRONG,
        OVERWRITTEN,
    ),
    "the wait before the overwriting comes after the barrier": (
        [
            ("    wgmma_wait<0>();  // the next copy overwrites what the last products read\n", ""),
            ("    __syncthreads();", "    __syncthreads();\n    wgmma_wait<0>();"),
        ],
        WRONG,
        f"{OVERWRITTEN}|race",
    ),
    "wrong swizzling mode of A": (
        [("A_PATTERN, SWIZZLE_64", "A_PATTERN, SWIZZLE_32")],
        "descriptor of A: .* bytes are allocated",
        "read of uninitialised shared memory",
    ),
    "wrong swizzling mode of B": (
        [("B_PATTERN, SWIZZLE_128", "B_PATTERN, SWIZZLE_64")],
        MISPLACED,
        MISPLACED,
    ),
    "no swizzling of A": ([("A_PATTERN, SWIZZLE_64", "A_PATTERN, NO_SWIZZLE")], WRONG, WRONG),
    "no swizzling of B": ([("B_PATTERN, SWIZZLE_128", "B_PATTERN, NO_SWIZZLE")], WRONG, WRONG),
    "tiles are not swizzled": ([(" ^ (n & 7)", "")], WRONG, WRONG),
    "wrong leading offset": ([("A_PANEL, A_PATTERN", "A_PATTERN, A_PATTERN")], WRONG, WRONG),
    "wrong stride offset": ([("A_PANEL, A_PATTERN", "A_PANEL, 2 * A_PATTERN")], WRONG, WRONG),
    "stride offset within a pattern": (
        [("0, B_PATTERN", "0, B_LINE")],
        "128 bytes between patterns",
        "128 bytes between patterns",
    ),
    "A does not go on along k": ([("a + k * A_LINE", "a")], WRONG, WRONG),
    "B does not go on along k": ([("b + k * 2", "b")], WRONG, WRONG),
    "A is taken for K-major": (
        [("accumulate, 1, 1, 1, 0", "accumulate, 1, 1, 0, 0")],
        WRONG,
        WRONG,
    ),
    "B is taken for N-major": (
        [("accumulate, 1, 1, 1, 0", "accumulate, 1, 1, 1, 1")],
        "96 bytes into a line",
        "96 bytes into a line",
    ),
    "the first product adds to nothing": ([("step > 0 || k > 0", "true")], WRONG, WRONG),
    "each step forgets the one before": ([("step > 0 || k > 0", "k > 0")], WRONG, WRONG),
    "nobody waits for the products": (
        [("  wgmma_wait<0>();  // for the sums\n", "  return;\n")],
        "a thread ends, .* while its accumulators are in flight",
        "a thread ends, .* while its accumulators are in flight",
    ),
    "another shape takes sums in flight": (
        [
            ('extern "C"', NARROW + 'extern "C"'),
            ("    wgmma_commit();\n", "    narrow(d, 0, 0);\n    wgmma_commit();\n"),
        ],
        "another one in flight has some of its accumulators",
        "another one in flight has some of its accumulators",
    ),
    "one thread of each warp commits": (
        [("    wgmma_commit();\n", "    if (threadIdx.x % 32 == 0) wgmma_commit();\n")],
        "lanes of one warp have committed different numbers",
        "lanes of one warp have committed different numbers",
    ),
    "half of each warp takes part": (
        [("      multiply(d,", "      if (threadIdx.x % 32 < 16) multiply(d,")],
        "lanes of one warp have issued different numbers",
        "lanes of one warp have issued different numbers",
    ),
    "only 96 threads of a warpgroup take part": (
        [("      multiply(d,", "      if (threadIdx.x % 128 < 96) multiply(d,")],
        "fewer of them than others",
        "fewer of them than others",
    ),
    "tiles do not start at a swizzle pattern": (
        [("char* tiles = shared;", "char* tiles = shared + 128;")],
        MISPLACED,
        MISPLACED,
    ),
    "warpgroups use each other's descriptor": (
        [("int warpgroup = threadIdx.x / 128;", "int warpgroup = threadIdx.x / 64 % 2;")],
        "warps of a warpgroup differ",
        "warps of a warpgroup differ",
    ),
}


@pytest.mark.parametrize("bug", BUGS)
def test_bug(bug):
    replacements, plain, checked = BUGS[bug]
    module = compiled(*replacements)
    memory = SHARED_BYTES + 128 if "start" in bug else SHARED_BYTES
    assert_noticed(lambda **launch: multiply(module, memory, **launch), plain, checked)


def test_a_block_within_a_warpgroup():
    kernel = compiled(("THREADS = 256", "THREADS = 192")).get("wgmma_gemm")
    a, d = np.zeros((256, 256), np.uint16), np.zeros((128, 32), np.float32)
    sizes = np.int32(128), np.int32(32), np.int32(64)
    with pytest.raises(cuda_emulator.KernelError, match="192 threads end within a warpgroup"):
        kernel((1,), (192,), (a, a, d, *sizes), shared_memory=SHARED_BYTES)
