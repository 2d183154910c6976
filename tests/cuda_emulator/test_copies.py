"""Values on their way through memory: vectors, tables, asynchronous copies, ldmatrix, atomics."""

import ml_dtypes
import numpy as np
import pytest

import cuda_emulator
from cuda_emulator.support import MODES, load

VECTORS = [
    f"copy_vectors<{kind}, {size}>"
    for kind in ("unsigned char", "u16", "float", "double")
    for size in (8, 16)
    if (kind, size) != ("double", 8)  # no vector
]
ROW = np.dtype([("values", "u8"), ("length", "i8"), ("factor", "f4"), ("padding", "u4")])
COPIES = [f"copy_async<{size}>" for size in (4, 8, 16)]
MATRICES = [
    f"load_matrices<{n}, {trans}, {pitch}>"
    for n in (1, 2, 4)
    for trans in ("false", "true")
    for pitch in (8, 64)
]


@pytest.fixture(scope="module")
def module():
    return load("copies.cu", *VECTORS, *COPIES, *MATRICES)


@MODES
@pytest.mark.parametrize("name", VECTORS)
def test_vectors(module, name, checked):
    kind, size = name.removeprefix("copy_vectors<").removesuffix(">").split(", ")
    dtypes = {"unsigned char": np.uint8, "u16": ml_dtypes.bfloat16, "float": "f4", "double": "f8"}
    dtype = np.dtype(dtypes[kind])
    vectors = 50
    x = cuda_emulator.fenced_copy(np.arange(vectors * int(size) // dtype.itemsize).astype(dtype))
    y = cuda_emulator.fenced_copy(np.zeros_like(x))
    kernel = module.get(name)
    kernel((1,), (64,), (x, y, np.int32(vectors)), checked=checked)
    np.testing.assert_array_equal(x, y)
    with pytest.raises(cuda_emulator.KernelError, match=f"misaligned access of {size} bytes"):
        kernel((1,), (64,), (x[1:], y[1:], np.int32(1)), checked=checked)


def test_vectors_are_moved_by_one_instruction():
    source = """
    struct alignas(16) Vector { unsigned short values[8]; };
    extern "C" __global__ void k(Vector* __restrict__ y, const Vector* __restrict__ x) {
      y[threadIdx.x] = x[threadIdx.x];
    }
    """
    module = cuda_emulator.Module(source)
    short = np.zeros(7, np.uint16)
    y = np.zeros(8, np.uint16)
    with pytest.raises(cuda_emulator.KernelError, match="read of 16 bytes .* outside every array"):
        module.get("k")((1,), (1,), (y, short), checked=True)


@MODES
def test_pointers_in_a_table(module, checked):
    rows = [np.arange(length, dtype=np.float32) for length in (1, 70, 1000)]
    expected = [row * i for i, row in enumerate(rows)]
    table = np.zeros(3, ROW)
    table["values"] = [row.ctypes.data for row in rows]
    table["length"] = [row.size for row in rows]
    table["factor"] = range(3)
    reachable = [(row.ctypes.data, row.nbytes) for row in rows]
    kernel = module.get("scale_rows")
    kernel((3,), (64,), (table,), checked=checked, reachable=reachable)
    for row, wanted in zip(rows, expected):
        np.testing.assert_array_equal(row, wanted)


def test_pointers_in_a_table_are_checked(module):
    row = np.zeros(10, np.float32)
    table = np.zeros(1, ROW)
    table["values"] = row.ctypes.data
    table["length"] = 11
    with pytest.raises(cuda_emulator.KernelError, match="outside every array"):
        module.get("scale_rows")(
            (1,),
            (64,),
            (table,),
            checked=True,
            reachable=[(row.ctypes.data, row.nbytes)],
        )


@MODES
@pytest.mark.parametrize("size", [4, 8, 16])
def test_asynchronous_copies(module, size, checked):
    x = np.arange(1, 32 * size + 1).astype(np.uint8).reshape(32, size)
    kernel = module.get(f"copy_async<{size}>")
    for kept in (0, 1, size // 2, size):
        y = np.full_like(x, 0xEE)
        kernel((1,), (32,), (x, y, np.int32(kept)), shared_memory=x.nbytes, checked=checked)
        np.testing.assert_array_equal(y[:, :kept], x[:, :kept])
        assert not y[:, kept:].any()
    with pytest.raises(cuda_emulator.KernelError, match="src-size .* exceeds cp-size"):
        kernel((1,), (32,), (x, y, np.int32(size + 1)), shared_memory=x.nbytes)


@MODES
@pytest.mark.parametrize("trans", ["false", "true"])
@pytest.mark.parametrize("count", [1, 2, 4])
@pytest.mark.parametrize("pitch, passes", [(8, 1), (64, 8)])  # rows of 128 bytes share banks
def test_ldmatrix(module, count, trans, pitch, passes, checked):
    x = np.arange(count * 64, dtype=np.uint16).reshape(count, 8, 8)
    y = np.zeros((count, 32), np.uint32)
    kernel = module.get(f"load_matrices<{count}, {trans}, {pitch}>")
    statistics = kernel((1,), (32,), (x, y), checked=checked)
    rows = x.transpose(0, 2, 1) if trans == "true" else x
    # Lane l holds elements 2 * (l % 4) and the next of row l / 4
    np.testing.assert_array_equal(y, rows.reshape(count, 64).view(np.uint32))
    assert statistics.ldmatrix_phases == count
    assert statistics.ldmatrix_replays == (passes - 1) * count


@MODES
@pytest.mark.parametrize("seed", [0, 1])
def test_atomics(module, checked, seed):
    single, twice, halves = np.zeros(1, np.float32), np.zeros(1), np.zeros(1, np.uint16)
    kernel = module.get("add_atomically")
    kernel((3,), (96,), (single, twice, halves), checked=checked, seed=seed)
    assert (single[0], twice[0], halves[0]) == (288, 144, 3 * 288)
