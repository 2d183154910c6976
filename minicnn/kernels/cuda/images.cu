// Images, from bytes to normalised numbers.
#include "runtime/common.cuh"

// out (N, H, W, C) = images * scale + shift, scale and shift (C,). Pixel p of channel c of an image
// lies at p * pixel_stride + c * channel_stride, so images may be (N, C, H, W) or (N, H, W, C) in
// memory. One thread per vector of out, which may extend over several pixels.
template <typename T, int N>
__global__ void normalize_images(long long count, const unsigned char* images,
                                 const acc_t<T>* scale, const acc_t<T>* shift, T* out, int C,
                                 int HW, int channel_stride, int pixel_stride) {
    const long long target = thread_index();
    if (target >= count) return;
    long long image = target * N;
    int c = take_last(image, C);
    int pixel = take_last(image, HW);
    Vector<T, N> values;
    for (int j = 0; j < N; ++j) {
        const long long source = (image * HW) * C + (long long)pixel * pixel_stride
                                 + (long long)c * channel_stride;
        values[j] = T(images[source] * scale[c] + shift[c]);
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
