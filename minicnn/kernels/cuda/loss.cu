// Softmax cross entropy of logits (M, C), one warp per row: 32 threads walk along the classes, and
// exchange their maxima and sums by shuffles, without shared memory or barriers.
#include "common.cuh"

constexpr int WARP = 32;

template <typename A>
__device__ A warp_max(A value) {
    for (int distance = WARP / 2; distance > 0; distance /= 2) {
        const A other = __shfl_xor_sync(0xffffffff, value, distance);
        if (other > value || isnan(other)) value = other;  // NaN wins
    }
    return value;
}

template <typename A>
__device__ A warp_sum(A value) {
    for (int distance = WARP / 2; distance > 0; distance /= 2)
        value += __shfl_xor_sync(0xffffffff, value, distance);
    return value;
}

// A target that is neither ignored nor a class: its row becomes NaN, which callers notice, instead
// of a read outside the arrays, which they might not.
__device__ inline bool out_of_range(long long target, int C) { return target < 0 || target >= C; }

// log_probabilities = x - max(x) - log(sum(exp(x - max(x)))) by row, and
// loss = -(1 - smoothing) * weight[target] * log_probabilities[target]
//        - smoothing / C * sum over c of weight[c] * log_probabilities[c],
// or 0 if target is ignore_index. Null weight is 1.
template <typename T>
__global__ void softmax_cross_entropy(long long count, const T* logits, const long long* targets,
                                      const acc_t<T>* weight, T* losses, T* log_probabilities,
                                      int C, long long ignore_index, acc_t<T> smoothing) {
    using A = acc_t<T>;
    const long long i = thread_index();
    if (i >= count) return;
    const long long row = i / WARP;
    const int lane = threadIdx.x % WARP;
    const T* x = logits + row * C;
    T* log_p = log_probabilities + row * C;

    A highest = A(-infinity());
    for (int c = lane; c < C; c += WARP)
        if (A(x[c]) > highest || isnan(A(x[c]))) highest = A(x[c]);
    highest = warp_max(highest);

    A sum = 0;
    for (int c = lane; c < C; c += WARP) sum += exp(A(x[c]) - highest);
    const A log_sum = log(warp_sum(sum));

    A smooth = 0;
    for (int c = lane; c < C; c += WARP) {
        const A value = A(x[c]) - highest - log_sum;
        log_p[c] = T(value);
        if (smoothing != 0) smooth -= (weight ? weight[c] : A(1)) * value;
    }
    smooth = warp_sum(smooth);

    if (lane != 0) return;
    const long long target = targets[row];
    if (target == ignore_index) {
        losses[row] = T(0);
    } else if (out_of_range(target, C)) {
        losses[row] = T(not_a_number());
    } else {
        const A exact = -(weight ? weight[target] : A(1)) * (A(x[target]) - highest - log_sum);
        losses[row] = T((1 - smoothing) * exact + smoothing / C * smooth);
    }
}

// The loss is -sum of share[c] * log_probabilities[c], where
//   share[c] = weight[c] * ((1 - smoothing) * (c == target) + smoothing / C);
// its gradient is probability[c] * sum(share) - share[c], times grad (M,). One warp per row.
template <typename T>
__global__ void softmax_cross_entropy_backward(long long count, const T* grad,
                                               const T* log_probabilities,
                                               const long long* targets, const acc_t<T>* weight,
                                               T* grad_logits, int C, long long ignore_index,
                                               acc_t<T> smoothing) {
    using A = acc_t<T>;
    const long long i = thread_index();
    if (i >= count) return;
    const long long row = i / WARP;
    const int lane = threadIdx.x % WARP;
    const T* log_p = log_probabilities + row * C;
    T* result = grad_logits + row * C;

    const long long target = targets[row];
    if (target == ignore_index || out_of_range(target, C)) {
        const T value = target == ignore_index ? T(0) : T(not_a_number());
        for (int c = lane; c < C; c += WARP) result[c] = value;
        return;
    }

    A weights = 0;
    for (int c = lane; c < C; c += WARP) weights += weight ? weight[c] : A(1);
    weights = warp_sum(weights);
    const A share_sum =
        (1 - smoothing) * (weight ? weight[target] : A(1)) + smoothing / C * weights;

    const A scale = A(grad[row]);
    for (int c = lane; c < C; c += WARP) {
        const A share = (weight ? weight[c] : A(1))
                        * ((c == target ? 1 - smoothing : A(0)) + smoothing / C);
        result[c] = T(scale * (exp(A(log_p[c])) * share_sum - share));
    }
}
