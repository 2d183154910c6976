// Two matrix products, out = a @ b: the definition, and the same with tiles in shared memory.
//
// a is (M, K), b (K, N), out (M, N), all dense. Sums run in acc_t<T>, which is also the type of out.
#include "runtime/common.cuh"

// One thread computes one element of out, and reads a row of a and a column of b from global
// memory: two numbers for each multiplication. All N threads of a row read the same row of a.
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

// A block of TILE x TILE threads computes a tile of out of that size, one element for each thread.
// It walks along K: the threads copy a tile of a and a tile of b to shared memory, each thread one
// number of both, and then take from there the TILE products that these tiles give each of them.
// A number that is read once from global memory is so used TILE times. Rows and columns beyond the
// matrices count as 0.
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
        __syncthreads();  // nobody needs them any more: the next ones may take their place
    }
    if (row < M && column < N) out[row * N + column] = sum;
}
