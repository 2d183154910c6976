// Depthwise convolution: every filter sees one channel, so nothing is left for a matrix product.
//
// Images are (N, H, W, C), or (N, OH, OW, O) with O = C * M: channel c has the M filters c * M + m.
// The weight is (KH, KW, O), so that neighbouring threads read neighbouring weights, too. Threads
// take vectors of V neighbouring channels; V is 1 where M is not. Padding is skipped.
#include "runtime/reduce.cuh"

// out[n, oh, ow, o] = bias[o] + sum over kh, kw of x[n, h, w, o / M] * weight[kh, kw, o], where
// (h, w) is the pixel under the tap; then max(., 0) if `relu`. One thread per window and vector.
template <typename T, int V>
__global__ void depthwise_forward(long long count, const T* x, const T* weight,
                                  const acc_t<T>* bias, T* out, int C, int M, bool relu,
                                  Geometry g) {
    const long long target = thread_index();
    if (target >= count) return;
    const int vectors = C * M / V;
    const Position window(target, g.OH, g.OW, vectors);
    acc_t<T> sums[V];
    for (int j = 0; j < V; ++j) sums[j] = bias ? bias[window.c * V + j] : 0;
    for (int kh = 0; kh < g.KH; ++kh) {
        for (int kw = 0; kw < g.KW; ++kw) {
            const int h = g.row(window.h, kh);
            const int w = g.column(window.w, kw);
            if (!g.inside(h, w)) continue;
            const long long pixel = (window.n * g.H + h) * g.W + w;
            const Vector<T, V> values = load<V>(x, pixel * (C / V) + window.c / M);
            const Vector<T, V> weights = load<V>(weight, (kh * g.KW + kw) * vectors + window.c);
            for (int j = 0; j < V; ++j) sums[j] += acc_t<T>(values[j]) * acc_t<T>(weights[j]);
        }
    }
    Vector<T, V> results;
    for (int j = 0; j < V; ++j) results[j] = T(relu && sums[j] <= 0 ? acc_t<T>(0) : sums[j]);
    store(out, target, results);
}

// grad_x[n, h, w, c] = sum over kh, kw, m of grad[n, oh, ow, c * M + m] * weight[kh, kw, c * M + m],
// where (oh, ow) is the window whose tap lies on the pixel, if there is one. One thread per pixel
// and vector: it gathers from every window that read its pixel.
template <typename T, int V>
__global__ void depthwise_input_grad(long long count, const T* grad, const T* weight, T* grad_x,
                                     int C, int M, Geometry g) {
    const long long target = thread_index();
    if (target >= count) return;
    const int vectors = C * M / V;
    const Position pixel(target, g.H, g.W, C / V);
    acc_t<T> sums[V] = {};
    for_each_window(g, pixel, [&](int tap, long long window) {
        for (int m = 0; m < M; ++m) {
            const int vector = pixel.c * M + m;
            const Vector<T, V> grads = load<V>(grad, window * vectors + vector);
            const Vector<T, V> weights = load<V>(weight, tap * vectors + vector);
            for (int j = 0; j < V; ++j) sums[j] += acc_t<T>(grads[j]) * acc_t<T>(weights[j]);
        }
    });
    Vector<T, V> results;
    for (int j = 0; j < V; ++j) results[j] = T(sums[j]);
    store(grad_x, target, results);
}

// grad_weight[kh, kw, o] = sum over n, oh, ow of grad[n, oh, ow, o] * x[n, h, w, o / M]: a sum by
// channel for each tap, which is blockIdx.z. reduce.cuh explains the two steps; this is the first.
template <typename T, int V>
__global__ void depthwise_weight_grad(const T* grad, const T* x, Sum<acc_t<T>>* partial,
                                      long long windows, int C, int M, Geometry g) {
    const int vectors = C * M / V;
    Sum<acc_t<T>> sums[V] = {};
    const RowIterator rows(vectors);
    for (long long row = rows.first; row < windows; row += rows.step) {
        const Position window(row, g.OH, g.OW, 1);
        const int h = g.row(window.h, blockIdx.z / g.KW);
        const int w = g.column(window.w, blockIdx.z % g.KW);
        if (!g.inside(h, w)) continue;
        const long long pixel = (window.n * g.H + h) * g.W + w;
        const Vector<T, V> grads = load<V>(grad, row * vectors + rows.vector);
        const Vector<T, V> values = load<V>(x, pixel * (C / V) + rows.vector / M);
        for (int j = 0; j < V; ++j) sums[j].value += acc_t<T>(grads[j]) * acc_t<T>(values[j]);
    }
    merge_block(sums, partial + (long long)blockIdx.z * gridDim.y * C * M, C * M);
}

// Step 2, which writes the weight as (O, KH, KW).
template <typename T>
__global__ void depthwise_weight_grad_total(const Sum<acc_t<T>>* partial, T* grad_weight, int O,
                                            int splits) {
    Sum<acc_t<T>> total;
    const int tap = blockIdx.z;
    const int o = merge_partial(partial + (long long)tap * splits * O, O, splits, total);
    if (o >= 0) grad_weight[(long long)o * gridDim.z + tap] = T(total.value);
}
