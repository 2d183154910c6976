// Loss scaling for float16 gradients: undoing a scale, and choosing the next one.
//
// All numbers stay in device memory, so no step waits for the CPU to look at them.
#include "runtime/common.cuh"

// grad *= inverse_scale (null: 1), and found_inf = 1 if one of its numbers is infinite or NaN.
template <typename T>
__global__ void unscale(long long count, T* grad, const float* inverse_scale, float* found_inf) {
    const long long i = thread_index();
    if (i >= count) return;
    const acc_t<T> value = grad[i];
    // Many threads may write at the same time, but all write the same number.
    if (!isfinite(value)) *found_inf = 1;
    if (inverse_scale) grad[i] = T(value * *inverse_scale);
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
