// Regions of interest: boxes of images x (N, H, W, C), brought to one size, (K, OH, OW, C). A row of
// rois (K, 5) is the number of an image, x1, y1, x2, y2, which times `scale` are pixels. A box of an
// image that does not exist counts as outside: a kernel cannot raise an error.
#include "runtime/common.cuh"

template <typename A>
__device__ bool is_finite(A value) {
    return fabs(value) < infinity();
}

template <typename T>
__device__ bool has_image(const T* roi, int N) {
    return acc_t<T>(roi[0]) >= 0 && acc_t<T>(roi[0]) < N;
}

// ---- the mean of interpolated samples ----

// The bins of a box along one axis.
template <typename A>
struct Bins {
    A start, size;
    int samples;

    __device__ Bins(A start, A end, int bins, int sampling_ratio, bool aligned) : start(start) {
        const A length = aligned ? end - start : max(end - start, A(1));
        size = length / bins;
        samples = sampling_ratio;
        if (samples <= 0) samples = is_finite(size) ? max((int)ceil(size), 0) : 0;
        if (!is_finite(start)) samples = 0;
    }
    __device__ A position(int bin, int sample) const {
        return start + bin * size + (sample + A(0.5)) * size / samples;
    }
};

// The two pixels along one axis that a sample lies between, and the share of the second.
template <typename A>
struct Between {
    int first, second;
    A share;
    bool inside;  // not more than a pixel outside the image, and not NaN

    __device__ Between(A position, int pixels) : inside(position >= -1 && position <= pixels) {
        position = inside ? min(max(position, A(0)), A(pixels - 1)) : A(0);
        first = (int)position;
        second = min(first + 1, pixels - 1);
        share = position - first;
    }
};

// Calls visit(pixel, weight) for every pixel that bin (oh, ow) of a box reads, with its index in
// (N, H, W), as often as it is read.
template <typename T, typename Visit>
__device__ void for_each_tap(const T* roi, int N, int H, int W, int OH, int OW, int oh, int ow,
                             acc_t<T> scale, int sampling_ratio, bool aligned,
                             const Visit& visit) {
    using A = acc_t<T>;
    if (!has_image(roi, N)) return;
    const A corner = aligned ? A(0.5) : A(0);
    const A x1 = A(roi[1]) * scale - corner, y1 = A(roi[2]) * scale - corner;
    const A x2 = A(roi[3]) * scale - corner, y2 = A(roi[4]) * scale - corner;
    const Bins<A> rows(y1, y2, OH, sampling_ratio, aligned);
    const Bins<A> columns(x1, x2, OW, sampling_ratio, aligned);
    const long long image = (long long)(int)A(roi[0]) * H;
    const A mean = A(1) / max(rows.samples * columns.samples, 1);
    for (int i = 0; i < rows.samples; ++i) {
        const Between<A> h(rows.position(oh, i), H);
        for (int j = 0; j < columns.samples; ++j) {
            const Between<A> w(columns.position(ow, j), W);
            if (!h.inside || !w.inside) continue;
            const long long above = (image + h.first) * W, below = (image + h.second) * W;
            visit(above + w.first, mean * (1 - h.share) * (1 - w.share));
            visit(above + w.second, mean * (1 - h.share) * w.share);
            visit(below + w.first, mean * h.share * (1 - w.share));
            visit(below + w.second, mean * h.share * w.share);
        }
    }
}

// One thread per bin and channel.
template <typename T>
__global__ void roi_align(long long count, const T* x, const T* rois, T* out, int N, int C, int H,
                          int W, int OH, int OW, acc_t<T> scale, int sampling_ratio,
                          bool aligned) {
    const long long target = thread_index();
    if (target >= count) return;
    const Position bin(target, OH, OW, C);
    acc_t<T> sum = 0;
    for_each_tap(rois + 5 * bin.n, N, H, W, OH, OW, bin.h, bin.w, scale, sampling_ratio, aligned,
                 [&](long long pixel, acc_t<T> weight) {
                     sum += weight * acc_t<T>(x[pixel * C + bin.c]);
                 });
    out[target] = T(sum);
}

// Adds each gradient to the pixels that its bin has read, in sums (N, H, W, C). Boxes overlap in any
// way, so it takes atomics, whose order is not fixed.
template <typename T>
__global__ void roi_align_backward(long long count, const T* grad, const T* rois, acc_t<T>* sums,
                                   int N, int C, int H, int W, int OH, int OW, acc_t<T> scale,
                                   int sampling_ratio, bool aligned) {
    const long long source = thread_index();
    if (source >= count) return;
    const Position bin(source, OH, OW, C);
    const acc_t<T> value = acc_t<T>(grad[source]);
    for_each_tap(rois + 5 * bin.n, N, H, W, OH, OW, bin.h, bin.w, scale, sampling_ratio, aligned,
                 [&](long long pixel, acc_t<T> weight) {
                     atomicAdd(&sums[pixel * C + bin.c], value * weight);
                 });
}

// ---- the maximum of whole pixels ----

// The pixels of one bin along an axis, first ... end - 1, of a box from pixel `from` to `to`.
struct Pixels {
    int first, end;

    template <typename A>
    __device__ Pixels(A from, A to, int bin, int bins, int pixels) {
        const int start = rounded(from);
        const A size = A(max(rounded(to) - start + 1, 1)) / bins;
        first = min(max(start + (int)floor(bin * size), 0), pixels);
        end = min(max(start + (int)ceil((bin + 1) * size), 0), pixels);
    }
    // Halves away from zero.
    template <typename A>
    __device__ static int rounded(A value) {
        if (!is_finite(value)) return 0;
        const int whole = (int)value;
        const A rest = value - whole;
        return whole + (rest >= A(0.5)) - (rest <= A(-0.5));
    }
};

// argmax is h * W + w of the first maximum. An empty bin gives 0 and -1; NaN is never chosen, and
// where nothing else is there, the lowest float and -1 are the result. One thread per bin and channel.
template <typename T>
__global__ void roi_pool(long long count, const T* x, const T* rois, T* out, long long* argmax,
                         int N, int C, int H, int W, int OH, int OW, acc_t<T> scale) {
    using A = acc_t<T>;
    const long long target = thread_index();
    if (target >= count) return;
    const Position bin(target, OH, OW, C);
    const T* roi = rois + 5 * bin.n;
    const Pixels columns(A(roi[1]) * scale, A(roi[3]) * scale, bin.w, OW, W);
    const Pixels rows(A(roi[2]) * scale, A(roi[4]) * scale, bin.h, OH, H);
    const T* image = x + (long long)(int)A(roi[0]) * H * W * C + bin.c;
    const bool empty =
        rows.first >= rows.end || columns.first >= columns.end || !has_image(roi, N);
    A best = empty ? A(0) : A(-3.402823466e38f);
    long long place = -1;
    for (int h = rows.first; h < rows.end && !empty; ++h)
        for (int w = columns.first; w < columns.end; ++w) {
            const A value = A(image[((long long)h * W + w) * C]);
            if (value > best) {
                best = value;
                place = (long long)h * W + w;
            }
        }
    out[target] = T(best);
    argmax[target] = place;
}
