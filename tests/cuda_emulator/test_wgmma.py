"""wgmma.mma_async against NumPy: shapes, types, both majors, all swizzling modes, wrong descriptors.

The layouts of operands and sums are written as CuTe writes them, shape and strides of one index
after the other, and come from the PTX ISA ("Canonical Layouts") and from CUTLASS
(cute/atom/mma_traits_sm90_gmma.hpp).
"""

import functools
import itertools

import ml_dtypes
import numpy as np
import pytest

import cuda_emulator
from cuda_emulator import build
from cuda_emulator.support import INCLUDE, MODES
from cuda_emulator.test_injected_bugs import replaced

TYPES = {
    "bf16": (np.dtype(ml_dtypes.bfloat16), 16),  # with k of a product
    "f16": (np.dtype(np.float16), 16),
    "tf32": (np.dtype(np.float32), 8),
}
SWIZZLES = {1: 0, 2: 3, 4: 2, 8: 1}  # chunks of 16 bytes in a line, to the descriptor's mode
MAJORS = list(itertools.product((0, 1), repeat=2))  # of A and B; 1 is M- or N-major
NEGATIVE = 4  # the variant of the kernel after those
ALL_COLUMNS = range(8, 257, 8)
SOME_COLUMNS = (8, 72, 256)
SHARED_BYTES = 64 << 10

SOURCE = r"""
#include "wgmma.cuh"

// A product of 64 rows, with operands as they lie in `image`. From `other` on,
// threads give another descriptor of A.
extern "C" __global__ void __launch_bounds__(128)
    product(const uint4* image, int chunks, u64 a, u64 b, int columns,
            int variant, int accumulate, int other, float* y) {
  extern __shared__ __align__(1024) uint4 shared[];
  for (int i = threadIdx.x; i < chunks; i += 128) shared[i] = image[i];
  fence_proxy_async();
  __syncthreads();
  if (threadIdx.x >= other) a ^= 2;
  float d[128];
  for (int i = 0; i < 128; i++) d[i] = 1;
  hold(d);
  wgmma_fence();
  switch (columns * 8 + variant) {%s
  }
#pragma unroll
  for (int i = 0; i < 128; i++) {
    if (i < columns / 2) y[threadIdx.x * columns / 2 + i] = d[i];
  }
}
"""
CASE = r"""
    case %(number)d:
      asm volatile(
          "{\n"
          ".reg .pred accumulate;\n"
          "setp.ne.b32 accumulate, %%%(accumulate)d, 0;\n"
          "wgmma.mma_async.sync.aligned.m64n%(columns)dk%(depth)d.f32.%(type)s.%(type)s "
          "{%(names)s}, %%%(a)d, %%%(b)d, accumulate, %(immediates)s;\n"
          "wgmma.commit_group.sync.aligned;\n"
          "wgmma.wait_group.sync.aligned 0;\n"
          "}\n"
          : %(operands)s : "l"(a), "l"(b), "r"(accumulate));
      break;"""


def case(kind, columns, variant, immediates):
    """The kernel's case for one instruction."""
    registers = columns // 2
    return CASE % {
        "number": columns * 8 + variant,
        "columns": columns,
        "depth": TYPES[kind][1],
        "type": kind,
        "immediates": immediates,
        "names": ", ".join(f"%{i}" for i in range(registers)),
        "operands": ", ".join(f'"+f"(d[{i}])' for i in range(registers)),
        "a": registers,
        "b": registers + 1,
        "accumulate": registers + 2,
    }


@functools.lru_cache
def product_kernel(kind, *replacements):
    """The kernel above with some instructions of a type, and some text replaced."""
    if kind == "tf32":
        cases = [case(kind, 40, 0, "1, 1"), case(kind, 40, NEGATIVE, "1, -1")]
    else:
        cases = [
            case(kind, columns, variant, f"1, 1, {a}, {b}")
            for columns in SOME_COLUMNS
            for variant, (a, b) in enumerate(MAJORS)
        ]
        cases.append(case(kind, 72, NEGATIVE, "-1, 1, 0, 0"))
    if kind == "bf16":
        others = [columns for columns in ALL_COLUMNS if columns not in SOME_COLUMNS]
        cases += [case(kind, columns, 0, "1, 1, 0, 0") for columns in others]
    source = replaced(SOURCE, *replacements) % "".join(cases)
    return cuda_emulator.Module(source, INCLUDE, arch="compute_90a").get("product")


def offset(index, shape, stride):
    """Where an index is, whose digits by `shape`, the first one fastest, are `stride` apart."""
    result = 0
    for extent, step in zip(shape, stride):
        result += index % extent * step
        index = index // extent
    return result


class Operand:
    """A matrix in shared memory, and its descriptor.

    Args:
        values: of shape (mn, k).
        start: address in bytes.
        mn_major: whether elements lie one behind the other along mn.
        chunks: of 16 bytes in a line of the swizzle pattern.
    """

    def __init__(self, values, start, mn_major, chunks):
        self.values, self.start, self.mn_major, self.chunks = values, start, mn_major, chunks
        self.T = 16 // values.dtype.itemsize
        pattern = 8 * chunks * self.T  # elements
        if mn_major and chunks > 1:
            self.SBO, self.LBO = 2 * pattern, 4 * pattern  # with a gap behind each
        else:
            self.SBO, self.LBO = pattern, (len(values) // 8 + 1) * pattern

    @property
    def layout(self):
        """Of mn and of k: shape and strides, in elements."""
        T, w, SBO, LBO = self.T, self.chunks, self.SBO, self.LBO
        if not self.mn_major:
            return ((8, 64), (w * T, SBO)), ((T, 2), (1, LBO if w == 1 else T))
        if w == 1:
            return ((T, 1, 64), (1, T, SBO)), ((8, 2), (T, LBO))
        return ((T, w, 64), (1, T, LBO)), ((8, 2), (w * T, SBO))

    def write(self, image):
        """Puts the elements into an image of shared memory."""
        mn_layout, k_layout = self.layout
        mn, k = np.indices(self.values.shape)
        elements = offset(mn, *mn_layout) + offset(k, *k_layout)
        address = self.start + elements * self.values.dtype.itemsize
        address ^= (address & (self.chunks - 1) << 7) >> 3  # Swizzle<log2(chunks), 4, 3>
        image.view(self.values.dtype)[address // self.values.dtype.itemsize] = self.values

    def descriptor(self, **fields):
        """Its descriptor, with some fields replaced."""
        itemsize = self.values.dtype.itemsize
        fields = {
            "start": self.start,
            "leading": self.LBO * itemsize,
            "stride": self.SBO * itemsize,
            "base": 0,
            "swizzle": SWIZZLES[self.chunks],
            **fields,
        }
        return np.uint64(
            fields["start"] >> 4
            | fields["leading"] >> 4 << 16
            | fields["stride"] >> 4 << 32
            | fields["base"] << 49
            | fields["swizzle"] << 62
        )


def operands(kind, columns, majors=(0, 0), chunks=8, advance=0):
    """Random A and B of small whole numbers, so that sums are exact, and the memory they are in.

    K-major ones start `advance` bytes into a line.
    """
    dtype, depth = TYPES[kind]
    rng = np.random.default_rng(columns + chunks)
    a, b = (rng.integers(-8, 9, (mn, depth)).astype(dtype) for mn in (64, columns))
    a, b = (
        Operand(values, start + (0 if mn_major else advance), mn_major, chunks)
        for values, start, mn_major in zip((a, b), (1024, 24 << 10), majors)
    )
    image = np.full(SHARED_BYTES, 0xFF, np.uint8)
    a.write(image)
    b.write(image)
    return a, b, image


def launch(kind, columns, image, a, b, variant=0, accumulate=0, other=128, bugs=(), **keywords):
    """D as the kernel leaves it in the registers of its threads."""
    y = np.empty((128, columns // 2), np.float32)
    numbers = map(np.int32, (columns, variant, accumulate, other))
    product_kernel(kind, *bugs)(
        (1,),
        (128,),
        (image, np.int32(image.nbytes // 16), a, b, *numbers, y),
        shared_memory=image.nbytes,
        **keywords,
    )
    thread, value = np.indices(y.shape)
    # CLayout_64xN of CUTLASS: to m + 64 n
    place = offset(thread, (4, 8, 4), (128, 1, 16)) + offset(value, (2, 2, 32), (64, 8, 512))
    d = np.empty(64 * columns, np.float32)
    d[place] = y
    return d.reshape(columns, 64).T


def product(a, b):
    return a.values.astype(np.float32) @ b.values.astype(np.float32).T


@pytest.mark.parametrize("chunks", SWIZZLES)
@pytest.mark.parametrize("variant", range(4), ids=["TN", "TT", "NN", "NT"])
@pytest.mark.parametrize("kind, columns", [("f16", 8), ("bf16", 72), ("f16", 256)])
def test_majors_and_swizzles(kind, columns, variant, chunks):
    a, b, image = operands(kind, columns, MAJORS[variant], chunks)
    d = launch(kind, columns, image, a.descriptor(), b.descriptor(), variant)
    np.testing.assert_array_equal(d, product(a, b))


@pytest.mark.parametrize("chunks", SWIZZLES)
def test_tf32(chunks):
    a, b, image = operands("tf32", 40, chunks=chunks)
    for variant, sign in ((0, 1), (NEGATIVE, -1)):
        d = launch("tf32", 40, image, a.descriptor(), b.descriptor(), variant)
        np.testing.assert_array_equal(d, sign * product(a, b))


@MODES
def test_sums_go_on_and_signs_change(checked):
    a, b, image = operands("f16", 72)
    arguments = image, a.descriptor(), b.descriptor()
    d = launch("f16", 72, *arguments, NEGATIVE, accumulate=1, checked=checked)
    np.testing.assert_array_equal(d, 1 - product(a, b))


@pytest.mark.parametrize("advance", [32, 96])
def test_start_within_a_line(advance):
    """As for the second and fourth 16 k of a tile."""
    a, b, image = operands("f16", 72, advance=advance)
    d = launch("f16", 72, image, a.descriptor(), b.descriptor())
    np.testing.assert_array_equal(d, product(a, b))


@pytest.mark.parametrize("columns", ALL_COLUMNS)
def test_all_numbers_of_columns(columns):
    a, b, image = operands("bf16", columns, chunks=2)
    d = launch("bf16", columns, image, a.descriptor(), b.descriptor())
    np.testing.assert_array_equal(d, product(a, b))


def test_sums_may_be_cut_off():
    a, b, image = operands("f16", 8)
    a.values[...] = b.values[...] = 0
    a.values[0, 0] = b.values[0, 0] = 1
    a.values[0, 1:], b.values[0, 1:] = 2**-12, 1.5 * 2**-12  # products of 3/4 of 1's last bit
    a.write(image)
    b.write(image)
    arguments = "f16", 8, image, a.descriptor(), b.descriptor()
    assert launch(*arguments)[0, 0] == 1 + 15 * 2**-23
    build.load_runtime().emu_truncate_mma(True)
    try:
        assert launch(*arguments)[0, 0] == 1
    finally:
        build.load_runtime().emu_truncate_mma(False)


def test_ordinary_stores_need_a_fence():
    a, b, image = operands("tf32", 40)
    arguments = "tf32", 40, image, a.descriptor(), b.descriptor()
    bugs = [("  fence_proxy_async();\n", "")]
    assert np.isnan(launch(*arguments, bugs=bugs)).all()
    with pytest.raises(cuda_emulator.KernelError, match="without fence.proxy.async"):
        launch(*arguments, bugs=bugs, checked=True)


# ---- what is refused ----

WRONG_DESCRIPTORS = {
    "bits outside": ({"stride": 1 << 18}, "bits outside its fields"),
    "base offset": ({"base": 1}, "base offset 1"),
    "not at a pattern": ({"start": 1024 + 128}, "start address 1152 is not in the first line"),
    "over the line's end": ({"start": 1024 + 112}, "112 bytes into a line, whose 128 bytes end"),
    "stride within a pattern": ({"stride": 512}, "512 bytes between patterns of lines"),
    "out of bounds": ({"start": 60 << 10}, "65536 bytes are allocated"),
}


@pytest.mark.parametrize("fault", WRONG_DESCRIPTORS)
def test_wrong_descriptor(fault):
    fields, complaint = WRONG_DESCRIPTORS[fault]
    a, b, image = operands("f16", 72)
    with pytest.raises(cuda_emulator.KernelError, match=f"descriptor of A: .*{complaint}.* at "):
        launch("f16", 72, image, a.descriptor(**fields), b.descriptor())


@pytest.mark.parametrize("other", [96, 100], ids=["warps", "lanes"])
def test_threads_differ(other):
    a, b, image = operands("f16", 72)
    with pytest.raises(cuda_emulator.KernelError, match="differ in descriptors"):
        launch("f16", 72, image, a.descriptor(), b.descriptor(), other=other)
