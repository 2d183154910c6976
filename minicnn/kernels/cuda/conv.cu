// Convolution and its two gradients as matrix products, without a matrix of windows in memory.
//
//                      m                n            k, summed over
//   forward            window           output o     tap (kh, kw), channel c
//   input gradient     input pixel      channel c    tap, output o
//   weight gradient    output o         tap, c       window
//
// Images are (N, H, W, G * C), weights (G * O, KH, KW, C): here C and O count the channels of one
// of G groups, and blockIdx.y is the group. The launcher has padded the channels of every operand
// to a multiple of the elements that a thread copies at a time. A linear layer is a convolution of
// images of one pixel.
//
// The type of a tile says what multiplies it: Tile a warp's mma, or ordinary cores (gemm.cuh);
// WarpgroupTile a warpgroup's wgmma, on Hopper (warpgroup.cuh).
//
// plain/conv.cu computes the same with one thread per output element.
#include "runtime/common.cuh"
#include "gemm/mma.cuh"
#include "gemm/gemm.cuh"
#include "gemm/wgmma.cuh"
#include "gemm/warpgroup.cuh"
#include "gemm/readers.cuh"
#include "gemm/relu_bias.cuh"

// The steps along the depth that this block takes, one of `splits` blocks with the same tile.
template <typename Tile>
struct Steps {
    int first, count;
    Range range;

    __device__ Steps(int depth, int splits, int split) {
        const int total = (depth + Tile::DEPTH - 1) / Tile::DEPTH;
        const int each = (total + splits - 1) / splits;
        first = min(split * each, total);
        count = min(each, total - first);
        range = {first * Tile::DEPTH, min((first + count) * Tile::DEPTH, depth)};
    }
};

// The windows of a convolution over its input, C channels of which are read.
__device__ inline SlidingWindows input_windows(const Geometry& g, int pitch, int C) {
    return {g.H,      g.W,      pitch, g.OH, g.OW,         g.stride_h,   g.stride_w,
            -g.pad_h, -g.pad_w, g.KW, g.dilation_h, g.dilation_w, C};
}

// x (N, H, W, G * C), weight (G * O, KH, KW, C) -> out (N, OH, OW, G * O).
// With several splits, several blocks compute a tile: split s writes the sums over its part of the
// depth to out[s], without bias and ReLU, and add_splits adds them up. Gradients do the same.
template <typename T, typename Tile, int VECTOR, typename Result, typename Bias>
__global__ __launch_bounds__(Tile::THREADS, Tile::BLOCKS) void conv_forward(
    const T* __restrict__ x, const T* __restrict__ weight, Result* out, int N, int C, int O,
    bool aligned, Geometry g, const Bias* __restrict__ bias, bool relu) {
    using PieceA = SharedTile<T, Tile, Tile::M, true>;
    using PieceB = SharedTile<T, Tile, Tile::N, true>;
    const int M = N * g.OH * g.OW, depth = g.KH * g.KW * C;
    const int group = blockIdx.y, groups = gridDim.y;
    const Warp<Tile> warp;
    const TileCoordinates<Tile> tile(blockIdx.x, M, O);
    const Steps<Tile> steps(depth, gridDim.z, blockIdx.z);

    const SlidingWindows windows = input_windows(g, groups * C, C);
    WindowRows<T, PieceA, VECTOR, Tile::THREADS> a(x + group * C, windows, M, tile.m, steps.range);
    MatrixRows<T, PieceB, VECTOR, Tile::THREADS> b(weight + (long long)group * O * depth, O, depth,
                                                   tile.n, steps.range);
    Accumulators<T, Tile, PieceA, PieceB> accumulators(warp, [=](int column) {
        const int o = tile.n + column;
        return bias != nullptr && o < O ? float(bias[group * O + o]) : 0.0f;
    });
    add_products(accumulators, a, b, steps.count, warp);

    const long long pitch = (long long)groups * O;
    Result* const part = out + (long long)blockIdx.z * M * pitch + group * O;
    write_tile(accumulators, warp, tile, O, relu, part,
               [=](int m) { return m < M ? m * pitch : -1; }, aligned);
}

// One axis of the input gradient. Input row h gets gradient from tap kh of window oh if
// oh * stride = h + pad - kh * dilation. So only rows with the same remainder of (h + pad) / stride
// have the same taps, and each remainder is a problem of its own: a convolution over grad with
// stride 1 that runs backwards. Tap t of its row i lies on row origin + i - t * spacing of grad.
struct RemainderAxis {
    int first, count;   // the input rows: first, first + stride, ...
    int tap, tap_step;  // the taps: tap, tap + tap_step, ...
    int taps;           // how many; there may be none, if the stride exceeds the kernel
    int origin, spacing;

    __device__ RemainderAxis(int remainder, int size, int kernel_size, int stride, int pad,
                             int dilation) {
        first = ((remainder - pad) % stride + stride) % stride;
        count = first < size ? (size - first - 1) / stride + 1 : 0;
        tap_step = 1;
        while (tap_step * dilation % stride != 0) ++tap_step;
        tap = 0;
        while (tap < tap_step && (first + pad - tap * dilation) % stride != 0) ++tap;
        taps = tap < tap_step && tap < kernel_size ? (kernel_size - tap - 1) / tap_step + 1 : 0;
        origin = taps > 0 ? (first + pad - tap * dilation) / stride : 0;
        spacing = tap_step * dilation / stride;
    }
};

// grad (N, OH, OW, G * O), weight (G * O, KH, KW, C) -> out (N, H, W, G * out_C),
// where C is out_C padded. blockIdx.z combines the remainder and the split; `finish` is what
// write_tile calls.
template <typename T, typename Tile, int VECTOR_A, int VECTOR_B, typename Result, typename Finish>
__device__ void input_grad_tile(const T* grad, const T* weight, Result* out, int N, int C,
                                int out_C, int O, bool aligned, const Geometry& g,
                                Finish& finish) {
    using PieceA = SharedTile<T, Tile, Tile::M, true>;
    using PieceB = SharedTile<T, Tile, Tile::N, false>;
    const int group = blockIdx.y, groups = gridDim.y;
    const int splits = gridDim.z / (g.stride_h * g.stride_w);
    const int split = blockIdx.z % splits, remainder = blockIdx.z / splits;
    const RemainderAxis v(remainder / g.stride_w, g.H, g.KH, g.stride_h, g.pad_h, g.dilation_h);
    const RemainderAxis u(remainder % g.stride_w, g.W, g.KW, g.stride_w, g.pad_w, g.dilation_w);
    const int M = N * v.count * u.count, depth = v.taps * u.taps * O;
    const int tiles = (M + Tile::M - 1) / Tile::M * ((out_C - 1) / Tile::N + 1);
    if (blockIdx.x >= tiles) return;  // the grid is made for the remainder with the most rows
    const Warp<Tile> warp;
    const TileCoordinates<Tile> tile(blockIdx.x, M, out_C);
    const Steps<Tile> steps(depth, splits, split);

    const int taps_w = max(u.taps, 1);  // to divide by; without taps there are no steps
    const SlidingWindows windows = {g.OH,     g.OW,     groups * O, v.count,    u.count,    1, 1,
                             v.origin, u.origin, taps_w,     -v.spacing, -u.spacing, O};
    const WeightTaps taps = {g.KH, g.KW, C, v.tap, u.tap, v.tap_step, u.tap_step, taps_w, O};
    WindowRows<T, PieceA, VECTOR_A, Tile::THREADS> a(grad + group * O, windows, M, tile.m,
                                                     steps.range);
    WeightColumns<T, PieceB, VECTOR_B, Tile::THREADS> b(
        weight + (long long)group * O * g.KH * g.KW * C, taps, tile.n, steps.range);
    Accumulators<T, Tile, PieceA, PieceB> accumulators(warp, [](int) { return 0.0f; });
    add_products(accumulators, a, b, steps.count, warp);

    const long long pitch = (long long)groups * out_C;
    Result* const part = out + (long long)split * N * g.H * g.W * pitch + group * out_C;
    const auto row_offset = [=](int m) -> long long {
        if (m >= M) return -1;
        const Indices pixel(m, v.count, u.count);  // image, i, j
        const int h = v.first + pixel.middle * g.stride_h;
        const int w = u.first + pixel.inner * g.stride_w;
        return (((long long)pixel.outer * g.H + h) * g.W + w) * pitch;
    };
    write_tile(accumulators, warp, tile, out_C, false, part, row_offset, aligned, finish);
}

template <typename T, typename Tile, int VECTOR_A, int VECTOR_B, typename Result>
__global__ __launch_bounds__(Tile::THREADS, Tile::BLOCKS) void conv_input_grad(
    const T* __restrict__ grad, const T* __restrict__ weight, Result* out, int N, int C, int out_C,
    int O, bool aligned, Geometry g) {
    AsTheyAre finish;
    input_grad_tile<T, Tile, VECTOR_A, VECTOR_B>(grad, weight, out, N, C, out_C, O, aligned, g,
                                                 finish);
}

// The same through the ReLU that made the input, x (N, H, W, G * out_C), of something + a bias: `out`
// is the gradient of that something, and sums (tiles along m, G * out_C) what each row of tiles adds
// to the bias's. Needs a stride of 1, one split, and aligned rows.
template <typename T, typename Tile, int VECTOR_A, int VECTOR_B, typename Result>
__global__ __launch_bounds__(Tile::THREADS, Tile::BLOCKS) void conv_input_grad_relu(
    const T* __restrict__ grad, const T* __restrict__ weight, Result* out, int N, int C, int out_C,
    int O, bool aligned, Geometry g, const Result* __restrict__ x, float* sums) {
    ReLUBiasGradient<Result, Tile> finish(x, sums, out_C);
    input_grad_tile<T, Tile, VECTOR_A, VECTOR_B>(grad, weight, out, N, C, out_C, O, aligned, g,
                                                 finish);
}

// grad (N, OH, OW, G * padded_O), x (N, H, W, G * C) -> out (G * O, KH, KW, C).
template <typename T, typename Tile, int VECTOR_A, int VECTOR_B, typename Result>
__global__ __launch_bounds__(Tile::THREADS, Tile::BLOCKS) void conv_weight_grad(
    const T* __restrict__ grad, const T* __restrict__ x, Result* out, int N, int C, int O,
    int padded_O, bool aligned, Geometry g) {
    using PieceA = SharedTile<T, Tile, Tile::M, false>;
    using PieceB = SharedTile<T, Tile, Tile::N, false>;
    const int columns = g.KH * g.KW * C, depth = N * g.OH * g.OW;
    const int group = blockIdx.y, groups = gridDim.y;
    const Warp<Tile> warp;
    const TileCoordinates<Tile> tile(blockIdx.x, O, columns);
    const Steps<Tile> steps(depth, gridDim.z, blockIdx.z);

    const SlidingWindows windows = input_windows(g, groups * C, C);
    MatrixColumns<T, PieceA, VECTOR_A, Tile::THREADS> a(grad + group * padded_O, padded_O,
                                                        groups * padded_O, tile.m, steps.range);
    WindowColumns<T, PieceB, VECTOR_B, Tile::THREADS> b(x + group * C, windows, columns, tile.n,
                                                        steps.range);
    Accumulators<T, Tile, PieceA, PieceB> accumulators(warp, [](int) { return 0.0f; });
    add_products(accumulators, a, b, steps.count, warp);

    Result* const part = out + ((long long)blockIdx.z * groups + group) * O * columns;
    write_tile(accumulators, warp, tile, columns, false, part,
               [=](int m) { return m < O ? (long long)m * columns : -1; }, aligned);
}

// out[i] = sum of parts (splits, count) over the splits, + bias of channel i % C, then max(., 0)
// if `relu`. The order of the sum is fixed, so all runs give the same bits. One thread per element.
template <typename Result, typename Bias>
__global__ void add_splits(long long count, const float* __restrict__ parts, int splits,
                           const Bias* __restrict__ bias, int C, bool relu, Result* out) {
    long long i = thread_index();
    if (i >= count) return;
    Result* const target = out + i;
    float sum = 0;
    for (int split = 0; split < splits; ++split) sum += parts[split * count + i];
    if (bias != nullptr) sum += float(bias[take_last(i, C)]);
    *target = Result(rectified(sum, relu));
}

// x (rows, C) -> out (rows, padded_C): adds channels of zeros. One thread per 4 channels.
template <typename T>
__global__ void pad_channels(long long count, const T* __restrict__ x, T* out, int C,
                             int padded_C) {
    const long long target = thread_index();
    if (target >= count) return;
    long long row = target;
    const int c = take_last(row, padded_C / 4) * 4;
    Vector<T, 4> values;
#pragma unroll
    for (int j = 0; j < 4; ++j) values[j] = c + j < C ? x[row * C + c + j] : T(0.0f);
    store(out, target, values);
}
