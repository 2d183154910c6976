// Normalisation. x is (M, C) in memory: M samples or pixels of C channels.
//
// Sums over M run in two steps, so that all of a large GPU has work even for few channels, and
// without atomics, so that their order is fixed:
//   1. block (bx, by) reads 32 channels of every so many rows, and writes one partial result per
//      channel: partial (SPLITS, C), SPLITS = gridDim.y;
//   2. one warp per channel combines the SPLITS partial results.
#include "common.cuh"

constexpr int WARP = 32;       // threads that run in lockstep: channels of a block in step 1
constexpr int BLOCK_ROWS = 8;  // rows that a block of step 1 reads at a time

// ---- what is summed ----

// Count, mean and sum of squared deviations from the mean, which can be merged without the loss of
// digits that sum(x^2) - sum(x)^2 / M suffers (Chan et al., "Algorithms for computing the sample
// variance", 1983).
template <typename A>
struct Moments {
    A count, mean, squares;

    __device__ void add(A value) {
        count += 1;
        const A delta = value - mean;
        mean += delta / count;
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
    __device__ Moments from_lane_below(int distance) const {
        return {__shfl_down_sync(0xffffffff, count, distance),
                __shfl_down_sync(0xffffffff, mean, distance),
                __shfl_down_sync(0xffffffff, squares, distance)};
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
    __device__ GradSums from_lane_below(int distance) const {
        return {__shfl_down_sync(0xffffffff, grad, distance),
                __shfl_down_sync(0xffffffff, grad_x, distance)};
    }
};

// Step 1, once each thread has its own part: merges the rows of a block in shared memory.
template <typename Part>
__device__ void merge_block(Part part, Part* partial, int channel, int C) {
    __shared__ Part parts[BLOCK_ROWS][WARP];
    parts[threadIdx.y][threadIdx.x] = part;
    __syncthreads();
    if (threadIdx.y != 0 || channel >= C) return;
    for (int row = 1; row < BLOCK_ROWS; ++row) part.merge(parts[row][threadIdx.x]);
    partial[(long long)blockIdx.y * C + channel] = part;
}

// Step 2: lane 0 of the calling warp gets the result of a channel.
template <typename Part>
__device__ Part merge_warp(const Part* partial, int channel, int C, int splits) {
    Part part = {};
    for (int split = threadIdx.x % WARP; split < splits; split += WARP)
        part.merge(partial[(long long)split * C + channel]);
    for (int distance = WARP / 2; distance > 0; distance /= 2)
        part.merge(part.from_lane_below(distance));
    return part;
}

// ---- batch norm, forward ----

// x (M, C) -> partial (SPLITS, C). Block (32 channels, 8 rows), grid (channels / 32, SPLITS).
template <typename T>
__global__ void batch_norm_moments(const T* x, Moments<acc_t<T>>* partial, long long M, int C) {
    const int channel = blockIdx.x * WARP + threadIdx.x;
    Moments<acc_t<T>> part = {};
    if (channel < C) {
        for (long long row = (long long)blockIdx.y * BLOCK_ROWS + threadIdx.y; row < M;
             row += (long long)gridDim.y * BLOCK_ROWS)
            part.add(acc_t<T>(x[row * C + channel]));
    }
    merge_block(part, partial, channel, C);
}

// partial (SPLITS, C) -> mean and biased variance (C,). One warp per channel.
template <typename A>
__global__ void batch_norm_statistics(long long count, const Moments<A>* partial, A* mean,
                                      A* variance, int C, int splits) {
    const long long i = thread_index();
    if (i >= count) return;
    const int channel = (int)(i / WARP);
    const Moments<A> all = merge_warp(partial, channel, C, splits);
    if (threadIdx.x % WARP != 0) return;
    mean[channel] = all.mean;
    variance[channel] = all.squares / all.count;
}

// out = (x - mean) / sqrt(variance + eps) * weight + bias. One thread per element.
template <typename T>
__global__ void batch_norm_apply(long long count, const T* x, const acc_t<T>* mean,
                                 const acc_t<T>* variance, const acc_t<T>* weight,
                                 const acc_t<T>* bias, T* out, int C, acc_t<T> eps) {
    long long i = thread_index();
    if (i >= count) return;
    const long long target = i;
    const int c = take_last(i, C);
    const acc_t<T> z = (acc_t<T>(x[target]) - mean[c]) / sqrt(variance[c] + eps);
    out[target] = T(z * weight[c] + bias[c]);
}

// ---- batch norm, backward ----

// grad and x (M, C) -> partial (SPLITS, C). Block and grid as batch_norm_moments.
template <typename T>
__global__ void batch_norm_grad_sums(const T* grad, const T* x, const acc_t<T>* mean,
                                     GradSums<acc_t<T>>* partial, long long M, int C) {
    const int channel = blockIdx.x * WARP + threadIdx.x;
    GradSums<acc_t<T>> part = {};
    if (channel < C) {
        for (long long row = (long long)blockIdx.y * BLOCK_ROWS + threadIdx.y; row < M;
             row += (long long)gridDim.y * BLOCK_ROWS) {
            const acc_t<T> value = acc_t<T>(grad[row * C + channel]);
            part.grad += value;
            part.grad_x += value * (acc_t<T>(x[row * C + channel]) - mean[channel]);
        }
    }
    merge_block(part, partial, channel, C);
}

// partial (SPLITS, C) -> gradients of weight and bias (C,). One warp per channel.
template <typename A>
__global__ void batch_norm_grad_parameters(long long count, const GradSums<A>* partial,
                                           const A* variance, A* grad_weight, A* grad_bias, int C,
                                           int splits, A eps) {
    const long long i = thread_index();
    if (i >= count) return;
    const int channel = (int)(i / WARP);
    const GradSums<A> all = merge_warp(partial, channel, C, splits);
    if (threadIdx.x % WARP != 0) return;
    grad_weight[channel] = all.grad_x / sqrt(variance[channel] + eps);
    grad_bias[channel] = all.grad;
}

// With z = (x - mean) / deviation, the gradient of x is
//   weight / deviation * (grad - mean of grad - z * mean of (grad * z)):
// the two means are what x loses by moving its channel's mean and variance. One thread per element.
template <typename T>
__global__ void batch_norm_grad_input(long long count, const T* grad, const T* x,
                                      const acc_t<T>* mean, const acc_t<T>* variance,
                                      const acc_t<T>* weight, const acc_t<T>* grad_weight,
                                      const acc_t<T>* grad_bias, T* grad_x, long long M, int C,
                                      acc_t<T> eps) {
    long long i = thread_index();
    if (i >= count) return;
    const long long target = i;
    const int c = take_last(i, C);
    const acc_t<T> deviation = sqrt(variance[c] + eps);
    const acc_t<T> z = (acc_t<T>(x[target]) - mean[c]) / deviation;
    const acc_t<T> lost = (grad_bias[c] + z * grad_weight[c]) / acc_t<T>(M);
    grad_x[target] = T(weight[c] / deviation * (acc_t<T>(grad[target]) - lost));
}

// ---- scale and shift by channel ----

// out = x * scale + shift; scale and shift (C,). One thread per element.
template <typename T>
__global__ void channel_affine(long long count, const T* x, const acc_t<T>* scale,
                               const acc_t<T>* shift, T* out, int C) {
    long long i = thread_index();
    if (i >= count) return;
    const long long target = i;
    const int c = take_last(i, C);
    out[target] = T(acc_t<T>(x[target]) * scale[c] + shift[c]);
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
