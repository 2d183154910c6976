// Images, from bytes to normalised numbers, and in half precision.
#include "runtime/common.cuh"

// In both kernels `table` (C, 256) says what a byte of a channel becomes.

// out (N, H, W, C): the images, normalised. Pixel p of channel c of an image lies at p * pixel_stride
// + c * channel_stride, so images may be (N, C, H, W) or (N, H, W, C) in memory. One thread per
// vector of out, which may extend over several pixels.
template <typename T, int N>
__global__ void normalize_images(long long count, const unsigned char* images, const T* table,
                                 T* out, int C, int HW, int channel_stride, int pixel_stride) {
    const long long target = thread_index();
    if (target >= count) return;
    long long image = target * N;
    int c = take_last(image, C);
    int pixel = take_last(image, HW);
    Vector<T, N> values;
    for (int j = 0; j < N; ++j) {
        const long long source = (image * HW) * C + (long long)pixel * pixel_stride
                                 + (long long)c * channel_stride;
        values[j] = table[c * 256 + images[source]];
        if (++c == C) {
            c = 0;
            if (++pixel == HW) {
                pixel = 0;
                ++image;
            }
        }
    }
    store(out, target, values);
}

// out (N, H, W, 4): crops of pictures of C channels, normalised, with 0 in the other channels.
// Crop n begins at byte crops[n][0] of pixels, the lines of its picture are crops[n][1] bytes apart,
// and it is mirrored if crops[n][2] is not 0. One thread per pixel.
template <typename T>
__global__ void normalize_crops(long long count, const unsigned char* pixels,
                                const long long* crops, const T* table, T* out, int C, int H,
                                int W) {
    const long long target = thread_index();
    if (target >= count) return;
    long long n = target;
    int w = take_last(n, W);
    const int h = take_last(n, H);
    const long long *crop = crops + 3 * n, first = crop[0], line = crop[1];
    if (crop[2]) w = W - 1 - w;
    const unsigned char* pixel = pixels + first + h * line + w * C;
    Vector<T, 4> values;
    for (int c = 0; c < 4; ++c) values[c] = c < C ? table[c * 256 + pixel[c]] : T(0);
    store(out, target, values);
}

// out (N, H, W, 4) = images of C channels, with 0 in the other channels. Pixels and channels lie as
// in normalize_images. One thread per pixel.
template <typename T>
__global__ void cast_images(long long count, const float* images, T* out, int C, int HW,
                            int channel_stride, int pixel_stride) {
    const long long target = thread_index();
    if (target >= count) return;
    long long image = target;
    const int pixel = take_last(image, HW);
    const float* from = images + image * HW * C + (long long)pixel * pixel_stride;
    Vector<T, 4> values;
    for (int c = 0; c < 4; ++c) values[c] = T(c < C ? from[c * channel_stride] : 0.0f);
    store(out, target, values);
}
