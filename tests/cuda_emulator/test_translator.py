"""What the translator accepts and refuses."""

import numpy as np
import pytest

import cuda_emulator
from cuda_emulator.ptx.program import parse
from cuda_emulator.support import BF16, load, to_bits


def module_with(body, declarations=""):
    return cuda_emulator.Module(
        f'{declarations}\nextern "C" __global__ void kernel(unsigned* y) {{\n{body}\n}}',
        name="odd.cu",
    )


WGMMA = "wgmma.mma_async.sync.aligned.%s {%%0, %%0, %%0, %%0},"


@pytest.mark.parametrize(
    "statement, reason",
    [
        ("mbarrier.init.shared.b64 [%0], 1;", "opcode mbarrier"),
        ("dp4a.u32.u32 %0, %0, %0, %0;", "opcode dp4a"),
        ("add.sat.s32 %0, %0, %0;", "saturating"),
        ("{ .reg .f32 f; div.rm.f32 f, f, f; }", r"modifier \.rm of div"),
        ("{ .reg .b16 h; add.f16 h, h, h; }", "f16 arithmetic"),
        ("activemask.b32 %0;", "not well defined"),
        ("mov.u32 %0, %%nwarpid;", "operand %nwarpid"),
        ("fence.proxy.alias;", r"modifier \.alias of fence"),
        (WGMMA % "m64n8k16.f32.bf16.bf16" + " {%0, %0, %0, %0}, 0, 1, 1, 1, 0;", "A in registers"),
        (WGMMA % "m64n8k8.f32.bf16.bf16" + " 0, 0, 1, 1, 1, 0, 0;", "shape or type of wgmma"),
        (WGMMA % "m64n8k32.f32.e4m3.e4m3" + " 0, 0, 1, 1, 1;", r"modifier \.m64n8k32 of wgmma"),
        (WGMMA % "m64n8k16.f32.f16.f16" + " 0, 0, 1, 2, 1, 0, 0;", "must be one of"),
    ],
)
def test_unknown_ptx_is_refused_with_its_place(statement, reason):
    module = module_with(f'asm volatile("{statement}" : "+r"(y[0]));')
    with pytest.raises(cuda_emulator.KernelError, match=reason) as error:
        module.get("kernel")
    assert "at odd.cu:3" in str(error.value)


def test_one_bad_kernel_spares_the_others():
    module = module_with(
        'asm volatile("dp4a.u32.u32 %0, %0, %0, %0;" : "+r"(y[0]));',
        'extern "C" __global__ void good(int* y) { y[0] = 5; }',
    )
    y = np.zeros(1, np.int32)
    module.get("good")((1,), (1,), (y,))
    assert y[0] == 5


def test_calls_of_functions_that_were_not_inlined():
    source = r"""
struct Pair { int first; float second[3]; };
__device__ __noinline__ int twice(int x) {
  __syncthreads();
  return 2 * x;
}
__device__ __noinline__ Pair swapped(Pair pair, int i) {
  return {(int)pair.second[i], {1.f, (float)twice(pair.first), 0.f}};
}
extern "C" __global__ void k(int* y, Pair pair) {
  int i = threadIdx.x;
  Pair result = swapped(pair, i % 3);
  y[i] = twice(result.first) + (int)result.second[i % 2];
}
"""
    pair = np.zeros(1, [("first", "i4"), ("second", "f4", 3)])
    pair["first"] = 5
    pair["second"] = [7, 8, 9]
    y = np.zeros(64, np.int32)
    cuda_emulator.Module(source).get("k")((1,), (64,), (y, pair), seed=1, checked=True)
    assert y.tolist() == [2 * (7 + i % 3) + (10 if i % 2 else 1) for i in range(64)]


def test_calls_of_unknown_functions_are_refused():
    module = module_with('printf("%d", y[0]);')
    with pytest.raises(cuda_emulator.KernelError, match="function that the file does not define"):
        module.get("kernel")


def test_parameters_may_have_an_address():
    source = r"""
struct Table { const float* rows[4]; int lengths[4]; };
extern "C" __global__ void k(const __grid_constant__ Table table, float* y) {
  int row = blockIdx.x;
  if (threadIdx.x < table.lengths[row]) y[4 * row + threadIdx.x] = table.rows[row][threadIdx.x];
}
"""
    rows = [np.arange(4, dtype=np.float32) + 10 * i for i in range(4)]
    table = np.zeros(1, [("rows", "u8", 4), ("lengths", "i4", 4)])
    table["rows"] = [row.ctypes.data for row in rows]
    table["lengths"] = [1, 2, 3, 4]
    y = np.zeros((4, 4), np.float32)
    cuda_emulator.Module(source).get("k")(
        (4,),
        (32,),
        (table, y),
        checked=True,
        reachable=[(row.ctypes.data, row.nbytes) for row in rows],
    )
    np.testing.assert_array_equal(y, np.tril(rows))


@pytest.mark.parametrize("index, expected", [(0, 10), (1, 20), (2, 30)])
def test_indexed_branches(index, expected):
    module = module_with(
        """asm volatile("{ TABLE: .branchtargets A, B, C; brx.idx %0, TABLE; "
        "A: mov.u32 %0, 10; bra DONE; B: mov.u32 %0, 20; bra DONE; C: mov.u32 %0, 30; DONE: }"
        : "+r"(y[0]));"""
    )
    y = np.array([index], np.uint32)
    module.get("kernel")((1,), (1,), (y,))
    assert y[0] == expected


def test_variables_are_shared_by_the_kernels_of_a_module():
    source = r"""
__device__ int count = 3;
__constant__ double table[2] = {0.5, -2};
extern "C" __global__ void add(int* unused) { atomicAdd(&count, 1); }
extern "C" __global__ void read(double* y) { y[0] = count + table[threadIdx.x + 1]; }
"""
    module = cuda_emulator.Module(source)
    module.get("add")((2,), (1,), (np.zeros(1, np.int32),), checked=True)
    y = np.zeros(1)
    module.get("read")((1,), (1,), (y,), checked=True)
    assert y[0] == 5 - 2
    cuda_emulator.Module(source).get("read")((1,), (1,), (y,))
    assert y[0] == 3 - 2  # another module has variables of its own


def test_compile_errors_show_the_log():
    with pytest.raises(cuda_emulator.CompileError, match='identifier "oops"'):
        cuda_emulator.Module('extern "C" __global__ void k() { oops(); }')


def test_labels_of_inline_ptx_are_local():
    """The same label in two scopes of one function."""
    module = module_with(r"""
#pragma unroll
  for (int i = 0; i < 2; i++) {
    asm volatile("{ .reg .pred p; setp.gt.u32 p, %0, 5; @p bra SKIP; "
                 "mov.u32 %0, 7; SKIP: }" : "+r"(y[i]));
  }""")
    y = np.array([9, 1], np.uint32)
    module.get("kernel")((1,), (1,), (y,))
    assert y.tolist() == [9, 7]


def test_vector_moves_with_a_sink():
    module = module_with(
        "unsigned long long wide = 0x1234567890abcdefull;\n"
        'asm("mov.b64 {_, %0}, %1;" : "=r"(y[0]) : "l"(wide));'
    )
    y = np.zeros(1, np.uint32)
    module.get("kernel")((1,), (1,), (y,))
    assert y[0] == 0x12345678


def test_shared_array_of_a_device_function_in_two_kernels():
    source = r"""
__device__ __forceinline__ int* buffer() {
  __shared__ int shared[32];
  return shared;
}
extern "C" __global__ void first(int* y) {
  buffer()[threadIdx.x] = threadIdx.x;
  __syncthreads();
  y[threadIdx.x] = buffer()[31 - threadIdx.x];
}
extern "C" __global__ void second(int* y) {
  __shared__ int other[4];
  if (threadIdx.x < 4) other[threadIdx.x] = 100;
  buffer()[threadIdx.x] = 2 * threadIdx.x;
  __syncthreads();
  y[threadIdx.x] = buffer()[31 - threadIdx.x] + other[threadIdx.x % 4];
}
"""
    module = cuda_emulator.Module(source)
    y = np.zeros(32, np.int32)
    module.get("first")((1,), (32,), (y,), checked=True)
    assert y.tolist() == list(range(31, -1, -1))
    module.get("second")((1,), (32,), (y,), checked=True)
    assert y.tolist() == [100 + 2 * i for i in range(31, -1, -1)]


def test_parser_keeps_source_places():
    ptx = """
.version 8.0
.target sm_80
.address_size 64
.visible .entry k(
  .param .u64 k_param_0
)
.maxntid 64, 2, 1
{
  .reg .b32 %r<2>;
  .loc 1 12 3
  mov.u32 %r1, 5;
  .loc 2 7 1, function_name $L__info_string0, inlined_at 1 13 5
  @!%p1 add.s32 %r1, %r1, 1; // comment; with semicolon
  ret;
}
  .file 1 "/somewhere/a.cu"
  .file 2 "/somewhere/b.cuh"
"""
    kernel = parse(ptx).kernels["k"]
    assert kernel.max_threads == 128
    instructions = kernel.instructions
    assert [s.site for s in instructions] == [
        "a.cu:12",
        "b.cuh:7 (inlined at a.cu:13)",
        "b.cuh:7 (inlined at a.cu:13)",
    ]
    assert instructions[1].guard == "!%p1"
    assert instructions[1].operands == ("%r1", "%r1", "1")


def test_dynamic_shared_memory_is_aligned():
    """It lies behind the static one."""
    module = module_with(
        """__shared__ unsigned one;
           extern __shared__ __align__(1024) char more[];
           one = threadIdx.x;
           y[0] = (unsigned)__cvta_generic_to_shared(&one);
           y[1] = (unsigned)__cvta_generic_to_shared(more);"""
    )
    y = np.zeros(2, np.uint32)
    module.get("kernel")((1,), (1,), (y,), shared_memory=16)
    assert y.tolist() == [0, 1024]


@pytest.mark.parametrize("arch", ["compute_86", "compute_90", "compute_100", "compute_120"])
def test_other_architectures(arch):
    """Newer targets go through another version of the compiler."""
    stress = load("stress.cu", "half_elements<0>", arch=arch)
    for name in stress.names:
        stress.get(name)
    fragments = load("gemm_small.cu", "mma_trans<0>", arch=arch)
    a, b = (to_bits(np.random.default_rng(0).standard_normal((16, 16)), BF16) for _ in range(2))
    d = np.empty((16, 16), np.float32)
    fragments.get("mma_trans<0>")((1,), (32,), (a, b, d), checked=True)
    assert np.isfinite(d).all()
