// Pooling. Inputs are (N, H, W, C) in memory, outputs (N, OH, OW, C). Threads take vectors of N
// neighbouring channels, of which a pixel has V = C / N.
#include "runtime/reduce.cuh"

// ---- windows and pixels, along one axis ----

// The taps of a window that lie inside the input: first ... end - 1. Tap k lies on pixel
// start + k * dilation.
struct Taps {
    int first, end;

    __device__ Taps(int start, int dilation, int kernel, int size) : first(0), end(kernel) {
        while (first < end && start + first * dilation < 0) ++first;
        while (first < end && start + (end - 1) * dilation >= size) --end;
    }
};

// The other way round: the windows that cover a pixel, first ... last. So each pixel can gather its
// gradient from its windows, and windows need not scatter theirs with atomics: the sum has a fixed
// order.
struct CoveringWindows {
    int position;  // of the pixel, from the start of window 0
    int stride, dilation;
    int first, last;

    __device__ CoveringWindows(int position, int kernel, int stride, int dilation, int windows)
        : position(position), stride(stride), dilation(dilation) {
        last = min(position / stride, windows - 1);
        first = last + 1;
        while (first > 0 && position - (first - 1) * stride <= (kernel - 1) * dilation) --first;
    }
    // The tap of a window that lies on the pixel, or -1 if the pixel is between two taps.
    __device__ int tap(int window) const {
        const int distance = position - window * stride;
        if (dilation == 1) return distance;  // saves a division
        return distance % dilation == 0 ? distance / dilation : -1;
    }
};

// ---- maximum ----

// argmax is kh * KW + kw of the window's first maximum, stored in type I. Padding counts as -inf
// and is never chosen. NaN beats every number, and the last NaN is chosen. A window wholly outside
// the input gives -inf and argmax KH * KW, "no pixel". With relu, maxima that are not above 0
// become 0, and their argmax KH * KW. One thread per window and vector.
template <typename T, int N, typename I>
__global__ void max_pool2d(long long count, const T* x, T* out, I* argmax, int V, Geometry g,
                           bool relu) {
    const long long target = thread_index();
    if (target >= count) return;
    const Position window(target, g.OH, g.OW, V);
    const Taps rows(g.row(window.h, 0), g.dilation_h, g.KH, g.H);
    const Taps columns(g.column(window.w, 0), g.dilation_w, g.KW, g.W);
    const bool empty = rows.first == rows.end || columns.first == columns.end;

    acc_t<T> best[N];
    int tap[N];
    for (int j = 0; j < N; ++j) {
        best[j] = -infinity();
        tap[j] = empty ? g.KH * g.KW : rows.first * g.KW + columns.first;
    }
    for (int kh = rows.first; kh < rows.end; ++kh) {
        const long long row = (window.n * g.H + g.row(window.h, kh)) * g.W;
        for (int kw = columns.first; kw < columns.end; ++kw) {
            const Vector<T, N> values =
                load<N>(x, (row + g.column(window.w, kw)) * V + window.c);
            for (int j = 0; j < N; ++j) {
                const acc_t<T> value = acc_t<T>(values[j]);
                if (value > best[j] || isnan(value)) {
                    best[j] = value;
                    tap[j] = kh * g.KW + kw;
                }
            }
        }
    }

    Vector<T, N> maxima;
    Vector<I, N> taps;
    for (int j = 0; j < N; ++j) {
        const bool cut = relu && best[j] <= 0;
        maxima[j] = cut ? T(0) : T(best[j]);
        taps[j] = I(cut ? g.KH * g.KW : tap[j]);
    }
    store(out, target, maxima);
    store(argmax, target, taps);
}

// The gradient of vector `index` of the input of max_pool2d, (N, H, W, C): the sum of grad over the
// windows that cover the pixel and chose it.
template <typename T, int N, typename I>
__device__ Vector<T, N> gather_gradient(const T* grad, const I* argmax, long long index, int V,
                                        const Geometry& g) {
    const Position pixel(index, g.H, g.W, V);
    const CoveringWindows rows(pixel.h + g.pad_h, g.KH, g.stride_h, g.dilation_h, g.OH);
    const CoveringWindows columns(pixel.w + g.pad_w, g.KW, g.stride_w, g.dilation_w, g.OW);
    acc_t<T> sums[N] = {};
    for (int oh = rows.first; oh <= rows.last; ++oh) {
        const int kh = rows.tap(oh);
        if (kh < 0) continue;
        for (int ow = columns.first; ow <= columns.last; ++ow) {
            const int kw = columns.tap(ow);
            if (kw < 0) continue;
            const long long window = ((pixel.n * g.OH + oh) * g.OW + ow) * V + pixel.c;
            const Vector<I, N> taps = load<N>(argmax, window);
            const Vector<T, N> grads = load<N>(grad, window);
            for (int j = 0; j < N; ++j)
                if (taps[j] == kh * g.KW + kw) sums[j] += acc_t<T>(grads[j]);
        }
    }
    Vector<T, N> result;
    for (int j = 0; j < N; ++j) result[j] = T(sums[j]);
    return result;
}

// Gradient of max_pool2d: grad (N, OH, OW, C) -> (N, H, W, C). One thread per pixel and vector.
template <typename T, int N, typename I>
__global__ void max_pool2d_scatter(long long count, const T* grad, const I* argmax, T* grad_x,
                                   int V, Geometry g) {
    const long long target = thread_index();
    if (target >= count) return;
    store(grad_x, target, gather_gradient<T, N>(grad, argmax, target, V, g));
}

// The same, and step 1 of the sum of its result by channel (reduce.cuh), which then need not be
// read again: where the input contains a bias, the bias's gradient. M is N * H * W.
template <typename T, int N, typename I>
__global__ void max_pool2d_bias_backward(const T* grad, const I* argmax, T* grad_x,
                                         Sum<acc_t<T>>* partial, long long M, int C, Geometry g) {
    Sum<acc_t<T>> sums[N] = {};
    const RowIterator rows(C / N);
    for (long long row = rows.first; row < M; row += rows.step) {
        const long long target = row * (C / N) + rows.vector;
        const Vector<T, N> grads = gather_gradient<T, N>(grad, argmax, target, C / N, g);
        for (int j = 0; j < N; ++j) sums[j].value += acc_t<T>(grads[j]);
        store(grad_x, target, grads);
    }
    merge_block(sums, partial, C);
}

// Gradient of max_pool2d_scatter: out = x at argmax; x (N, H, W, C) -> out (N, OH, OW, C).
// A window that chose no pixel gives 0. One thread per window and channel.
template <typename T, typename I>
__global__ void max_pool2d_gather(long long count, const T* x, const I* argmax, T* out, int C,
                                  Geometry g) {
    const long long target = thread_index();
    if (target >= count) return;
    const Position window(target, g.OH, g.OW, C);
    const int tap = argmax[target];
    const long long row = window.n * g.H + g.row(window.h, tap / g.KW);
    const int column = g.column(window.w, tap % g.KW);
    out[target] = tap < g.KH * g.KW ? x[(row * g.W + column) * C + window.c] : T(0);
}

// ---- average ----

// out = sum over the window * scale; scale (OH, OW) is one over the number of pixels that count.
// One thread per window and vector.
template <typename T, int N>
__global__ void avg_pool2d(long long count, const T* x, const acc_t<T>* scale, T* out, int V,
                           Geometry g) {
    const long long target = thread_index();
    if (target >= count) return;
    const Position window(target, g.OH, g.OW, V);
    const Taps rows(g.row(window.h, 0), g.dilation_h, g.KH, g.H);
    const Taps columns(g.column(window.w, 0), g.dilation_w, g.KW, g.W);
    acc_t<T> sums[N] = {};
    for (int kh = rows.first; kh < rows.end; ++kh) {
        const long long row = (window.n * g.H + g.row(window.h, kh)) * g.W;
        for (int kw = columns.first; kw < columns.end; ++kw) {
            const Vector<T, N> values =
                load<N>(x, (row + g.column(window.w, kw)) * V + window.c);
            for (int j = 0; j < N; ++j) sums[j] += acc_t<T>(values[j]);
        }
    }
    Vector<T, N> result;
    for (int j = 0; j < N; ++j) result[j] = T(sums[j] * scale[window.h * g.OW + window.w]);
    store(out, target, result);
}

// Gradient of avg_pool2d: grad (N, OH, OW, C) -> (N, H, W, C). One thread per pixel and vector,
// which gathers from the windows that cover it.
template <typename T, int N>
__global__ void avg_pool2d_scatter(long long count, const T* grad, const acc_t<T>* scale,
                                   T* grad_x, int V, Geometry g) {
    const long long target = thread_index();
    if (target >= count) return;
    const Position pixel(target, g.H, g.W, V);
    const CoveringWindows rows(pixel.h + g.pad_h, g.KH, g.stride_h, g.dilation_h, g.OH);
    const CoveringWindows columns(pixel.w + g.pad_w, g.KW, g.stride_w, g.dilation_w, g.OW);
    acc_t<T> sums[N] = {};
    for (int oh = rows.first; oh <= rows.last; ++oh) {
        if (rows.tap(oh) < 0) continue;
        for (int ow = columns.first; ow <= columns.last; ++ow) {
            if (columns.tap(ow) < 0) continue;
            const long long window = ((pixel.n * g.OH + oh) * g.OW + ow) * V + pixel.c;
            const Vector<T, N> grads = load<N>(grad, window);
            for (int j = 0; j < N; ++j) sums[j] += acc_t<T>(grads[j]) * scale[oh * g.OW + ow];
        }
    }
    Vector<T, N> result;
    for (int j = 0; j < N; ++j) result[j] = T(sums[j]);
    store(grad_x, target, result);
}

// ---- adaptive average and maximum, and reading and writing at indices of a plane ----

// Window i of OUT covers [floor(i * IN / OUT), ceil((i + 1) * IN / OUT)) of the input.
__device__ inline int adaptive_start(int i, int IN, int OUT) {
    return (int)((long long)i * IN / OUT);
}
__device__ inline int adaptive_end(int i, int IN, int OUT) {
    return (int)(((long long)(i + 1) * IN + OUT - 1) / OUT);
}

// out = the mean of each window. One thread per window and channel.
template <typename T>
__global__ void adaptive_avg_pool2d(long long count, const T* x, T* out, int C, int H, int W,
                                    int OH, int OW) {
    const long long target = thread_index();
    if (target >= count) return;
    const Position window(target, OH, OW, C);
    const int top = adaptive_start(window.h, H, OH), bottom = adaptive_end(window.h, H, OH);
    const int left = adaptive_start(window.w, W, OW), right = adaptive_end(window.w, W, OW);
    acc_t<T> sum = 0;
    for (int h = top; h < bottom; ++h)
        for (int w = left; w < right; ++w)
            sum += acc_t<T>(x[((window.n * H + h) * W + w) * C + window.c]);
    out[target] = T(sum / ((bottom - top) * (right - left)));
}

// Gradient of adaptive_avg_pool2d. One thread per pixel and channel, which gathers from the windows
// that cover it; those are the windows from OH to H pixels.
template <typename T>
__global__ void adaptive_avg_pool2d_scatter(long long count, const T* grad, T* grad_x, int C, int H,
                                            int W, int OH, int OW) {
    const long long target = thread_index();
    if (target >= count) return;
    const Position pixel(target, H, W, C);
    acc_t<T> sum = 0;
    for (int oh = adaptive_start(pixel.h, OH, H); oh < adaptive_end(pixel.h, OH, H); ++oh) {
        const int rows = adaptive_end(oh, H, OH) - adaptive_start(oh, H, OH);
        for (int ow = adaptive_start(pixel.w, OW, W); ow < adaptive_end(pixel.w, OW, W); ++ow) {
            const int columns = adaptive_end(ow, W, OW) - adaptive_start(ow, W, OW);
            const long long window = ((pixel.n * OH + oh) * OW + ow) * C + pixel.c;
            sum += acc_t<T>(grad[window]) / (rows * columns);
        }
    }
    grad_x[target] = T(sum);
}

// indices are h * W + w of the window's first maximum. NaN beats every number, and the last NaN is
// chosen. One thread per window and channel.
template <typename T>
__global__ void adaptive_max_pool2d(long long count, const T* x, T* out, long long* indices, int C,
                                    int H, int W, int OH, int OW) {
    const long long target = thread_index();
    if (target >= count) return;
    const Position window(target, OH, OW, C);
    const int top = adaptive_start(window.h, H, OH), bottom = adaptive_end(window.h, H, OH);
    const int left = adaptive_start(window.w, W, OW), right = adaptive_end(window.w, W, OW);
    acc_t<T> best = -infinity();
    long long best_index = (long long)top * W + left;
    for (int h = top; h < bottom; ++h) {
        for (int w = left; w < right; ++w) {
            const acc_t<T> value = acc_t<T>(x[((window.n * H + h) * W + w) * C + window.c]);
            if (value > best || isnan(value)) {
                best = value;
                best_index = (long long)h * W + w;
            }
        }
    }
    out[target] = T(best);
    indices[target] = best_index;
}

// grad (N, P, C) is added to planes (N, H * W, C), zero before, at indices (N, P, C).
// Several of the P may have the same index, and a pixel cannot tell which ones, so this needs
// atomics: the order of these sums, and so their last bits, may vary from run to run.
// The sums are of type acc_t<T>, as 16 bits would lose too much.
template <typename T>
__global__ void plane_scatter(long long count, const T* grad, const long long* indices,
                              acc_t<T>* planes, int C, int P, int HW) {
    const long long source = thread_index();
    if (source >= count) return;
    long long i = source;
    const int c = take_last(i, C);
    take_last(i, P);
    atomicAdd(&planes[(i * HW + indices[source]) * C + c], acc_t<T>(grad[source]));
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
