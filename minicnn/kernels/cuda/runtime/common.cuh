// What every kernel here shares: types, indices and windows.
//
// A kernel runs once per thread. A launch asks for `count` threads, one for each element (or vector
// of elements) of the result. They come in blocks of 256; surplus threads of the last block return
// at once.
// Images lie in memory as N, H, W, C (channels-last), so that neighbouring threads, which differ
// in C, read and write neighbouring addresses.

// 16-bit floats, for storage only: they convert to float implicitly and from float explicitly,
// T(sum). cuda_fp16.h and cuda_bf16.h have arithmetic, too, which nothing here needs.
struct float16 {
    unsigned short bits;

    float16() = default;
    __device__ explicit float16(float value) {
        asm("cvt.rn.f16.f32 %0, %1;" : "=h"(bits) : "f"(value));
    }
    __device__ operator float() const {
        float value;
        asm("cvt.f32.f16 %0, %1;" : "=f"(value) : "h"(bits));
        return value;
    }
};
// float without its lower 16 bits.
struct bfloat16 {
    unsigned short bits;

    bfloat16() = default;
    __device__ explicit bfloat16(float value) {
        asm("cvt.rn.bf16.f32 %0, %1;" : "=h"(bits) : "f"(value));
    }
    __device__ operator float() const { return __uint_as_float((unsigned int)bits << 16); }
};

// The type that sums over values of type T are computed in: at least float.
template <typename T>
struct AccumulatorType {
    using type = float;
};
template <>
struct AccumulatorType<double> {
    using type = double;
};
template <typename T>
using acc_t = typename AccumulatorType<T>::type;

// N neighbours in an array. One instruction reads or writes up to 16 bytes, which a thread needs to
// keep the memory of a large GPU busy: with 2 bytes it would spend its time on indices. Kernels
// that are limited by memory take N as a template parameter and count in vectors: N values fill 16
// bytes, or N is 1 where an array cannot be cut into such vectors.
template <typename T, int N>
struct alignas(sizeof(T) * N < 16 ? sizeof(T) * N : 16) Vector {
    T values[N];

    __device__ T& operator[](int i) { return values[i]; }
    __device__ const T& operator[](int i) const { return values[i]; }
};

// Vector i of an array that starts at a multiple of the vector's alignment.
template <int N, typename T>
__device__ Vector<T, N> load(const T* array, long long i) {
    return reinterpret_cast<const Vector<T, N>*>(array)[i];
}
template <int N, typename T>
__device__ void store(T* array, long long i, const Vector<T, N>& values) {
    reinterpret_cast<Vector<T, N>*>(array)[i] = values;
}

// Vector i of the gradient of a ReLU: `grad`, but 0 where the ReLU's result `out` is 0. A NaN, which
// is not <= 0, lets the gradient through.
template <int N, typename T>
__device__ Vector<T, N> load_through_relu(const T* grad, const T* out, long long i) {
    Vector<T, N> grads = load<N>(grad, i);
    const Vector<T, N> outs = load<N>(out, i);
    for (int j = 0; j < N; ++j)
        if (outs[j] <= T(0)) grads[j] = T(0);
    return grads;
}

// NVRTC has no <math.h>, and so neither INFINITY nor NAN.
__device__ inline float infinity() { return __int_as_float(0x7f800000); }
__device__ inline float not_a_number() { return __int_as_float(0x7fffffff); }

// The number of this thread among all threads of a one-dimensional launch.
__device__ inline long long thread_index() {
    return (long long)blockIdx.x * blockDim.x + threadIdx.x;
}

// Splits the last axis off a C-order index: returns the position along that axis, of length `size`,
// and leaves the index over the other axes in `index`.
__device__ inline int take_last(long long& index, int size) {
    // GPUs divide in software, which takes several times as long for 64-bit numbers as for 32-bit.
    if (index >> 32 == 0) {
        const unsigned int small = (unsigned int)index;
        index = small / (unsigned int)size;
        return (int)(small % (unsigned int)size);
    }
    const int position = (int)(index % size);
    index /= size;
    return position;
}

// The position of an element in an array (N, H, W, C), or (N, OH, OW, C).
struct Position {
    int c, w, h;
    long long n;

    __device__ Position(long long index, int H, int W, int C)
        : c(take_last(index, C)), w(take_last(index, W)), h(take_last(index, H)), n(index) {}
};

// Where the windows lie in an image; minicnn.kernels.geometry explains the fields.
struct Geometry {
    int H, W;
    int OH, OW;
    int KH, KW;
    int stride_h, stride_w;
    int pad_h, pad_w;
    int dilation_h, dilation_w;

    // The input row or column under tap (kh, kw) of window (oh, ow); outside the input, padding.
    __device__ int row(int oh, int kh) const { return oh * stride_h - pad_h + kh * dilation_h; }
    __device__ int column(int ow, int kw) const { return ow * stride_w - pad_w + kw * dilation_w; }
    __device__ bool inside(int h, int w) const { return h >= 0 && h < H && w >= 0 && w < W; }

    // The other way round: the window whose tap kh (kw) lies on input row h (column w), or -1.
    // So each input pixel can gather its gradient from the windows that cover it, and windows need
    // not scatter theirs with atomics: the sum has a fixed order.
    __device__ int window_row(int h, int kh) const {
        return window(h + pad_h - kh * dilation_h, stride_h, OH);
    }
    __device__ int window_column(int w, int kw) const {
        return window(w + pad_w - kw * dilation_w, stride_w, OW);
    }

    __device__ static int window(int start, int stride, int windows) {
        if (start < 0 || start % stride != 0) return -1;
        const int index = start / stride;
        return index < windows ? index : -1;
    }
};

// Calls visit(tap, window) for every tap kh * KW + kw that lies on a pixel, with the index of its
// window in (N, OH, OW). `pixel` is the pixel's position in (N, H, W, ...).
template <typename Visit>
__device__ void for_each_window(const Geometry& g, const Position& pixel, const Visit& visit) {
    for (int kh = 0; kh < g.KH; ++kh) {
        const int oh = g.window_row(pixel.h, kh);
        if (oh < 0) continue;
        for (int kw = 0; kw < g.KW; ++kw) {
            const int ow = g.window_column(pixel.w, kw);
            if (ow >= 0) visit(kh * g.KW + kw, (pixel.n * g.OH + oh) * g.OW + ow);
        }
    }
}
