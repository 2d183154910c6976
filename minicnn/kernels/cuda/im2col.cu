// Convolution as a matrix product: im2col writes the input under each window as one row of a
// matrix, and a GEMM multiplies the rows by the weights. col2im is its transpose.
#include "runtime/common.cuh"

// x (N, H, W, C) -> rows (N * OH * OW, KH * KW * CG); padding gives zeros.
// The CG channels of one group are read, from `channel` on. One thread per element of rows.
template <typename T>
__global__ void im2col(long long count, const T* x, T* rows, int C, int channel, int CG,
                       Geometry g) {
    long long i = thread_index();
    if (i >= count) return;
    T* target = rows + i;
    const int c = channel + take_last(i, CG);
    const int kw = take_last(i, g.KW);
    const int kh = take_last(i, g.KH);
    const int ow = take_last(i, g.OW);
    const int oh = take_last(i, g.OH);
    const int h = g.row(oh, kh);
    const int w = g.column(ow, kw);
    // i is now the index of the image
    *target = g.inside(h, w) ? x[((i * g.H + h) * g.W + w) * C + c] : T(0);
}

// rows (N * OH * OW, KH * KW * CG) -> x (N, H, W, C): each pixel sums the elements of rows that
// im2col would have copied from it. One thread per pixel and channel of the group.
template <typename T>
__global__ void col2im(long long count, const T* rows, T* x, int C, int channel, int CG,
                       Geometry g) {
    const long long target = thread_index();
    if (target >= count) return;
    const Position pixel(target, g.H, g.W, CG);
    acc_t<T> sum = 0;
    for_each_window(g, pixel, [&](int tap, long long row) {
        sum += acc_t<T>(rows[(row * g.KH * g.KW + tap) * CG + pixel.c]);
    });
    x[((pixel.n * g.H + pixel.h) * g.W + pixel.w) * C + channel + pixel.c] = T(sum);
}

// out (M, O) in place: adds bias (O,) to each row. One thread per element.
template <typename T>
__global__ void add_bias(long long count, T* out, const T* bias, int O) {
    long long i = thread_index();
    if (i >= count) return;
    T* target = out + i;
    *target = T(acc_t<T>(*target) + acc_t<T>(bias[take_last(i, O)]));
}
