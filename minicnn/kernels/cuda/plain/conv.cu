// Convolution by its definition: one thread computes one element of the result.
//
// All arrays are dense: x (N, C, H, W), weight (O, CG, KH, KW), out (N, O, OH, OW), where
// CG = C / groups. Output channel o belongs to group o / OG, where OG = O / groups, and sees only
// the CG input channels of its group. Sums run in acc_t<T> and are rounded once, at the end.
#include "runtime/common.cuh"

// out[n, o, oh, ow] = bias[o] + sum over c, kh, kw of x[n, c, h, w] * weight[o, c, kh, kw], where
// (h, w) is the pixel under tap (kh, kw) of window (oh, ow). Padding counts as 0.
// One thread computes one element of out. Threads next to each other differ in ow, so they read
// the same weight, and with stride 1 neighbouring pixels.
template <typename T>
__global__ void conv2d(long long count, const T* x, const T* weight, const acc_t<T>* bias, T* out,
                       int C, int O, int groups, Geometry g) {
    const long long target = thread_index();
    if (target >= count) return;
    long long n = target;
    const int ow = take_last(n, g.OW);
    const int oh = take_last(n, g.OH);
    const int o = take_last(n, O);
    const int CG = C / groups;
    const int first_channel = o / (O / groups) * CG;  // of this output channel's group

    acc_t<T> sum = 0;
    for (int c = 0; c < CG; ++c) {
        const T* plane = x + (n * C + first_channel + c) * g.H * g.W;      // (H, W)
        const T* filter = weight + ((long long)o * CG + c) * g.KH * g.KW;  // (KH, KW)
        for (int kh = 0; kh < g.KH; ++kh) {
            for (int kw = 0; kw < g.KW; ++kw) {
                const int h = g.row(oh, kh);
                const int w = g.column(ow, kw);
                if (g.inside(h, w))
                    sum += acc_t<T>(plane[h * g.W + w]) * acc_t<T>(filter[kh * g.KW + kw]);
            }
        }
    }
    if (bias) sum += bias[o];
    out[target] = T(sum);
}

// grad_x[n, c, h, w] = sum over o, kh, kw of grad[n, o, oh, ow] * weight[o, c, kh, kw], where
// (oh, ow) is the window whose tap (kh, kw) lies on pixel (h, w), if there is one.
// One thread computes one element of grad_x: it gathers from every window that read its pixel.
template <typename T>
__global__ void conv2d_input_grad(long long count, const T* grad, const T* weight, T* grad_x, int C,
                                  int O, int groups, Geometry g) {
    const long long target = thread_index();
    if (target >= count) return;
    long long n = target;
    const int w = take_last(n, g.W);
    const int h = take_last(n, g.H);
    const int channel = take_last(n, C);
    const int CG = C / groups;
    const int OG = O / groups;
    const int group = channel / CG;
    const int c = channel % CG;

    acc_t<T> sum = 0;
    for (int o = group * OG; o < (group + 1) * OG; ++o) {
        const T* plane = grad + (n * O + o) * g.OH * g.OW;                 // (OH, OW)
        const T* filter = weight + ((long long)o * CG + c) * g.KH * g.KW;  // (KH, KW)
        for (int kh = 0; kh < g.KH; ++kh) {
            for (int kw = 0; kw < g.KW; ++kw) {
                const int oh = g.window_row(h, kh);
                const int ow = g.window_column(w, kw);
                if (oh >= 0 && ow >= 0)
                    sum += acc_t<T>(plane[oh * g.OW + ow]) * acc_t<T>(filter[kh * g.KW + kw]);
            }
        }
    }
    grad_x[target] = T(sum);
}

// grad_weight[o, c, kh, kw] = sum over n, oh, ow of grad[n, o, oh, ow] * x[n, c, h, w], where
// (h, w) is the pixel under tap (kh, kw) of window (oh, ow).
// One thread computes one element of grad_weight: it walks over all windows of all images. The
// launcher rounds the sums.
template <typename T>
__global__ void conv2d_weight_grad(long long count, const T* grad, const T* x,
                                   acc_t<T>* grad_weight, int N, int C, int O, int groups,
                                   Geometry g) {
    const long long target = thread_index();
    if (target >= count) return;
    long long o = target;
    const int CG = C / groups;
    const int kw = take_last(o, g.KW);
    const int kh = take_last(o, g.KH);
    const int c = take_last(o, CG);
    const long long channel = o / (O / groups) * CG + c;

    acc_t<T> sum = 0;
    for (int n = 0; n < N; ++n) {
        const T* grad_plane = grad + ((long long)n * O + o) * g.OH * g.OW;  // (OH, OW)
        const T* x_plane = x + ((long long)n * C + channel) * g.H * g.W;    // (H, W)
        for (int oh = 0; oh < g.OH; ++oh) {
            for (int ow = 0; ow < g.OW; ++ow) {
                const int h = g.row(oh, kh);
                const int w = g.column(ow, kw);
                if (g.inside(h, w))
                    sum += acc_t<T>(grad_plane[oh * g.OW + ow]) * acc_t<T>(x_plane[h * g.W + w]);
            }
        }
    }
    grad_weight[target] = sum;
}
