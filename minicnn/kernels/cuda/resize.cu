// Resizing of x (N, H, W, C) to (N, OH, OW, C). scale is input pixels per output pixel.
//
// The backward kernels scatter with atomics, as the number of output pixels that read an input
// pixel varies; the order of the sums, and with it their last bits, may change between runs.
#include "common.cuh"

// ---- nearest ----

// The input row (column) that output row (column) `i` copies. As in torch, the product is rounded
// to float whatever the type of the pixels.
__device__ inline int nearest(int i, float scale, int IN) {
    return min((int)floorf(__fmul_rn((float)i, scale)), IN - 1);
}

// One thread per output pixel and channel.
template <typename T>
__global__ void resize_nearest(long long count, const T* x, T* out, int C, int H, int W, int OH,
                               int OW, float scale_h, float scale_w) {
    const long long target = thread_index();
    if (target >= count) return;
    long long i = target;
    const int c = take_last(i, C);
    const int w = nearest(take_last(i, OW), scale_w, W);
    const int h = nearest(take_last(i, OH), scale_h, H);
    out[target] = x[((i * H + h) * W + w) * C + c];
}

// grad (N, OH, OW, C) -> grad_x (N, H, W, C), zero before. One thread per element of grad.
template <typename T>
__global__ void resize_nearest_backward(long long count, const T* grad, T* grad_x, int C, int H,
                                        int W, int OH, int OW, float scale_h, float scale_w) {
    const long long source = thread_index();
    if (source >= count) return;
    long long i = source;
    const int c = take_last(i, C);
    const int w = nearest(take_last(i, OW), scale_w, W);
    const int h = nearest(take_last(i, OH), scale_h, H);
    atomicAdd(&grad_x[((i * H + h) * W + w) * C + c], grad[source]);
}

// ---- bilinear ----

// The two input rows (columns) between which output row (column) `i` lies, and the share of the
// second. With align_corners the centres of the corner pixels coincide, else their outer edges.
template <typename A>
struct Between {
    int first, second;
    A share;

    __device__ Between(int i, A scale, int IN, bool align_corners) {
        const A position = align_corners ? i * scale : max((i + A(0.5)) * scale - A(0.5), A(0));
        first = min((int)position, IN - 1);
        second = min(first + 1, IN - 1);
        share = min(position - first, A(1));
    }
};

// One thread per output pixel and channel.
template <typename T>
__global__ void resize_bilinear(long long count, const T* x, T* out, int C, int H, int W, int OH,
                                int OW, acc_t<T> scale_h, acc_t<T> scale_w, bool align_corners) {
    using A = acc_t<T>;
    const long long target = thread_index();
    if (target >= count) return;
    long long i = target;
    const int c = take_last(i, C);
    const Between<A> w(take_last(i, OW), scale_w, W, align_corners);
    const Between<A> h(take_last(i, OH), scale_h, H, align_corners);
    const T* above = x + (i * H + h.first) * W * C + c;
    const T* below = x + (i * H + h.second) * W * C + c;
    const long long left = (long long)w.first * C;
    const long long right = (long long)w.second * C;
    const A upper = (1 - w.share) * A(above[left]) + w.share * A(above[right]);
    const A lower = (1 - w.share) * A(below[left]) + w.share * A(below[right]);
    out[target] = T((1 - h.share) * upper + h.share * lower);
}

// grad (N, OH, OW, C) -> grad_x (N, H, W, C), zero before. One thread per element of grad, which
// it shares out among the four input pixels.
template <typename T>
__global__ void resize_bilinear_backward(long long count, const T* grad, T* grad_x, int C, int H,
                                         int W, int OH, int OW, acc_t<T> scale_h, acc_t<T> scale_w,
                                         bool align_corners) {
    using A = acc_t<T>;
    const long long source = thread_index();
    if (source >= count) return;
    long long i = source;
    const int c = take_last(i, C);
    const Between<A> w(take_last(i, OW), scale_w, W, align_corners);
    const Between<A> h(take_last(i, OH), scale_h, H, align_corners);
    T* above = grad_x + (i * H + h.first) * W * C + c;
    T* below = grad_x + (i * H + h.second) * W * C + c;
    const long long left = (long long)w.first * C;
    const long long right = (long long)w.second * C;
    const A value = A(grad[source]);
    atomicAdd(&above[left], T((1 - h.share) * (1 - w.share) * value));
    atomicAdd(&above[right], T((1 - h.share) * w.share * value));
    atomicAdd(&below[left], T(h.share * (1 - w.share) * value));
    atomicAdd(&below[right], T(h.share * w.share * value));
}
