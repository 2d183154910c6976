// Sums over the rows of a matrix (M, C): M samples or pixels of C channels.
//
// Blocks cannot wait for each other, so that one kernel would need atomics to bring their sums
// together, in an order left to chance, and with it the last bits. Two kernels have a fixed order:
//   1. each block sums up some of the rows: partial (SPLITS, C), SPLITS = gridDim.y;
//   2. a block sums up the rows of `partial`, for a few channels.
// In both, the threads of a block stand in `blockDim.x` columns, each of which reads its own vector
// of channels, and `blockDim.y` rows, which read different rows of the matrix. At the end the rows
// of threads merge what they have in shared memory.
//
// What is summed may be more than a number: a Part, of which `merge` makes the sum of two, and
// which is empty when all its bytes are 0.
#include "runtime/common.cuh"

constexpr int REDUCE_THREADS = 256;  // in a block at most

// The rows that a thread reads, first, first + step, ... and the vector it reads of each, one of
// V = C / N. Threads beyond the last vector read no rows.
struct RowWalk {
    int vector;
    long long first, step;

    __device__ explicit RowWalk(int V)
        : vector(blockIdx.x * blockDim.x + threadIdx.x),
          first(blockIdx.y * blockDim.y + threadIdx.y),
          step(gridDim.y * blockDim.y) {
        if (vector >= V) first = 0x7fffffffffffffff;
    }
};

// Merges the parts of each column of threads: those of the lower half of the rows go to the upper
// half, and so on until row 0 has them all. All threads of the block must call this.
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

// Step 2: gives one thread per channel the channel's total, and its number; all others -1.
template <typename Part>
__device__ int merge_partial(const Part* partial, int C, int splits, Part& total) {
    Part parts[1] = {};
    const RowWalk walk(C);
    for (long long row = walk.first; row < splits; row += walk.step)
        parts[0].merge(partial[row * C + walk.vector]);
    merge_rows(parts);
    total = parts[0];
    return threadIdx.y == 0 && walk.vector < C ? walk.vector : -1;
}
