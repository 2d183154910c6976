// Pooling. Inputs are (N, H, W, C) in memory, outputs (N, OH, OW, C).
#include "common.cuh"

// ---- maximum ----

// argmax is kh * KW + kw of the window's first maximum; I is the type it is kept in. Padding
// counts as -inf and is never chosen; a window of nothing but padding gives -inf and argmax 0.
// NaN beats every number, and the last NaN is chosen.
// One thread per window and channel.
template <typename T, typename I>
__global__ void max_pool2d(long long count, const T* x, T* out, I* argmax, int C, Geometry g) {
    const long long target = thread_index();
    if (target >= count) return;
    long long i = target;
    const int c = take_last(i, C);
    const int ow = take_last(i, g.OW);
    const int oh = take_last(i, g.OH);
    T best = T(-infinity());
    int best_tap = -1;
    for (int kh = 0; kh < g.KH; ++kh) {
        for (int kw = 0; kw < g.KW; ++kw) {
            const int h = g.row(oh, kh);
            const int w = g.column(ow, kw);
            if (!g.inside(h, w)) continue;
            const T value = x[((i * g.H + h) * g.W + w) * C + c];
            if (best_tap < 0 || value > best || isnan(value)) {
                best = value;
                best_tap = kh * g.KW + kw;
            }
        }
    }
    out[target] = best;
    argmax[target] = I(best_tap < 0 ? 0 : best_tap);
}

// Gradient of max_pool2d: grad (N, OH, OW, C) -> (N, H, W, C). Each input pixel gathers from the
// windows that cover it and chose it. One thread per input pixel and channel.
template <typename T, typename I>
__global__ void max_pool2d_scatter(long long count, const T* grad, const I* argmax, T* grad_x,
                                   int C, Geometry g) {
    const long long target = thread_index();
    if (target >= count) return;
    long long i = target;
    const int c = take_last(i, C);
    const int w = take_last(i, g.W);
    const int h = take_last(i, g.H);
    acc_t<T> sum = 0;
    for (int kh = 0; kh < g.KH; ++kh) {
        const int oh = g.window_row(h, kh);
        if (oh < 0) continue;
        for (int kw = 0; kw < g.KW; ++kw) {
            const int ow = g.window_column(w, kw);
            if (ow < 0) continue;
            const long long window = ((i * g.OH + oh) * g.OW + ow) * C + c;
            if (argmax[window] == kh * g.KW + kw) sum += acc_t<T>(grad[window]);
        }
    }
    grad_x[target] = T(sum);
}

// Gradient of max_pool2d_scatter: out = x at argmax; x (N, H, W, C) -> out (N, OH, OW, C).
// A window of nothing but padding gives 0, since no input pixel gathered from it.
template <typename T, typename I>
__global__ void max_pool2d_gather(long long count, const T* x, const I* argmax, T* out, int C,
                                  Geometry g) {
    const long long target = thread_index();
    if (target >= count) return;
    long long i = target;
    const int c = take_last(i, C);
    const int ow = take_last(i, g.OW);
    const int oh = take_last(i, g.OH);
    const int tap = argmax[target];
    const int h = g.row(oh, tap / g.KW);
    const int w = g.column(ow, tap % g.KW);
    out[target] = g.inside(h, w) ? x[((i * g.H + h) * g.W + w) * C + c] : T(0);
}

// ---- average ----

// out = sum over the window * scale; scale (OH, OW) is one over the number of pixels that count.
// One thread per window and channel.
template <typename T>
__global__ void avg_pool2d(long long count, const T* x, const acc_t<T>* scale, T* out, int C,
                           Geometry g) {
    const long long target = thread_index();
    if (target >= count) return;
    long long i = target;
    const int c = take_last(i, C);
    const int ow = take_last(i, g.OW);
    const int oh = take_last(i, g.OH);
    acc_t<T> sum = 0;
    for (int kh = 0; kh < g.KH; ++kh) {
        for (int kw = 0; kw < g.KW; ++kw) {
            const int h = g.row(oh, kh);
            const int w = g.column(ow, kw);
            if (g.inside(h, w)) sum += acc_t<T>(x[((i * g.H + h) * g.W + w) * C + c]);
        }
    }
    out[target] = T(sum * scale[oh * g.OW + ow]);
}

// Gradient of avg_pool2d: grad (N, OH, OW, C) -> (N, H, W, C). One thread per input pixel and
// channel, which gathers from the windows that cover it.
template <typename T>
__global__ void avg_pool2d_scatter(long long count, const T* grad, const acc_t<T>* scale,
                                   T* grad_x, int C, Geometry g) {
    const long long target = thread_index();
    if (target >= count) return;
    long long i = target;
    const int c = take_last(i, C);
    const int w = take_last(i, g.W);
    const int h = take_last(i, g.H);
    acc_t<T> sum = 0;
    for (int kh = 0; kh < g.KH; ++kh) {
        const int oh = g.window_row(h, kh);
        if (oh < 0) continue;
        for (int kw = 0; kw < g.KW; ++kw) {
            const int ow = g.window_column(w, kw);
            if (ow < 0) continue;
            const acc_t<T> value = acc_t<T>(grad[((i * g.OH + oh) * g.OW + ow) * C + c]);
            sum += value * scale[oh * g.OW + ow];
        }
    }
    grad_x[target] = T(sum);
}

// ---- adaptive maximum, and reading and writing at indices of a plane ----

// Window i of OUT covers [floor(i * IN / OUT), ceil((i + 1) * IN / OUT)) of the input.
__device__ inline int adaptive_start(int i, int IN, int OUT) {
    return (int)((long long)i * IN / OUT);
}
__device__ inline int adaptive_end(int i, int IN, int OUT) {
    return (int)(((long long)(i + 1) * IN + OUT - 1) / OUT);
}

// indices are h * W + w of the window's first maximum. One thread per window and channel.
template <typename T>
__global__ void adaptive_max_pool2d(long long count, const T* x, T* out, long long* indices, int C,
                                    int H, int W, int OH, int OW) {
    const long long target = thread_index();
    if (target >= count) return;
    long long i = target;
    const int c = take_last(i, C);
    const int ow = take_last(i, OW);
    const int oh = take_last(i, OH);
    T best = T(-infinity());
    long long best_index = -1;
    for (int h = adaptive_start(oh, H, OH); h < adaptive_end(oh, H, OH); ++h) {
        for (int w = adaptive_start(ow, W, OW); w < adaptive_end(ow, W, OW); ++w) {
            const T value = x[((i * H + h) * W + w) * C + c];
            if (best_index < 0 || value > best || isnan(value)) {
                best = value;
                best_index = (long long)h * W + w;
            }
        }
    }
    out[target] = best;
    indices[target] = best_index;
}

// grad (N, P, C) is added to planes (N, H * W, C), zero before, at indices (N, P, C).
// Several of the P may name the same pixel, and which ones cannot be told from the pixel, so this
// needs atomics; the order of such sums, and with it their last bits, may change between runs.
template <typename T>
__global__ void plane_scatter(long long count, const T* grad, const long long* indices, T* planes,
                              int C, int P, int HW) {
    const long long source = thread_index();
    if (source >= count) return;
    long long i = source;
    const int c = take_last(i, C);
    take_last(i, P);
    atomicAdd(&planes[(i * HW + indices[source]) * C + c], grad[source]);
}

// Gradient of plane_scatter: out (N, P, C) = planes (N, H * W, C) at indices (N, P, C).
template <typename T>
__global__ void plane_gather(long long count, const T* planes, const long long* indices, T* out,
                             int C, int P, int HW) {
    const long long target = thread_index();
    if (target >= count) return;
    long long i = target;
    const int c = take_last(i, C);
    take_last(i, P);
    out[target] = planes[(i * HW + indices[target]) * C + c];
}
