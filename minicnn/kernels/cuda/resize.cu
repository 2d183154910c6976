// Resizing of x (N, H, W, C) to (N, OH, OW, C). scale is input pixels per output pixel.
//
// The gradient is gathered: each input pixel looks for the output pixels that read it, which lie in
// a range of rows and a range of columns. Scattering would need no search but atomics, which sum in
// nondeterministic order and do not exist for all 16-bit types.
#include "runtime/common.cuh"

// ---- along one axis: the input pixels that output pixel `i` reads ----

// The input pixel that it copies. As in torch, the product is rounded to float, whatever type the
// pixels have.
struct Nearest {
    int first;

    __device__ Nearest(int i, float scale, int IN, int OUT, bool align_corners)
        : first(min((int)floorf(__fmul_rn((float)i, scale)), IN - 1)) {}
    __device__ float weight(int pixel) const { return pixel == first ? 1 : 0; }
};

// The two input pixels that it lies between, and the share of the second. With align_corners the
// centres of the corner pixels coincide, otherwise their outer edges. A size that stays is copied.
template <typename A>
struct Between {
    int first, second;
    A share;

    __device__ Between(int i, A scale, int IN, int OUT, bool align_corners) {
        const A position = align_corners ? i * scale : max((i + A(0.5)) * scale - A(0.5), A(0));
        first = min((int)position, IN - 1);
        second = IN == OUT ? first : min(first + 1, IN - 1);
        share = min(position - first, A(1));
    }
    __device__ A weight(int pixel) const {
        return (pixel == first ? 1 - share : A(0)) + (pixel == second ? share : A(0));
    }
};

// ---- forward: one thread per output pixel and channel ----

template <typename T>
__global__ void resize_nearest(long long count, const T* x, T* out, int C, int H, int W, int OH,
                               int OW, float scale_h, float scale_w) {
    const long long target = thread_index();
    if (target >= count) return;
    const Position pixel(target, OH, OW, C);
    const int h = Nearest(pixel.h, scale_h, H, OH, false).first;
    const int w = Nearest(pixel.w, scale_w, W, OW, false).first;
    out[target] = x[((pixel.n * H + h) * W + w) * C + pixel.c];
}

template <typename T>
__global__ void resize_bilinear(long long count, const T* x, T* out, int C, int H, int W, int OH,
                                int OW, acc_t<T> scale_h, acc_t<T> scale_w, bool align_corners) {
    using A = acc_t<T>;
    const long long target = thread_index();
    if (target >= count) return;
    const Position pixel(target, OH, OW, C);
    const Between<A> h(pixel.h, scale_h, H, OH, align_corners);
    const Between<A> w(pixel.w, scale_w, W, OW, align_corners);
    const T* above = x + (pixel.n * H + h.first) * W * C + pixel.c;
    const T* below = x + (pixel.n * H + h.second) * W * C + pixel.c;
    const long long left = (long long)w.first * C;
    const long long right = (long long)w.second * C;
    const A upper = (1 - w.share) * A(above[left]) + w.share * A(above[right]);
    const A lower = (1 - w.share) * A(below[left]) + w.share * A(below[right]);
    out[target] = T((1 - h.share) * upper + h.share * lower);
}

// ---- backward: one thread per input pixel and channel ----

// The output pixels that may read input pixel `pixel`, first ... last; some at the ends may not.
// All output pixels that would lie beyond the input read its last pixel.
struct OutputRange {
    int first, last;

    // Output pixel i lies between i * scale and (i + 0.5) * scale - 0.5. One more pixel on either
    // side makes up for rounding.
    template <typename A>
    __device__ OutputRange(int pixel, A scale, int IN, int OUT) {
        const A from = (pixel - 1) / scale - 2;
        const A to = (pixel + A(1.5)) / scale + 2;
        first = (int)max(from, A(0));
        last = pixel == IN - 1 || !(to < OUT - 1) ? OUT - 1 : (int)to;
    }
};

// grad_x = sum of grad (N, OH, OW, C) times the weights with which its pixels read this pixel.
template <typename T, typename Interpolation, typename A>
__device__ void gather_gradient(long long count, const T* grad, T* grad_x, int C, int H, int W,
                                int OH, int OW, A scale_h, A scale_w, bool align_corners) {
    const long long target = thread_index();
    if (target >= count) return;
    const Position pixel(target, H, W, C);
    const OutputRange rows(pixel.h, scale_h, H, OH);
    const OutputRange columns(pixel.w, scale_w, W, OW);
    acc_t<T> sum = 0;
    for (int oh = rows.first; oh <= rows.last; ++oh) {
        const acc_t<T> row_weight =
            Interpolation(oh, scale_h, H, OH, align_corners).weight(pixel.h);
        if (row_weight == 0) continue;
        for (int ow = columns.first; ow <= columns.last; ++ow) {
            const acc_t<T> weight =
                row_weight * Interpolation(ow, scale_w, W, OW, align_corners).weight(pixel.w);
            const long long source = ((pixel.n * OH + oh) * OW + ow) * C + pixel.c;
            if (weight != 0) sum += weight * acc_t<T>(grad[source]);
        }
    }
    grad_x[target] = T(sum);
}

template <typename T>
__global__ void resize_nearest_backward(long long count, const T* grad, T* grad_x, int C, int H,
                                        int W, int OH, int OW, float scale_h, float scale_w) {
    gather_gradient<T, Nearest>(count, grad, grad_x, C, H, W, OH, OW, scale_h, scale_w, false);
}

template <typename T>
__global__ void resize_bilinear_backward(long long count, const T* grad, T* grad_x, int C, int H,
                                         int W, int OH, int OW, acc_t<T> scale_h, acc_t<T> scale_w,
                                         bool align_corners) {
    gather_gradient<T, Between<acc_t<T>>>(count, grad, grad_x, C, H, W, OH, OW, scale_h, scale_w,
                                          align_corners);
}
