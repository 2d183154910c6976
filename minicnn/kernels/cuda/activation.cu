// Activations, element by element, and the bias gradients that go with them.
#include "runtime/reduce.cuh"

constexpr double SQRT_HALF = 0.70710678118654752;          // sqrt(1 / 2)
constexpr double SQRT_HALF_OVER_PI = 0.39894228040143268;  // sqrt(1 / (2 pi))

// ---- element by element, in any memory order ----

// out = max(x, 0). Written so that NaN, which is not <= 0, stays NaN. One thread per vector.
template <typename T, int N>
__global__ void relu(long long count, const T* x, T* out) {
    const long long i = thread_index();
    if (i >= count) return;
    Vector<T, N> values = load<N>(x, i);
    for (int j = 0; j < N; ++j)
        if (values[j] <= T(0)) values[j] = T(0);
    store(out, i, values);
}

// Gradient of relu, from its result: 0 where out <= 0, else grad. One thread per vector.
template <typename T, int N>
__global__ void relu_backward(long long count, const T* grad, const T* out, T* grad_x) {
    const long long i = thread_index();
    if (i >= count) return;
    store(grad_x, i, load_through_relu<N>(grad, out, i));
}

// x limited to [low, high]; NaN stays NaN. One thread per vector.
template <typename T, int N>
__global__ void hardtanh(long long count, const T* x, T* out, acc_t<T> low, acc_t<T> high) {
    const long long i = thread_index();
    if (i >= count) return;
    Vector<T, N> values = load<N>(x, i);
    for (int j = 0; j < N; ++j) {
        if (acc_t<T>(values[j]) <= low) values[j] = T(low);
        if (acc_t<T>(values[j]) >= high) values[j] = T(high);
    }
    store(out, i, values);
}

// Gradient of hardtanh: 0 where x is at a limit, which is rounded as in the result, or beyond, else
// grad. One thread per vector.
template <typename T, int N>
__global__ void hardtanh_backward(long long count, const T* grad, const T* x, T* grad_x,
                                  acc_t<T> low, acc_t<T> high) {
    const long long i = thread_index();
    if (i >= count) return;
    Vector<T, N> grads = load<N>(grad, i);
    const Vector<T, N> values = load<N>(x, i);
    const acc_t<T> lowest = acc_t<T>(T(low)), highest = acc_t<T>(T(high));
    for (int j = 0; j < N; ++j)
        if (acc_t<T>(values[j]) <= lowest || acc_t<T>(values[j]) >= highest) grads[j] = T(0);
    store(grad_x, i, grads);
}

// x * sigmoid(x). One thread per vector.
template <typename T, int N>
__global__ void silu(long long count, const T* x, T* out) {
    const long long i = thread_index();
    if (i >= count) return;
    Vector<T, N> values = load<N>(x, i);
    for (int j = 0; j < N; ++j) {
        const acc_t<T> value = acc_t<T>(values[j]);
        values[j] = T(value / (1 + exp(-value)));
    }
    store(out, i, values);
}

// Gradient of silu, from its argument: grad * (s + x * s * (1 - s)) with s = sigmoid(x). One thread
// per vector.
template <typename T, int N>
__global__ void silu_backward(long long count, const T* grad, const T* x, T* grad_x) {
    const long long i = thread_index();
    if (i >= count) return;
    Vector<T, N> grads = load<N>(grad, i);
    const Vector<T, N> values = load<N>(x, i);
    for (int j = 0; j < N; ++j) {
        const acc_t<T> value = acc_t<T>(values[j]), s = 1 / (1 + exp(-value));
        grads[j] = T(acc_t<T>(grads[j]) * (s + value * s * (1 - s)));
    }
    store(grad_x, i, grads);
}

// x times the probability that a standard normal number is below x. One thread per vector.
template <typename T, int N>
__global__ void gelu(long long count, const T* x, T* out) {
    const long long i = thread_index();
    if (i >= count) return;
    Vector<T, N> values = load<N>(x, i);
    for (int j = 0; j < N; ++j) {
        const acc_t<T> value = acc_t<T>(values[j]);
        values[j] = T(value * acc_t<T>(0.5) * (1 + erf(value * acc_t<T>(SQRT_HALF))));
    }
    store(out, i, values);
}

// Gradient of gelu, from its argument: grad * (probability + x * density). One thread per vector.
template <typename T, int N>
__global__ void gelu_backward(long long count, const T* grad, const T* x, T* grad_x) {
    const long long i = thread_index();
    if (i >= count) return;
    Vector<T, N> grads = load<N>(grad, i);
    const Vector<T, N> values = load<N>(x, i);
    for (int j = 0; j < N; ++j) {
        const acc_t<T> value = acc_t<T>(values[j]);
        const acc_t<T> probability = acc_t<T>(0.5) * (1 + erf(value * acc_t<T>(SQRT_HALF)));
        const acc_t<T> density = acc_t<T>(SQRT_HALF_OVER_PI) * exp(value * value * acc_t<T>(-0.5));
        grads[j] = T(acc_t<T>(grads[j]) * (probability + value * density));
    }
    store(grad_x, i, grads);
}

// The Gauss error function, 2 / sqrt(pi) * integral of exp(-t^2) from 0 to x. One thread per
// element.
template <typename T>
__global__ void erf_forward(long long count, const T* x, T* out) {
    const long long i = thread_index();
    if (i >= count) return;
    out[i] = T(erf(acc_t<T>(x[i])));
}

// ---- sums by channel; reduce.cuh explains the two steps ----

// Step 1 of the sum of x (M, C) over M.
template <typename T, int N>
__global__ void channel_sum(const T* x, Sum<acc_t<T>>* partial, long long M, int C) {
    Sum<acc_t<T>> sums[N] = {};
    const RowIterator rows(C / N);
    for (long long row = rows.first; row < M; row += rows.step) {
        const Vector<T, N> values = load<N>(x, row * (C / N) + rows.vector);
        for (int j = 0; j < N; ++j) sums[j].value += acc_t<T>(values[j]);
    }
    merge_block(sums, partial, C);
}

// relu_backward, and step 1 of the sum of its result, which then need not be read again. grad, out
// and grad_x are (M, C).
template <typename T, int N>
__global__ void relu_bias_backward(const T* grad, const T* out, T* grad_x,
                                   Sum<acc_t<T>>* partial, long long M, int C) {
    Sum<acc_t<T>> sums[N] = {};
    const RowIterator rows(C / N);
    for (long long row = rows.first; row < M; row += rows.step) {
        const long long i = row * (C / N) + rows.vector;
        const Vector<T, N> grads = load_through_relu<N>(grad, out, i);
        for (int j = 0; j < N; ++j) sums[j].value += acc_t<T>(grads[j]);
        store(grad_x, i, grads);
    }
    merge_block(sums, partial, C);
}

// Step 2 of both: sums (C,) of type T.
template <typename T>
__global__ void channel_sum_total(const Sum<acc_t<T>>* partial, T* sums, int C, int splits) {
    Sum<acc_t<T>> total;
    const int channel = merge_partial(partial, C, splits, total);
    if (channel >= 0) sums[channel] = T(total.value);
}
