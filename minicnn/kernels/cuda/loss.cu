// Softmax cross entropy of logits (M, C) and its gradient, in one kernel. A few neighbouring
// threads ("lanes", a power of two) share a row: each takes some of the classes, and they combine
// their results by shuffles, without shared memory or barriers.
#include "runtime/common.cuh"

constexpr unsigned int ALL_LANES = 0xffffffff;  // all 32 threads of a warp

// log(sum of exp(x)) of the values seen so far, kept as the highest value and the sum of
// exp(x - highest), so that no exponential overflows; a higher value scales the sum down. (Milakov
// and Gimelshein, "Online normalizer calculation for softmax", 2018.)
template <typename A>
struct LogSumExp {
    A highest = A(-3.4028234663852886e38);  // finite: the difference of two infinities is NaN
    A sum = 0;

    __device__ void merge(A other_highest, A other_sum) {
        const A higher = max(highest, other_highest);
        sum = sum * exp(highest - higher) + other_sum * exp(other_highest - higher);
        highest = higher;
    }
    __device__ A value() const { return highest + log(sum); }
};

// With probabilities p = exp(x - log(sum(exp(x)))) by row and
//   share[c] = weight[c] * ((1 - smoothing) * (c == target) + smoothing / C)
// loss = -sum of share[c] * log(p[c]), and its gradient by x[c] is p[c] * sum(share) - share[c].
// Rows whose target is ignore_index have loss and gradient 0. Rows whose target is not a class get
// NaN, which callers notice, instead of a read outside the arrays, which they might not. Null
// weight is 1.
template <typename T>
__global__ void softmax_cross_entropy(long long count, const T* logits, const long long* targets,
                                      const acc_t<T>* weight, T* losses, T* gradient, int C,
                                      int lanes, long long ignore_index, acc_t<T> smoothing) {
    using A = acc_t<T>;
    // Threads without a row compute row 0 again, because shuffles need all lanes of a warp.
    const bool has_row = thread_index() < count;
    long long row = has_row ? thread_index() : 0;
    const int lane = take_last(row, lanes);
    const T* x = logits + row * C;

    LogSumExp<A> all;
    A weights = 0;
    for (int c = lane; c < C; c += lanes) {
        all.merge(A(x[c]), 1);
        weights += weight ? weight[c] : A(1);
    }
    for (int distance = lanes / 2; distance > 0; distance /= 2) {
        all.merge(__shfl_xor_sync(ALL_LANES, all.highest, distance),
                  __shfl_xor_sync(ALL_LANES, all.sum, distance));
        weights += __shfl_xor_sync(ALL_LANES, weights, distance);
    }

    const long long target = targets[row];
    const bool ignored = target == ignore_index;
    const bool is_class = target >= 0 && target < C;
    const A hard = is_class ? (1 - smoothing) * (weight ? weight[target] : A(1)) : not_a_number();
    const A soft = smoothing / C;  // times weight[c]
    const A share_sum = hard + soft * weights;
    const A log_sum = log(all.sum);
    A loss = 0;
    for (int c = lane; c < C; c += lanes) {
        const A log_p = A(x[c]) - all.highest - log_sum;
        A share = soft * (weight ? weight[c] : A(1));
        if (c == target) share += hard;
        if (share != 0 || c == target) loss -= share * log_p;
        if (has_row) gradient[row * C + c] = T(ignored ? A(0) : exp(log_p) * share_sum - share);
    }
    for (int distance = lanes / 2; distance > 0; distance /= 2)
        loss += __shfl_xor_sync(ALL_LANES, loss, distance);
    if (!has_row || lane != 0) return;
    losses[row] = T(ignored ? A(0) : is_class ? loss : A(not_a_number()));
}
