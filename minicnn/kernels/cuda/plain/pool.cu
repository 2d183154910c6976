// Pooling by its definition: one thread computes one element of the result.
//
// x is (N, C, H, W), out (N, C, OH, OW), both dense. Channels do not meet in pooling, so a kernel
// counts planes: plane n * C + c is (H, W) of x and (OH, OW) of out.
#include "runtime/common.cuh"

// ---- maximum ----

// out is the maximum of each window and argmax its tap, kh * KW + kw. Of equal maxima the first
// counts, NaN beats every number, and of several NaN the last counts. Padding is never chosen: a
// window of nothing but padding gives -inf and argmax KH * KW, "no pixel".
// One thread computes one window. I is the type of argmax.
template <typename T, typename I>
__global__ void max_pool2d(long long count, const T* x, T* out, I* argmax, Geometry g) {
    const long long target = thread_index();
    if (target >= count) return;
    long long plane = target;
    const int ow = take_last(plane, g.OW);
    const int oh = take_last(plane, g.OH);

    const int no_pixel = g.KH * g.KW;
    acc_t<T> best = -infinity();
    int best_tap = no_pixel;
    for (int kh = 0; kh < g.KH; ++kh) {
        for (int kw = 0; kw < g.KW; ++kw) {
            const int h = g.row(oh, kh);
            const int w = g.column(ow, kw);
            if (!g.inside(h, w)) continue;
            const acc_t<T> value = acc_t<T>(x[(plane * g.H + h) * g.W + w]);
            if (best_tap == no_pixel || value > best || isnan(value)) {
                best = value;
                best_tap = kh * g.KW + kw;
            }
        }
    }
    out[target] = T(best);
    argmax[target] = I(best_tap);
}

// Gradient of max_pool2d: each window's grad goes to the pixel that the window chose.
// One thread computes one pixel of grad_x: it looks at every window that covers the pixel and adds
// up the grad of those that chose it. Were there one thread for each window instead, threads would
// write to the same pixel, and the order of the sum would vary between runs.
template <typename T, typename I>
__global__ void max_pool2d_scatter(long long count, const T* grad, const I* argmax, T* grad_x,
                                   Geometry g) {
    const long long target = thread_index();
    if (target >= count) return;
    long long plane = target;
    const int w = take_last(plane, g.W);
    const int h = take_last(plane, g.H);

    acc_t<T> sum = 0;
    for (int kh = 0; kh < g.KH; ++kh) {
        for (int kw = 0; kw < g.KW; ++kw) {
            const int oh = g.window_row(h, kh);
            const int ow = g.window_column(w, kw);
            if (oh < 0 || ow < 0) continue;
            const long long window = (plane * g.OH + oh) * g.OW + ow;
            if (argmax[window] == kh * g.KW + kw) sum += acc_t<T>(grad[window]);
        }
    }
    grad_x[target] = T(sum);
}

// Gradient of max_pool2d_scatter: out is the pixel of x that each window chose; "no pixel" gives 0.
// One thread computes one window.
template <typename T, typename I>
__global__ void max_pool2d_gather(long long count, const T* x, const I* argmax, T* out,
                                  Geometry g) {
    const long long target = thread_index();
    if (target >= count) return;
    long long plane = target;
    const int ow = take_last(plane, g.OW);
    const int oh = take_last(plane, g.OH);

    const int tap = argmax[target];
    const int h = g.row(oh, tap / g.KW);
    const int w = g.column(ow, tap % g.KW);
    out[target] = tap < g.KH * g.KW ? x[(plane * g.H + h) * g.W + w] : T(0);
}

// ---- average ----

// out[oh, ow] = scale[oh, ow] * sum of the window; scale is 1 over the number of pixels that count.
// One thread computes one window.
template <typename T>
__global__ void avg_pool2d(long long count, const T* x, const acc_t<T>* scale, T* out,
                           Geometry g) {
    const long long target = thread_index();
    if (target >= count) return;
    long long plane = target;
    const int ow = take_last(plane, g.OW);
    const int oh = take_last(plane, g.OH);

    acc_t<T> sum = 0;
    for (int kh = 0; kh < g.KH; ++kh) {
        for (int kw = 0; kw < g.KW; ++kw) {
            const int h = g.row(oh, kh);
            const int w = g.column(ow, kw);
            if (g.inside(h, w)) sum += acc_t<T>(x[(plane * g.H + h) * g.W + w]);
        }
    }
    out[target] = T(sum * scale[oh * g.OW + ow]);
}

// Gradient of avg_pool2d: each window's grad * scale goes to all its pixels.
// One thread computes one pixel of grad_x, from the windows that cover it.
template <typename T>
__global__ void avg_pool2d_scatter(long long count, const T* grad, const acc_t<T>* scale,
                                   T* grad_x, Geometry g) {
    const long long target = thread_index();
    if (target >= count) return;
    long long plane = target;
    const int w = take_last(plane, g.W);
    const int h = take_last(plane, g.H);

    acc_t<T> sum = 0;
    for (int kh = 0; kh < g.KH; ++kh) {
        for (int kw = 0; kw < g.KW; ++kw) {
            const int oh = g.window_row(h, kh);
            const int ow = g.window_column(w, kw);
            if (oh < 0 || ow < 0) continue;
            const long long window = (plane * g.OH + oh) * g.OW + ow;
            sum += acc_t<T>(grad[window]) * scale[oh * g.OW + ow];
        }
    }
    grad_x[target] = T(sum);
}
