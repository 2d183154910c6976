// Loss scaling for float16 gradients: undoing a scale, and choosing the next one.
//
// All numbers stay in device memory, so no step waits for the CPU to look at them.
#include "runtime/common.cuh"
#include "runtime/table.cuh"

template <typename T>
struct Gradient {
    T* values;
    long long size;
    long long first_block;
};

// Multiplies N neighbours by inverse_scale (null: 1); found_inf = 1 if one is infinite or NaN.
template <int N, typename T>
__device__ inline void unscale_vector(T* address, const float* inverse_scale, float* found_inf) {
    acc_t<T> values[N];
    read(values, address);
    for (int j = 0; j < N; ++j) {
        // Many threads may write at the same time, but all write the same number.
        if (!isfinite(values[j])) *found_inf = 1;
        if (inverse_scale) values[j] *= *inverse_scale;
    }
    if (inverse_scale) write(address, values);
}

// Does so with all gradients of a table.
template <typename T>
__global__ void unscale(const Gradient<T>* table, int rows, const float* inverse_scale,
                        float* found_inf) {
    const Gradient<T> grad = find_row(table, rows, blockIdx.x);
    for_each_of_chunk(grad, is_aligned(grad.values), [&](auto width, long long i) {
        unscale_vector<decltype(width)::value>(grad.values + i, inverse_scale, found_inf);
    });
}

// Run by a single thread. T is float.
template <typename T>
__global__ void update_scale(T* scale, T* inverse_scale, int* growth_tracker, const T* found_inf,
                             T growth_factor, T backoff_factor, int growth_interval) {
    if (*found_inf != 0) {
        *scale *= backoff_factor;
        *growth_tracker = 0;
    } else if (++*growth_tracker == growth_interval) {
        if (isfinite(*scale * growth_factor)) *scale *= growth_factor;
        *growth_tracker = 0;
    }
    *inverse_scale = 1 / *scale;
}
