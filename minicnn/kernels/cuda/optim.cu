// Optimizer steps: one launch updates all weights of a network.
//
// Weights come in many arrays, and a launch for each would take longer than the arithmetic. So a
// table in device memory holds a row of addresses for each array, blocks are dealt out over all
// arrays together, CHUNK weights each, and a block looks up which array it works on.
//
// The hyper-parameters are in device memory, too (see runtime/hyperparameters.py). A share such as
// 1 - beta is a number of its own: 1 - 0.999f is off by 1e-5 already.
#include "runtime/common.cuh"

constexpr int CHUNK = 8192;  // weights that a block updates; optim.py has the same number
constexpr int STATES = 3;    // arrays that an optimizer may keep beside each array of weights

// What the table says about one array of weights. Null: there is no such array.
template <typename T, typename Half>
struct Row {
    T* param;
    const void* grad;  // T or Half
    T* state[STATES];
    Half* lowered;  // a 16-bit copy of the weights, for the next forward pass
    long long size;
    long long first_block;
};

// N neighbouring numbers that one instruction loads or stores.
template <typename T, int N>
struct alignas(N * sizeof(T)) Pack {
    T values[N];
};

template <typename T, int N>
__device__ inline bool is_aligned(const T* address) {
    return (unsigned long long)address % sizeof(Pack<T, N>) == 0;
}

template <int N, typename T, typename Real>
__device__ inline void load(Real (&values)[N], const T* address) {
    const Pack<T, N> pack = *(const Pack<T, N>*)address;
    for (int j = 0; j < N; ++j) values[j] = Real(pack.values[j]);
}

template <int N, typename T, typename Real>
__device__ inline void store(T* address, const Real (&values)[N]) {
    Pack<T, N> pack;
    for (int j = 0; j < N; ++j) pack.values[j] = T(values[j]);
    *(Pack<T, N>*)address = pack;
}

// Updates weights i to i + N - 1 of one array.
template <int N, typename T, typename Half, typename Update>
__device__ inline void update_pack(const Row<T, Half>& row, long long i, bool half_grads,
                                   acc_t<T> grad_scale, const Update& update) {
    acc_t<T> param[N], grad[N], state[STATES][N];
    load(param, row.param + i);
    if (half_grads)
        load(grad, (const Half*)row.grad + i);
    else
        load(grad, (const T*)row.grad + i);
    for (int s = 0; s < STATES; ++s)
        if (row.state[s]) load(state[s], row.state[s] + i);

    for (int j = 0; j < N; ++j)
        update(param[j], grad[j] * grad_scale, state[0][j], state[1][j], state[2][j]);

    store(row.param + i, param);
    for (int s = 0; s < STATES; ++s)
        if (row.state[s]) store(row.state[s] + i, state[s]);
    if (row.lowered) store(row.lowered + i, param);
}

// The row of the array that a block works on: the last one that begins at the block or before.
template <typename T, typename Half>
__device__ inline Row<T, Half> find_row(const Row<T, Half>* table, int rows, long long block) {
    int low = 0, high = rows;  // it is in [low, high)
    while (high - low > 1) {
        const int middle = (low + high) / 2;
        if (table[middle].first_block <= block)
            low = middle;
        else
            high = middle;
    }
    return table[low];
}

// Calls update(param, grad, state 0, 1, 2) for every weight of a block, all of them references to
// numbers in registers but grad.
//
// grad_scale (null: 1) undoes the scaling of a half-precision loss; where found_inf (null: 0) says
// that the gradients have overflown, nothing is changed.
template <typename T, typename Half, typename Update>
__device__ inline void for_each_weight(const Row<T, Half>* table, int rows, bool half_grads,
                                       const float* grad_scale, const float* found_inf,
                                       const Update& update) {
    if (found_inf && *found_inf != 0) return;
    const acc_t<T> scale = grad_scale ? *grad_scale : 1;
    const Row<T, Half> row = find_row(table, rows, blockIdx.x);
    const long long begin = (blockIdx.x - row.first_block) * CHUNK;
    const long long end = begin + CHUNK < row.size ? begin + CHUNK : row.size;

    bool aligned = is_aligned<T, 4>(row.param) && is_aligned<Half, 4>(row.lowered) &&
                   (half_grads ? is_aligned<Half, 4>((const Half*)row.grad)
                               : is_aligned<T, 4>((const T*)row.grad));
    for (int s = 0; s < STATES; ++s) aligned = aligned && is_aligned<T, 4>(row.state[s]);

    // Four weights at a time, and one at a time what is left.
    const long long packed = aligned ? begin + (end - begin) / 4 * 4 : begin;
    for (long long i = begin + 4 * threadIdx.x; i < packed; i += 4 * blockDim.x)
        update_pack<4>(row, i, half_grads, scale, update);
    for (long long i = packed + threadIdx.x; i < end; i += blockDim.x)
        update_pack<1>(row, i, half_grads, scale, update);
}

// ---- the optimizers ----

// g = grad + weight_decay * param
// momentum buffer b, if any: b = momentum * b + (1 - dampening) * g
// param -= lr * (b, or g + momentum * b for Nesterov's)
template <typename Real>
struct SGD {
    Real lr, momentum, grad_share, weight_decay;
    bool has_buffer, nesterov;

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
                         const float* grad_scale, const float* found_inf, const double* numbers,
                         bool has_buffer, bool nesterov) {
    using Real = acc_t<T>;
    const SGD<Real> update = {Real(numbers[0]), Real(numbers[1]), Real(numbers[2]),
                              Real(numbers[3]), has_buffer,       nesterov};
    for_each_weight(table, rows, half_grads, grad_scale, found_inf, update);
}

// Kingma and Ba, "Adam", ICLR 2015; decoupled: Loshchilov and Hutter's AdamW, ICLR 2019.
// step_size is lr / (1 - beta1^step), correction sqrt(1 - beta2^step), decay lr * weight_decay.
template <typename Real>
struct Adam {
    Real step_size, correction, beta1, share1, beta2, share2, eps, weight_decay, decay;
    bool decoupled;

    __device__ void operator()(Real& param, Real grad, Real& mean, Real& square, Real&) const {
        if (decoupled)
            param -= decay * param;
        else
            grad += weight_decay * param;
        mean = beta1 * mean + share1 * grad;
        square = beta2 * square + share2 * grad * grad;
        param -= step_size * mean / (sqrt(square) / correction + eps);
    }
};

template <typename T, typename Half>
__global__ void adam_step(const Row<T, Half>* table, int rows, bool half_grads,
                          const float* grad_scale, const float* found_inf, const double* numbers,
                          bool decoupled) {
    using Real = acc_t<T>;
    const Adam<Real> update = {Real(numbers[0]), Real(numbers[1]), Real(numbers[2]),
                               Real(numbers[3]), Real(numbers[4]), Real(numbers[5]),
                               Real(numbers[6]), Real(numbers[7]), Real(numbers[8]),
                               decoupled};
    for_each_weight(table, rows, half_grads, grad_scale, found_inf, update);
}

// Tieleman and Hinton's RMSprop, 2012, as in torch: eps outside the root. `average` tracks the
// gradient itself and its square is subtracted, if centered.
template <typename Real>
struct RMSprop {
    Real lr, alpha, share, eps, momentum, weight_decay;
    bool has_buffer, centered;

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
                             const double* numbers, bool has_buffer, bool centered) {
    using Real = acc_t<T>;
    const RMSprop<Real> update = {Real(numbers[0]), Real(numbers[1]), Real(numbers[2]),
                                  Real(numbers[3]), Real(numbers[4]), Real(numbers[5]),
                                  has_buffer,       centered};
    for_each_weight(table, rows, half_grads, grad_scale, found_inf, update);
}
