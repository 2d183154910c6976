// Two matrix products, out = a @ b: the definition, and the same with tiles in shared memory.
//
// a is (M, K), b (K, N), out (M, N), all dense. Sums run in acc_t<T>, and out is of that type, too.
#include "runtime/common.cuh"

// One thread computes one element of out. It reads a row of a and a column of b from global memory:
// two numbers for each multiplication. The N threads of one row of out all read the same row of a.
template <typename T>
__global__ void matmul_naive(long long count, const T* a, const T* b, acc_t<T>* out, int N, int K) {
    const long long target = thread_index();
    if (target >= count) return;
    long long row = target;
    const int column = take_last(row, N);

    acc_t<T> sum = 0;
    for (int k = 0; k < K; ++k)
        sum += acc_t<T>(a[row * K + k]) * acc_t<T>(b[(long long)k * N + column]);
    out[target] = sum;
}

// A block of TILE x TILE threads computes a tile of out, one thread one element. The block walks
// along K. At each step its threads copy one tile of a and one of b to shared memory, one number of
// each per thread; then every thread adds TILE products of numbers in these tiles to its sum.
// So a block reads a number once from global memory and uses it TILE times. Tiles hold 0 beyond the
// edges of the matrices.
template <typename T, int TILE>
__global__ void matmul_shared(const T* a, const T* b, acc_t<T>* out, int M, int N, int K) {
    __shared__ acc_t<T> a_tile[TILE][TILE], b_tile[TILE][TILE];
    const int y = threadIdx.y, x = threadIdx.x;  // within the tile
    const long long row = (long long)blockIdx.x * TILE + y;
    const long long column = (long long)blockIdx.y * TILE + x;

    acc_t<T> sum = 0;
    for (int start = 0; start < K; start += TILE) {
        const bool in_a = row < M && start + x < K;
        const bool in_b = start + y < K && column < N;
        a_tile[y][x] = in_a ? acc_t<T>(a[row * K + start + x]) : acc_t<T>(0);
        b_tile[y][x] = in_b ? acc_t<T>(b[(long long)(start + y) * N + column]) : acc_t<T>(0);
        __syncthreads();  // both tiles are complete
        for (int k = 0; k < TILE; ++k) sum += a_tile[y][k] * b_tile[k][x];
        __syncthreads();  // all threads are done with them, so the next ones can be copied
    }
    if (row < M && column < N) out[row * N + column] = sum;
}
