"""Kernels, number formats and references that several tests of the emulator use."""

import functools
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

import cuda_emulator

KERNELS = Path(__file__).parent / "kernels"
TESTS = Path(__file__).parents[1]  # the folder to import cuda_emulator from
INCLUDE = (f"-I{KERNELS}",)

MODES = pytest.mark.parametrize("checked", [False, True], ids=["plain", "checked"])

BF16, F16 = 0, 1


def read(file):
    """Return the text of a kernel file."""
    return (KERNELS / file).read_text()


@functools.lru_cache
def load(file, *name_expressions, arch="compute_80"):
    """Compile a kernel file."""
    return cuda_emulator.Module(read(file), INCLUDE, name_expressions, arch=arch, name=file)


# ---- number formats ----


def to_bf16(values):
    """Round to bfloat16, to nearest even; returns raw bits."""
    bits = np.ascontiguousarray(values, np.float32).view(np.uint32)
    return ((bits + 0x7FFF + (bits >> 16 & 1)) >> 16).astype(np.uint16)


def from_bf16(bits):
    """Return bfloat16 bits as float32."""
    return (bits.astype(np.uint32) << 16).view(np.float32)


def to_bits(values, kind):
    """Round to one of the 16-bit formats; returns raw bits."""
    if kind == BF16:
        return to_bf16(values)
    return np.asarray(values, np.float16).view(np.uint16)


def from_bits(bits, kind):
    """Return 16-bit floats as float32."""
    if kind == BF16:
        return from_bf16(bits)
    return bits.view(np.float16).astype(np.float32)


# ---- convolution ----


@dataclass(frozen=True)
class Tile:
    """Template arguments of conv_fwd."""

    block_m: int
    block_n: int
    warp_m: int
    warp_n: int
    stages: int

    def expression(self, kind):
        """Return the name expression."""
        return (
            f"conv_fwd<{self.block_m},{self.block_n},{self.warp_m},"
            f"{self.warp_n},{self.stages},{kind}>"
        )

    @property
    def threads(self):
        """Threads per block."""
        warps_m = self.block_m // self.warp_m
        warps_n = self.block_n // self.warp_n
        return warps_m * warps_n * 32

    @property
    def shared_memory(self):
        """Bytes of dynamic shared memory: rows of 32 + 8 elements."""
        return self.stages * (self.block_m + self.block_n) * 40 * 2


TILES = [Tile(64, 64, 32, 32, 2), Tile(128, 128, 64, 32, 3), Tile(64, 32, 32, 16, 2)]


def conv_reference(x, w, bias, stride, padding, relu):
    """Convolve N H W C with K R S C in double precision."""
    n, h, wide, c = x.shape
    k, r, s, _ = w.shape
    p = (h + 2 * padding - r) // stride + 1
    q = (wide + 2 * padding - s) // stride + 1
    padded = np.zeros((n, h + 2 * padding, wide + 2 * padding, c))
    padded[:, padding : padding + h, padding : padding + wide] = x
    y = np.zeros((n, p, q, k)) + bias
    for i in range(r):
        for j in range(s):
            rows = slice(i, i + stride * (p - 1) + 1, stride)
            columns = slice(j, j + stride * (q - 1) + 1, stride)
            y += padded[:, rows, columns] @ w[:, i, j].T.astype(np.float64)
    return np.maximum(y, 0) if relu else y


def run_conv(kernel, tile, x, w, bias, stride, padding, relu, *, shared_memory=None, **launch):
    """Launch conv_fwd; x and w are raw bits. Returns y and statistics."""
    n, h, wide, c = x.shape
    k, r, s, _ = w.shape
    p = (h + 2 * padding - r) // stride + 1
    q = (wide + 2 * padding - s) // stride + 1
    y = cuda_emulator.fenced_copy(np.full((n, p, q, k), 0xFFFF, np.uint16))
    grid = (-(-n * p * q // tile.block_m), -(-k // tile.block_n))
    sizes = (n, h, wide, c, k, r, s, p, q, stride, padding, relu)
    if shared_memory is None:
        shared_memory = tile.shared_memory
    statistics = kernel(
        grid,
        (tile.threads,),
        (x, w, bias, y, *map(np.int32, sizes)),
        shared_memory=shared_memory,
        **launch,
    )
    return y, statistics
