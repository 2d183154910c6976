"""Warp collectives against models in Python."""

import numpy as np
import pytest

import cuda_emulator

SOURCE = r"""
extern "C" __global__ void shuffles(const int* x, int* y, int width,
                                    int argument) {
  int lane = threadIdx.x;
  int v = x[lane];
  y[lane] = __shfl_sync(~0u, v, argument, width);
  y[32 + lane] = __shfl_up_sync(~0u, v, argument, width);
  y[64 + lane] = __shfl_down_sync(~0u, v, argument, width);
  y[96 + lane] = __shfl_xor_sync(~0u, v, argument, width);
}

extern "C" __global__ void votes(const int* x, unsigned* y) {
  int lane = threadIdx.x;
  y[lane] = __ballot_sync(~0u, x[lane]);
  y[32 + lane] = __any_sync(~0u, x[lane]);
  y[64 + lane] = __all_sync(~0u, x[lane]);
  y[96 + lane] = __uni_sync(~0u, x[lane]);
}

extern "C" __global__ void reductions(const int* x, int* y) {
  int v = x[threadIdx.x];
  int* out = y + threadIdx.x * 6;
  out[0] = __reduce_add_sync(~0u, v);
  out[1] = __reduce_min_sync(~0u, v);
  out[2] = __reduce_max_sync(~0u, v);
  out[3] = __reduce_min_sync(~0u, (unsigned)v);
  out[4] = __reduce_or_sync(~0u, (unsigned)v);
  out[5] = __reduce_xor_sync(~0u, (unsigned)v);
}

// The two halves of a warp use collectives of their own.
extern "C" __global__ void halves(int* y) {
  int v = threadIdx.x;
  if (threadIdx.x < 16) {
    v = __shfl_xor_sync(0xffffu, v, 8);
  } else {
    v = __shfl_down_sync(0xffff0000u, v, 1);
  }
  y[threadIdx.x] = v;
}

extern "C" __global__ void lanemasks(unsigned* y) {
  unsigned lt, le, eq, ge, gt;
  asm("mov.u32 %0, %%lanemask_lt;" : "=r"(lt));
  asm("mov.u32 %0, %%lanemask_le;" : "=r"(le));
  asm("mov.u32 %0, %%lanemask_eq;" : "=r"(eq));
  asm("mov.u32 %0, %%lanemask_ge;" : "=r"(ge));
  asm("mov.u32 %0, %%lanemask_gt;" : "=r"(gt));
  unsigned* out = y + threadIdx.x * 5;
  out[0] = lt;
  out[1] = le;
  out[2] = eq;
  out[3] = ge;
  out[4] = gt;
}
"""


@pytest.fixture(scope="module")
def module():
    return cuda_emulator.Module(SOURCE)


@pytest.mark.parametrize("width", [1, 2, 8, 16, 32])
@pytest.mark.parametrize("argument", [0, 1, 3, 5, 9, 31])
@pytest.mark.parametrize("seed", [0, 1])
def test_shuffles(module, width, argument, seed):
    x = np.arange(100, 132, dtype=np.int32)
    y = np.empty((4, 32), np.int32)
    module.get("shuffles")((1,), (32,), (x, y, np.int32(width), np.int32(argument)), seed=seed)
    for lane in range(32):
        first = lane // width * width
        up, down = lane - argument, lane + argument
        across = lane ^ argument
        sources = [
            first + argument % width,
            up if up >= first else lane,
            down if down < first + width else lane,
            across if across < first + width else lane,
        ]
        assert y[:, lane].tolist() == x[sources].tolist(), lane


@pytest.mark.parametrize("bits", [0, 1, 0x80000000, 0x12345678, 0xFFFFFFFF])
def test_votes(module, bits):
    x = np.array([bits >> lane & 1 for lane in range(32)], np.int32)
    y = np.empty((4, 32), np.uint32)
    module.get("votes")((1,), (32,), (x, y), seed=3)
    assert (y[0] == bits).all()
    assert (y[1] == (bits != 0)).all()
    assert (y[2] == (bits == 0xFFFFFFFF)).all()
    assert (y[3] == (bits in (0, 0xFFFFFFFF))).all()


def test_reductions(module):
    x = np.random.default_rng(0).integers(-1000, 1000, 32).astype(np.int32)
    y = np.empty((32, 6), np.int32)
    module.get("reductions")((1,), (32,), (x, y), seed=3)
    bits = x.view(np.uint32)
    expected = np.array(
        [
            x.sum(),
            x.min(),
            x.max(),
            bits.min().view(np.int32),
            np.bitwise_or.reduce(x),
            np.bitwise_xor.reduce(x),
        ]
    )
    assert (y == expected).all()


@pytest.mark.parametrize("seed", range(4))
def test_collectives_of_half_warps(module, seed):
    y = np.empty(32, np.int32)
    module.get("halves")((1,), (32,), (y,), seed=seed)
    assert y.tolist() == [*(i ^ 8 for i in range(16)), *range(17, 32), 31]


def test_lane_masks(module):
    y = np.empty((32, 5), np.uint32)
    module.get("lanemasks")((1,), (32,), (y,))
    for lane in range(32):
        below = (1 << lane) - 1
        self = 1 << lane
        above = 0xFFFFFFFF & ~(below | self)
        assert y[lane].tolist() == [below, below | self, self, above | self, above]
