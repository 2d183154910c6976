// Sums over the rows of a matrix (M, C): M samples or pixels of C channels.
//
// Blocks cannot wait for each other. A single kernel would have to add up their sums with atomics,
// in nondeterministic order, so the last bits would vary. Two kernels have a fixed order:
//   1. each block sums some of the rows: partial (SPLITS, C), SPLITS = gridDim.y;
//   2. a block sums the rows of `partial`, for a few channels.
// In both, the threads of a block form `blockDim.x` columns, each for a vector of channels, and
// `blockDim.y` rows, which read different rows of the matrix. At the end the rows of threads are
// merged in shared memory.
//
// A Part is what is summed: a number, or several. Its method `merge` adds another Part, and a Part
// of zero bytes is an empty sum.
#include "runtime/common.cuh"

constexpr int REDUCE_THREADS = 256;  // in a block at most

// The simplest Part.
template <typename A>
struct Sum {
    A value;

    __device__ void merge(const Sum& other) { value += other.value; }
};

// The rows that a thread reads, first, first + step, ... and the vector it reads of each, one of
// V = C / N. Threads beyond the last vector read no rows.
struct RowIterator {
    int vector;
    long long first, step;

    __device__ explicit RowIterator(int V)
        : vector(blockIdx.x * blockDim.x + threadIdx.x),
          first(blockIdx.y * blockDim.y + threadIdx.y),
          step(gridDim.y * blockDim.y) {
        if (vector >= V) first = 0x7fffffffffffffff;
    }
};

// Merges the parts of each column of threads: the second half of the rows is merged into the first
// half, and so on until row 0 has everything. All threads of the block must call this.
template <typename Part, int N>
__device__ void merge_rows(Part (&parts)[N]) {
    __shared__ Part shared[N][REDUCE_THREADS];
    const int thread = threadIdx.y * blockDim.x + threadIdx.x;
    for (int j = 0; j < N; ++j) shared[j][thread] = parts[j];
    for (int rows = blockDim.y; rows > 1;) {
        const int kept = (rows + 1) / 2;
        __syncthreads();
        if (threadIdx.y + kept < rows) {
            for (int j = 0; j < N; ++j) {
                parts[j].merge(shared[j][thread + kept * blockDim.x]);
                shared[j][thread] = parts[j];
            }
        }
        rows = kept;
    }
}

// The end of step 1: writes the block's row of `partial`.
template <typename Part, int N>
__device__ void merge_block(Part (&parts)[N], Part* partial, int C) {
    merge_rows(parts);
    const int first_channel = (blockIdx.x * blockDim.x + threadIdx.x) * N;
    if (threadIdx.y != 0 || first_channel >= C) return;
    for (int j = 0; j < N; ++j) partial[(long long)blockIdx.y * C + first_channel + j] = parts[j];
}

// Step 2: one thread per channel gets the channel's total and returns the channel; all others
// return -1.
template <typename Part>
__device__ int merge_partial(const Part* partial, int C, int splits, Part& total) {
    Part parts[1] = {};
    const RowIterator rows(C);
    for (long long row = rows.first; row < splits; row += rows.step)
        parts[0].merge(partial[row * C + rows.vector]);
    merge_rows(parts);
    total = parts[0];
    return threadIdx.y == 0 && rows.vector < C ? rows.vector : -1;
}
