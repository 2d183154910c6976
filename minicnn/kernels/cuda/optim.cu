// Optimizer steps: one launch updates all weights of a network, by a table (runtime/table.cuh).
//
// The hyperparameters are in device memory, too (see runtime/hyperparameters.py). A share such as
// 1 - beta is passed separately, because 1 - 0.999f would be off by 1e-5.
#include "runtime/common.cuh"
#include "runtime/table.cuh"

constexpr int STATES = 3;  // arrays of optimizer state for each array of weights, at most

// A row of the table: one array of weights and what belongs to it. Null: there is no such array.
template <typename T, typename Half>
struct Row {
    T* param;
    const void* grad;  // T or Half
    T* state[STATES];
    Half* half_copy;  // a 16-bit copy of the weights, for the next forward pass
    long long size;
    long long first_block;
};

// Updates weights i to i + N - 1 of one array.
template <int N, typename T, typename Half, typename Update>
__device__ inline void update_vector(const Row<T, Half>& row, long long i, bool half_grads,
                                   acc_t<T> grad_scale, const Update& update) {
    acc_t<T> param[N], grad[N], state[STATES][N];
    read(param, row.param + i);
    if (half_grads)
        read(grad, (const Half*)row.grad + i);
    else
        read(grad, (const T*)row.grad + i);
    for (int s = 0; s < STATES; ++s)
        if (row.state[s]) read(state[s], row.state[s] + i);

    for (int j = 0; j < N; ++j)
        update(param[j], grad[j] * grad_scale, state[0][j], state[1][j], state[2][j]);

    write(row.param + i, param);
    for (int s = 0; s < STATES; ++s)
        if (row.state[s]) write(row.state[s] + i, state[s]);
    if (row.half_copy) write(row.half_copy + i, param);
}

// Calls update(param, grad, state 0, 1, 2) for every weight of a block. All arguments are in
// registers; param and states are references.
//
// grad_scale (null: 1) undoes the scaling of a half-precision loss. If found_inf (null: 0) says
// that gradients overflowed, nothing is changed.
template <typename T, typename Half, typename Update>
__device__ inline void for_each_weight(const Row<T, Half>* table, int rows, bool half_grads,
                                       const float* grad_scale, const float* found_inf,
                                       const Update& update) {
    if (found_inf && *found_inf != 0) return;
    const acc_t<T> scale = grad_scale ? *grad_scale : 1;
    const Row<T, Half> row = find_row(table, rows, blockIdx.x);
    bool aligned = is_aligned(row.param) && is_aligned(row.half_copy) &&
                   (half_grads ? is_aligned((const Half*)row.grad)
                               : is_aligned((const T*)row.grad));
    for (int s = 0; s < STATES; ++s) aligned = aligned && is_aligned(row.state[s]);
    for_each_of_chunk(row, aligned, [&](auto width, long long i) {
        update_vector<decltype(width)::value>(row, i, half_grads, scale, update);
    });
}

// ---- the optimizers; h are the hyperparameters, in the order in which optim.py sends them ----

// g = grad + weight_decay * param
// momentum buffer b, if any: b = momentum * b + (1 - dampening) * g
// param -= lr * (b, or g + momentum * b for Nesterov's)
template <typename Real>
struct SGD {
    Real lr, momentum, grad_share, weight_decay;
    bool has_buffer, nesterov;

    __device__ SGD(const double* h, bool has_buffer, bool nesterov)
        : lr(h[0]), momentum(h[1]), grad_share(h[2]), weight_decay(h[3]),
          has_buffer(has_buffer), nesterov(nesterov) {}

    __device__ void operator()(Real& param, Real grad, Real& buffer, Real&, Real&) const {
        Real g = grad + weight_decay * param;
        if (has_buffer) {
            buffer = momentum * buffer + grad_share * g;
            g = nesterov ? g + momentum * buffer : buffer;
        }
        param -= lr * g;
    }
};

template <typename T, typename Half>
__global__ void sgd_step(const Row<T, Half>* table, int rows, bool half_grads,
                         const float* grad_scale, const float* found_inf,
                         const double* hyperparameters, bool has_buffer, bool nesterov) {
    const SGD<acc_t<T>> update(hyperparameters, has_buffer, nesterov);
    for_each_weight(table, rows, half_grads, grad_scale, found_inf, update);
}

// Kingma and Ba, "Adam", ICLR 2015; decoupled: Loshchilov and Hutter's AdamW, ICLR 2019.
// step_size is lr / (1 - beta1^step), correction sqrt(1 - beta2^step), decay lr * weight_decay.
// amsgrad: the root is of the largest mean square so far (Reddi et al., ICLR 2018), NaN if it ever was.
template <typename Real>
struct Adam {
    Real step_size, correction, beta1, share1, beta2, share2, eps, weight_decay, decay;
    bool decoupled, amsgrad;

    __device__ Adam(const double* h, bool decoupled, bool amsgrad)
        : step_size(h[0]), correction(h[1]), beta1(h[2]), share1(h[3]), beta2(h[4]), share2(h[5]),
          eps(h[6]), weight_decay(h[7]), decay(h[8]), decoupled(decoupled), amsgrad(amsgrad) {}

    __device__ void operator()(Real& param, Real grad, Real& mean, Real& square,
                               Real& largest) const {
        if (decoupled)
            param -= decay * param;
        else
            grad += weight_decay * param;
        mean = beta1 * mean + share1 * grad;
        square = beta2 * square + share2 * grad * grad;
        if (amsgrad && !(square <= largest) && largest == largest) largest = square;
        param -= step_size * mean / (sqrt(amsgrad ? largest : square) / correction + eps);
    }
};

template <typename T, typename Half>
__global__ void adam_step(const Row<T, Half>* table, int rows, bool half_grads,
                          const float* grad_scale, const float* found_inf,
                          const double* hyperparameters, bool decoupled, bool amsgrad) {
    const Adam<acc_t<T>> update(hyperparameters, decoupled, amsgrad);
    for_each_weight(table, rows, half_grads, grad_scale, found_inf, update);
}

// Tieleman and Hinton's RMSprop, 2012, as in torch: eps outside the root. `average` tracks the
// gradient itself and its square is subtracted, if centered.
template <typename Real>
struct RMSprop {
    Real lr, alpha, share, eps, momentum, weight_decay;
    bool has_buffer, centered;

    __device__ RMSprop(const double* h, bool has_buffer, bool centered)
        : lr(h[0]), alpha(h[1]), share(h[2]), eps(h[3]), momentum(h[4]), weight_decay(h[5]),
          has_buffer(has_buffer), centered(centered) {}

    __device__ void operator()(Real& param, Real grad, Real& square, Real& buffer,
                               Real& average) const {
        const Real g = grad + weight_decay * param;
        square = alpha * square + share * g * g;
        Real variance = square;
        if (centered) {
            average = alpha * average + share * g;
            variance -= average * average;
        }
        Real step = g / (sqrt(variance) + eps);
        if (has_buffer) {
            buffer = momentum * buffer + step;
            step = buffer;
        }
        param -= lr * step;
    }
};

template <typename T, typename Half>
__global__ void rmsprop_step(const Row<T, Half>* table, int rows, bool half_grads,
                             const float* grad_scale, const float* found_inf,
                             const double* hyperparameters, bool has_buffer, bool centered) {
    const RMSprop<acc_t<T>> update(hyperparameters, has_buffer, centered);
    for_each_weight(table, rows, half_grads, grad_scale, found_inf, update);
}
