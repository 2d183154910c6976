// Activations, element by element; the order of the elements in memory does not matter.
#include "common.cuh"

// out = max(x, 0). Written so that NaN, which is not <= 0, stays NaN.
template <typename T>
__global__ void relu(long long count, const T* x, T* out) {
    const long long i = thread_index();
    if (i >= count) return;
    out[i] = x[i] <= T(0) ? T(0) : x[i];
}

// Gradient of relu, from its result: grad where out > 0, else 0.
template <typename T>
__global__ void relu_backward(long long count, const T* grad, const T* out, T* grad_x) {
    const long long i = thread_index();
    if (i >= count) return;
    grad_x[i] = out[i] > T(0) ? grad[i] : T(0);
}

// The Gauss error function, 2 / sqrt(pi) * integral of exp(-t^2) from 0 to x.
template <typename T>
__global__ void erf_forward(long long count, const T* x, T* out) {
    const long long i = thread_index();
    if (i >= count) return;
    out[i] = T(erf(acc_t<T>(x[i])));
}
