// Normalisation. x is (M, C) in memory: M samples or pixels of C channels.
#include "runtime/reduce.cuh"

// ---- what batch norm sums; reduce.cuh explains the two steps ----

// Count, mean and sum of squared deviations from the mean. Merging these keeps all digits;
// sum(x^2) - sum(x)^2 / M would lose some (Chan et al., "Algorithms for computing the sample
// variance", 1983).
template <typename A>
struct Moments {
    A count, mean, squares;

    // share is 1 / (count + 1)
    __device__ void add(A value, A share) {
        count += 1;
        const A delta = value - mean;
        mean += delta * share;
        squares += delta * (value - mean);
    }
    __device__ void merge(const Moments& other) {
        if (other.count == 0) return;
        const A total = count + other.count;
        const A delta = other.mean - mean;
        mean += delta * (other.count / total);
        squares += other.squares + delta * delta * (count * (other.count / total));
        count = total;
    }
};

// The two sums that the backward pass needs.
template <typename A>
struct GradSums {
    A grad, grad_x;  // sum of grad, and of grad * (x - mean)

    __device__ void merge(const GradSums& other) {
        grad += other.grad;
        grad_x += other.grad_x;
    }
};

// ---- batch norm, forward: out = (x - mean) / sqrt(variance + eps) * weight + bias ----

// Step 1 of the statistics.
template <typename T, int N>
__global__ void batch_norm_moments(const T* x, Moments<acc_t<T>>* partial, long long M, int C) {
    Moments<acc_t<T>> parts[N] = {};
    const RowIterator rows(C / N);
    for (long long row = rows.first; row < M; row += rows.step) {
        const Vector<T, N> values = load<N>(x, row * (C / N) + rows.vector);
        const acc_t<T> share = 1 / (parts[0].count + 1);  // all counts are equal: one slow division
        for (int j = 0; j < N; ++j) parts[j].add(acc_t<T>(values[j]), share);
    }
    merge_block(parts, partial, C);
}

// Step 2: mean, biased variance, and scale = weight / sqrt(variance + eps), which channel_affine
// then applies. All are (C,); null weight is 1.
template <typename A>
__global__ void batch_norm_statistics(const Moments<A>* partial, const A* weight, A* mean,
                                      A* variance, A* scale, int C, int splits, A eps) {
    Moments<A> all;
    const int c = merge_partial(partial, C, splits, all);
    if (c < 0) return;
    mean[c] = all.mean;
    variance[c] = all.squares / all.count;
    scale[c] = (weight ? weight[c] : A(1)) / sqrt(all.squares / all.count + eps);
}

// running = running * keep + batch * share. One thread per number; there are few.
template <typename T>
__global__ void running_average(long long count, T* running, const acc_t<T>* batch, acc_t<T> keep,
                                acc_t<T> share) {
    const long long i = thread_index();
    if (i < count) running[i] = T(running[i] * keep + batch[i] * share);
}

// ---- batch norm, backward ----
//
// If a ReLU followed the batch norm, `out` is its result, and gradients pass only where it is
// positive. Otherwise `out` is null.

// Step 1 of the sums. grad, out and x are (M, C).
template <typename T, int N>
__global__ void batch_norm_grad_sums(const T* grad, const T* out, const T* x,
                                     const acc_t<T>* mean, GradSums<acc_t<T>>* partial,
                                     long long M, int C) {
    GradSums<acc_t<T>> parts[N] = {};
    const RowIterator rows(C / N);
    Vector<acc_t<T>, N> means = {};
    if (rows.vector < C / N) means = load<N>(mean, rows.vector);
    for (long long row = rows.first; row < M; row += rows.step) {
        const long long i = row * (C / N) + rows.vector;
        const Vector<T, N> grads =
            out ? load_through_relu<N>(grad, out, i) : load<N>(grad, i);
        const Vector<T, N> values = load<N>(x, i);
        for (int j = 0; j < N; ++j) {
            parts[j].grad += acc_t<T>(grads[j]);
            parts[j].grad_x += acc_t<T>(grads[j]) * (acc_t<T>(values[j]) - means[j]);
        }
    }
    merge_block(parts, partial, C);
}

// Step 2: the gradients of weight and bias, and what the gradient of x needs from these sums. With
// z = (x - mean) / deviation, the gradient of x is
//   weight / deviation * (grad - mean of grad - z * mean of (grad * z)).
// The two means are there because x also moves its channel's mean and variance. As a function of
// grad and x it is factor * grad + slope * (x - mean) + shift: coefficients (3, C). Null weight is
// 1.
template <typename A>
__global__ void batch_norm_grad_parameters(const GradSums<A>* partial, const A* weight,
                                           const A* variance, A* grad_weight, A* grad_bias,
                                           A* coefficients, long long M, int C, int splits,
                                           A eps) {
    GradSums<A> all;
    const int c = merge_partial(partial, C, splits, all);
    if (c < 0) return;
    const A deviation = sqrt(variance[c] + eps);
    grad_weight[c] = all.grad_x / deviation;
    grad_bias[c] = all.grad;
    const A factor = (weight ? weight[c] : A(1)) / deviation;
    coefficients[c] = factor;
    coefficients[C + c] = -factor / deviation * grad_weight[c] / A(M);
    coefficients[2 * C + c] = -factor * all.grad / A(M);
}

// ---- by channel ----
//
// A thread of these kernels computes vectors i, i + count, i + 2 count, ... of the `vectors` in the
// array. count is a multiple of V, the number of vectors in a row, so all of them belong to the
// same channels, and the thread reads the numbers of these channels only once.

// out = (x - center) * scale + shift, then max(., 0) if `relu`. center, scale and shift are (C,);
// null is 0.
template <typename T, int N>
__global__ void channel_affine(long long count, const T* x, const acc_t<T>* center,
                               const acc_t<T>* scale, const acc_t<T>* shift, bool relu, T* out,
                               long long vectors, int V) {
    using A = acc_t<T>;
    const long long first = thread_index();
    if (first >= count) return;
    long long row = first;
    const int channels = take_last(row, V);
    Vector<A, N> centers = {}, shifts = {};
    if (center) centers = load<N>(center, channels);
    if (shift) shifts = load<N>(shift, channels);
    const Vector<A, N> scales = load<N>(scale, channels);
    for (long long i = first; i < vectors; i += count) {
        Vector<T, N> values = load<N>(x, i);
        for (int j = 0; j < N; ++j) {
            A value = (A(values[j]) - centers[j]) * scales[j] + shifts[j];
            if (relu && value <= 0) value = 0;  // NaN stays NaN
            values[j] = T(value);
        }
        store(out, i, values);
    }
}

// grad_x = factor * grad + slope * (x - mean) + shift, as batch_norm_grad_parameters explains.
template <typename T, int N>
__global__ void batch_norm_grad_input(long long count, const T* grad, const T* out, const T* x,
                                      const acc_t<T>* mean, const acc_t<T>* coefficients,
                                      T* grad_x, long long vectors, int V) {
    using A = acc_t<T>;
    const long long first = thread_index();
    if (first >= count) return;
    long long row = first;
    const int channels = take_last(row, V);
    const Vector<A, N> means = load<N>(mean, channels);
    const Vector<A, N> factors = load<N>(coefficients, channels);
    const Vector<A, N> slopes = load<N>(coefficients, V + channels);
    const Vector<A, N> shifts = load<N>(coefficients, 2 * V + channels);
    for (long long i = first; i < vectors; i += count) {
        Vector<T, N> grads = out ? load_through_relu<N>(grad, out, i) : load<N>(grad, i);
        const Vector<T, N> values = load<N>(x, i);
        for (int j = 0; j < N; ++j)
            grads[j] = T(factors[j] * A(grads[j]) + slopes[j] * (A(values[j]) - means[j])
                         + shifts[j]);
        store(grad_x, i, grads);
    }
}

// ---- local response normalisation ----

// k + alpha / size * sum of squares over the channels c - size / 2 ... c + (size - 1) / 2.
template <typename T>
__device__ acc_t<T> response(const T* pixel, int c, int C, int size, acc_t<T> alpha, acc_t<T> k) {
    acc_t<T> sum = 0;
    const int last = min(c + (size - 1) / 2, C - 1);
    for (int j = max(c - size / 2, 0); j <= last; ++j) {
        const acc_t<T> value = acc_t<T>(pixel[j]);
        sum += value * value;
    }
    return k + alpha / size * sum;
}

// out = x * response^-beta. One thread per element.
template <typename T>
__global__ void local_response_norm(long long count, const T* x, T* out, int C, int size,
                                    acc_t<T> alpha, acc_t<T> beta, acc_t<T> k) {
    long long i = thread_index();
    if (i >= count) return;
    const long long target = i;
    const int c = take_last(i, C);
    const T* pixel = x + i * C;
    out[target] = T(acc_t<T>(pixel[c]) * pow(response(pixel, c, C, size, alpha, k), -beta));
}

// x[c] is in its own numerator and in the responses of the channels j whose window holds it:
//   grad_x[c] = grad[c] * response[c]^-beta
//             - 2 alpha beta / size * x[c] * sum over j of grad[j] * x[j] * response[j]^(-beta - 1)
// for j = c - (size - 1) / 2 ... c + size / 2, the window the other way round.
// One thread per element.
template <typename T>
__global__ void local_response_norm_backward(long long count, const T* grad, const T* x, T* grad_x,
                                             int C, int size, acc_t<T> alpha, acc_t<T> beta,
                                             acc_t<T> k) {
    long long i = thread_index();
    if (i >= count) return;
    const long long target = i;
    const int c = take_last(i, C);
    const T* pixel = x + i * C;
    const T* pixel_grad = grad + i * C;
    acc_t<T> sum = 0;
    const int last = min(c + size / 2, C - 1);
    for (int j = max(c - (size - 1) / 2, 0); j <= last; ++j) {
        const acc_t<T> power = pow(response(pixel, j, C, size, alpha, k), -beta - 1);
        sum += acc_t<T>(pixel_grad[j]) * acc_t<T>(pixel[j]) * power;
    }
    const acc_t<T> own = pow(response(pixel, c, C, size, alpha, k), -beta);
    grad_x[target] = T(acc_t<T>(pixel_grad[c]) * own
                       - 2 * alpha * beta / size * acc_t<T>(pixel[c]) * sum);
}
