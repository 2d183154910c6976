"""Wrong kernels and what is said about them."""

import numpy as np
import pytest

import cuda_emulator

SOURCE = r"""
typedef unsigned short u16;

extern "C" __global__ void no_syncwarp(float* y) {
  __shared__ float s[32];
  s[threadIdx.x] = threadIdx.x;
  y[threadIdx.x] = s[threadIdx.x ^ 1];
}
extern "C" __global__ void with_syncwarp(float* y) {
  __shared__ float s[32];
  s[threadIdx.x] = threadIdx.x;
  __syncwarp();
  y[threadIdx.x] = s[threadIdx.x ^ 1];
}
extern "C" __global__ void neighbour_block(float* y, float* z) {
  y[blockIdx.x] = blockIdx.x;
  z[blockIdx.x] = blockIdx.x ? y[blockIdx.x - 1] : 0.f;
}
extern "C" __global__ void shared_size(float* y, int n) {
  extern __shared__ float s[];
  for (int i = threadIdx.x; i < n; i += 32) s[i] = i;
  __syncthreads();
  y[threadIdx.x] = s[n - 1 - threadIdx.x];
}
extern "C" __global__ void generic_overrun(float* y, int n, int pick) {
  __shared__ float s[32];
  float* p = pick ? s : y;
  p[threadIdx.x + n] = 1.f;
}
extern "C" __global__ void deep_stack(int* y) {
  volatile char big[200000];
  big[threadIdx.x] = 1;
  y[0] = big[0];
}
extern "C" __global__ void local_overrun(int* y, int n) {
  volatile int a[8];
  for (int i = 0; i < n; i++) a[i] = i;
  y[0] = a[n / 2];
}
extern "C" __global__ void uninitialised_local(float* y, int n) {
  volatile float a[8];
  for (int i = 0; i < n; i++) a[i] = i;
  y[0] = a[7];
}
// four tebibytes below any array, where nothing can lie
extern "C" __global__ void wild(float* y) { y[-(1LL << 40)] = 1.f; }
extern "C" __global__ void null(float* y) { y[0] = 1.f; }
extern "C" __global__ void divide(int* y) { y[1] = y[1] / y[0]; }
extern "C" __global__ void read_only(const float* __restrict__ x,
                                     float* __restrict__ y) {
  y[threadIdx.x] = 2.f;
  __syncthreads();
  y[32 + threadIdx.x] = __ldg(x + threadIdx.x);
}
extern "C" __global__ void one_past(u16* y, int n) {
  if (threadIdx.x <= n) y[threadIdx.x] = 1;
}
extern "C" __global__ void mixed(int* y) {
  if (threadIdx.x < 16) {
    y[threadIdx.x] = __shfl_sync(~0u, 1, 0);
  } else {
    y[threadIdx.x] = __ballot_sync(~0u, 1);
  }
}
extern "C" __global__ void foreign_mask(int* y) {
  y[threadIdx.x] = __shfl_sync(0xffff, 1, 0);
}
extern "C" __global__ void outside_mask(int* y) {
  if (threadIdx.x < 16) y[threadIdx.x] = __shfl_sync(0xffff, 1, 20);
}
extern "C" __global__ void half_warp(int* y) {
  y[threadIdx.x] = __shfl_xor_sync(~0u, 1, 1);
}
extern "C" __global__ void atomic_and_plain(int* y) {
  __shared__ int s;
  if (threadIdx.x == 0) s = 0;
  atomicAdd(&s, 1);
  __syncthreads();
  if (threadIdx.x == 0) y[0] = s;
}
extern "C" __global__ void lanes_add(int* y) { y[threadIdx.x / 2] += 1; }
extern "C" __global__ void lanes_add_in_turn(int* y) {
  if (threadIdx.x % 2) y[threadIdx.x / 2] += 1;
  __syncwarp();
  if (threadIdx.x % 2 == 0) y[threadIdx.x / 2] += 1;
}
extern "C" __global__ void flag_between_blocks(int* data, int* flag, int* y) {
  if (blockIdx.x == 0) {
    data[0] = 42;
    __threadfence();
    atomicExch(flag, 1);
  } else {
    y[0] = atomicAdd(flag, 0) ? data[0] : -1;
  }
}
"""
FLOATS, INTS, HALVES = np.float32, np.int32, np.uint16

# name: (grid, block, arguments, launch keywords, complaint plain, checked);
# the complaint '' means that all is well or goes unnoticed.
CASES = {
    "no_syncwarp": (1, 32, [(32, FLOATS)], {}, "", "uninitialised shared memory"),
    "with_syncwarp": (1, 32, [(32, FLOATS)], {}, "", ""),
    "neighbour_block": (
        4,
        1,
        [(4, FLOATS), (4, FLOATS)],
        {},
        "",
        "global memory race: read of .* by block",
    ),
    "shared_size": (1, 32, [(32, FLOATS), 40], {"shared_memory": 160}, "", ""),
    "generic_overrun": (
        1,
        32,
        [(64, FLOATS), 1, 1],
        {},
        "128 bytes are allocated",
        "128 bytes are allocated",
    ),
    "deep_stack": (1, 32, [(1, INTS)], {}, "stack overflow", "stack overflow"),
    "local_overrun": (1, 1, [(1, INTS), 9], {}, "local array", "local array"),
    "wild": (1, 1, [(1, FLOATS)], {}, "SIGSEGV", "outside every array"),
    "null": (1, 1, [None], {}, "SIGSEGV", "outside every array"),
    "divide": (1, 1, [(2, INTS)], {}, "division by zero at line", "division by zero at line"),
    "read_only": (1, 32, [(64, FLOATS), 0], {}, "", "ld.global.nc"),
    "one_past": (1, 32, [(5, HALVES), 5], {}, "past the end of argument 0", "outside every array"),
    "mixed": (
        1,
        32,
        [(32, INTS)],
        {},
        "different collectives, .*shfl|vote",
        "different collectives",
    ),
    "foreign_mask": (1, 32, [(32, INTS)], {}, "is not in the mask", "is not in the mask"),
    "outside_mask": (1, 32, [(32, INTS)], {}, "shuffle reads lane 20", "shuffle reads lane 20"),
    "half_warp": (1, 16, [(16, INTS)], {}, "names lanes 0xffff0000", "names lanes 0xffff0000"),
    "atomic_and_plain": (1, 64, [(1, INTS)], {}, "", "race"),
    "lanes_add": (1, 32, [(16, INTS)], {}, "", "global memory race: .* of the same block"),
    "lanes_add_in_turn": (1, 32, [(16, INTS)], {}, "", ""),
    "flag_between_blocks": (2, 1, [(1, INTS), (1, INTS), (1, INTS)], {}, "", "global memory race"),
}


@pytest.fixture(scope="module")
def module():
    return cuda_emulator.Module(SOURCE, name="wrong.cu")


def launch(module, name, checked, **more):
    grid, block, arguments, keywords, *_ = CASES[name]
    values = []
    for argument in arguments:
        if isinstance(argument, tuple):
            size, dtype = argument
            values.append(cuda_emulator.fenced_copy(np.zeros(size, dtype)))
        elif argument is None:
            values.append(None)
        elif name == "read_only":
            values.append(values[0])  # the same array twice
        else:
            values.append(np.int32(argument))
    module.get(name)((grid,), (block,), values, seed=2, checked=checked, **keywords, **more)
    return values


@pytest.mark.parametrize("checked", [False, True], ids=["plain", "checked"])
@pytest.mark.parametrize("name", CASES)
def test_complaint(module, name, checked):
    complaint = CASES[name][5 if checked else 4]
    if not complaint:
        launch(module, name, checked)
        return
    complaint = complaint.replace("at line", r".*at wrong\.cu:\d+")
    with pytest.raises(cuda_emulator.KernelError, match=complaint):
        launch(module, name, checked)


def test_message_names_block_thread_and_line(module):
    line = next(i for i, text in enumerate(SOURCE.splitlines(), 1) if "y[blockIdx.x - 1]" in text)
    with pytest.raises(
        cuda_emulator.KernelError,
        match=rf"block \(\d,0,0\) thread \(0,0,0\) at "
        rf"wrong\.cu:{line}",
    ):
        launch(module, "neighbour_block", True)


def test_races_may_be_allowed(module):
    """For kernels whose blocks hand data to each other."""
    launch(module, "flag_between_blocks", True, check_races=False)


def test_arrays_may_overlap(module):
    """A view, all of its memory, and an empty view of it."""
    memory = np.zeros(10, np.float32)
    launch = {"checked": True, "reachable": [(memory.ctypes.data, memory.nbytes)]}
    kernel = module.get("neighbour_block")
    kernel((4,), (1,), (memory[2:6], memory[6:]), check_races=False, **launch)
    assert memory.tolist() == [0, 0, 0, 1, 2, 3, 0, 0, 1, 2]
    with pytest.raises(cuda_emulator.KernelError, match="race"):
        kernel((4,), (1,), (memory[2:6], memory[6:]), **launch)
    with pytest.raises(cuda_emulator.KernelError, match="outside every array"):
        kernel((4,), (1,), (memory[7:], memory[2:2]), check_races=False, **launch)


def test_unsynchronised_data_is_poison(module):
    (y,) = launch(module, "no_syncwarp", False)
    assert np.isnan(y).any()


def test_local_arrays_are_poisoned(module):
    y = np.zeros(1, np.float32)
    module.get("uninitialised_local")((1,), (1,), (y, np.int32(7)))
    assert np.isnan(y[0])


def test_the_process_survives(module):
    """After every kind of failure the next launch is right."""
    for name in ("wild", "deep_stack", "mixed", "divide"):
        with pytest.raises(cuda_emulator.KernelError):
            launch(module, name, False)
        (y,) = launch(module, "with_syncwarp", True)
        assert y.tolist() == [i ^ 1 for i in range(32)]


# ---- arguments ----


@pytest.mark.parametrize(
    "arguments, complaint",
    [
        ((), "takes 2 arguments"),
        ((np.zeros(32), np.int32(1)), "float64 for a pointer to 4-byte"),
        ((np.zeros(32, np.int32), np.int32(1)), "int32 for a pointer to floats"),
        ((np.zeros(64, np.float32)[::2], np.int32(1)), "not C-contiguous"),
        ((np.zeros(32, np.float32), np.int64(1)), "8 bytes for a parameter of 4"),
        ((np.zeros(32, np.float32), np.float32(1)), "that is an integer"),
    ],
)
def test_wrong_arguments(module, arguments, complaint):
    with pytest.raises(cuda_emulator.KernelError, match=complaint):
        module.get("shared_size")((1,), (32,), arguments, shared_memory=160)


@pytest.mark.parametrize("grid, block", [((0,), (32,)), ((1,), (32, 0)), ((1,), (1025,))])
def test_wrong_sizes(module, grid, block):
    y = np.zeros(32, np.float32)
    with pytest.raises(cuda_emulator.KernelError, match="empty|more than 1024"):
        module.get("shared_size")(grid, block, (y, np.int32(40)), shared_memory=160)


def test_too_much_shared_memory(module):
    y = np.zeros(32, np.float32)
    with pytest.raises(cuda_emulator.KernelError, match="shared memory"):
        module.get("shared_size")((1,), (32,), (y, np.int32(40)), shared_memory=300_000)


def test_unknown_kernel(module):
    with pytest.raises(cuda_emulator.KernelError, match="no kernel"):
        module.get("absent")
