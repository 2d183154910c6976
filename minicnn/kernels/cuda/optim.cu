// Optimizer steps, one thread per weight. Every array but grad is updated in place.
// A share such as 1 - beta comes as an argument of its own: 1 - 0.999f is off by 1e-5 already.
#include "common.cuh"

// g = grad + weight_decay * param
// momentum buffer b (null without): b = momentum * b + (1 - dampening) * g
// param -= lr * (b, or g + momentum * b for Nesterov's)
template <typename T>
__global__ void sgd_step(long long count, T* param, const T* grad, T* buffer, acc_t<T> lr,
                         acc_t<T> momentum, acc_t<T> grad_share, acc_t<T> weight_decay,
                         bool nesterov) {
    const long long i = thread_index();
    if (i >= count) return;
    acc_t<T> g = acc_t<T>(grad[i]) + weight_decay * acc_t<T>(param[i]);
    if (buffer) {
        const acc_t<T> b = momentum * acc_t<T>(buffer[i]) + grad_share * g;
        buffer[i] = T(b);
        g = nesterov ? g + momentum * b : b;
    }
    param[i] = T(acc_t<T>(param[i]) - lr * g);
}

// Kingma and Ba, "Adam", ICLR 2015; decoupled: Loshchilov and Hutter's AdamW, ICLR 2019.
// step_size is lr / (1 - beta1^step), correction sqrt(1 - beta2^step).
template <typename T>
__global__ void adam_step(long long count, T* param, const T* grad, T* mean, T* square,
                          acc_t<T> lr, acc_t<T> step_size, acc_t<T> correction, acc_t<T> beta1,
                          acc_t<T> share1, acc_t<T> beta2, acc_t<T> share2, acc_t<T> eps,
                          acc_t<T> weight_decay, bool decoupled) {
    const long long i = thread_index();
    if (i >= count) return;
    acc_t<T> p = acc_t<T>(param[i]);
    acc_t<T> g = acc_t<T>(grad[i]);
    if (decoupled)
        p -= lr * weight_decay * p;
    else
        g += weight_decay * p;
    const acc_t<T> m = beta1 * acc_t<T>(mean[i]) + share1 * g;
    const acc_t<T> v = beta2 * acc_t<T>(square[i]) + share2 * g * g;
    mean[i] = T(m);
    square[i] = T(v);
    param[i] = T(p - step_size * m / (sqrt(v) / correction + eps));
}

// Tieleman and Hinton's RMSprop, 2012, as in torch: eps outside the root. `average` (null unless
// centered) tracks the gradient itself, and its square is subtracted; `buffer` is null without
// momentum.
template <typename T>
__global__ void rmsprop_step(long long count, T* param, const T* grad, T* square, T* buffer,
                             T* average, acc_t<T> lr, acc_t<T> alpha, acc_t<T> share, acc_t<T> eps,
                             acc_t<T> momentum, acc_t<T> weight_decay) {
    const long long i = thread_index();
    if (i >= count) return;
    const acc_t<T> g = acc_t<T>(grad[i]) + weight_decay * acc_t<T>(param[i]);
    acc_t<T> v = alpha * acc_t<T>(square[i]) + share * g * g;
    square[i] = T(v);
    if (average) {
        const acc_t<T> mean = alpha * acc_t<T>(average[i]) + share * g;
        average[i] = T(mean);
        v -= mean * mean;
    }
    acc_t<T> step = g / (sqrt(v) + eps);
    if (buffer) {
        step += momentum * acc_t<T>(buffer[i]);
        buffer[i] = T(step);
    }
    param[i] = T(acc_t<T>(param[i]) - lr * step);
}
