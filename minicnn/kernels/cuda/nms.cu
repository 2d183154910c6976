// Non-maximum suppression: all pairs of boxes at once, then one block walks along the boxes.
#include "runtime/common.cuh"

// Rounded by themselves: a compiler that adds to an unrounded product changes ties.
__device__ inline float product(float a, float b) { return __fmul_rn(a, b); }
__device__ inline double product(double a, double b) { return __dmul_rn(a, b); }

// x1, y1, x2, y2
template <typename A>
struct Box {
    A left, top, right, bottom;

    template <typename T>
    __device__ explicit Box(const T* corners)
        : left(corners[0]), top(corners[1]), right(corners[2]), bottom(corners[3]) {}
    __device__ A area() const { return product(right - left, bottom - top); }
    // NaN, in which comparisons fail, leaves boxes apart.
    __device__ bool overlaps(const Box& other, A limit) const {
        const A width = min(right, other.right) - max(left, other.left);
        const A height = min(bottom, other.bottom) - max(top, other.top);
        const A shared = product(max(width, A(0)), max(height, A(0)));
        return shared / (area() + other.area() - shared) > limit;
    }
};

// Bit j % 64 of overlap[i, j / 64] says whether box j comes after box i and overlaps with it. One
// thread per box and word.
template <typename T>
__global__ void find_overlaps(long long count, const T* boxes, unsigned long long* overlap, int N,
                              int words, acc_t<T> limit) {
    const long long target = thread_index();
    if (target >= count) return;
    long long i = target;
    const int word = take_last(i, words);
    const Box<acc_t<T>> box(boxes + 4 * i);
    unsigned long long bits = 0;
    for (int bit = 0; bit < 64; ++bit) {
        const int j = word * 64 + bit;
        if (j <= i || j >= N) continue;
        if (box.overlaps(Box<acc_t<T>>(boxes + 4 * j), limit)) bits |= 1ULL << bit;
    }
    overlap[target] = bits;
}

// The best box is kept, and all that overlap with it go; then the next one that is left. One block,
// whose threads share the words of `gone` (words), which start at 0. T is not used.
template <typename T>
__global__ void keep_best(const unsigned long long* overlap, unsigned long long* gone, bool* keep,
                          int N, int words) {
    for (int i = 0; i < N; ++i) {
        const bool kept = (gone[i / 64] >> (i % 64) & 1) == 0;
        __syncthreads();  // all have read before the first one writes
        if (threadIdx.x == 0) keep[i] = kept;
        if (kept)
            for (int word = threadIdx.x; word < words; word += blockDim.x)
                gone[word] |= overlap[(long long)i * words + word];
        __syncthreads();
    }
}
