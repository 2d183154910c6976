// Dropout with random bits from Philox4x32-10: Salmon et al., "Parallel random numbers: as easy
// as 1, 2, 3", SC 2011. A counter-based generator needs no state: any thread computes its own
// bits, and the backward pass computes them again instead of reading a mask.
#include "common.cuh"

// Ten rounds of multiplying and mixing turn a 128-bit counter and a 64-bit key into 128 bits.
__device__ inline uint4 philox4x32_10(uint4 counter, uint2 key) {
    for (int round = 0; round < 10; ++round) {
        const unsigned int low0 = 0xD2511F53u * counter.x;
        const unsigned int high0 = __umulhi(0xD2511F53u, counter.x);
        const unsigned int low1 = 0xCD9E8D57u * counter.z;
        const unsigned int high1 = __umulhi(0xCD9E8D57u, counter.z);
        counter = make_uint4(high1 ^ counter.y ^ key.x, low1, high0 ^ counter.w ^ key.y, low0);
        key.x += 0x9E3779B9u;
        key.y += 0xBB67AE85u;
    }
    return counter;
}

// Word index % 4 of the block of bits whose counter is (index / 4, offset), 64 bits each.
__device__ inline unsigned int random_word(unsigned long long index, unsigned long long seed,
                                           unsigned long long offset) {
    const unsigned long long block = index / 4;
    const uint4 words = philox4x32_10(
        make_uint4((unsigned int)block, (unsigned int)(block >> 32), (unsigned int)offset,
                   (unsigned int)(offset >> 32)),
        make_uint2((unsigned int)seed, (unsigned int)(seed >> 32)));
    switch (index % 4) {  // not an array, which would lie in slow local memory
        case 0: return words.x;
        case 1: return words.y;
        case 2: return words.z;
        default: return words.w;
    }
}

// x (N, P, C) in memory, P pixels; (N, C, P) is the order in which elements are numbered for
// their random bits, so that the mask does not depend on the layout. An element is kept if its
// word is at least `threshold`, p * 2^32, and then multiplied by `scale`, 1 / (1 - p).
// Backward is the same kernel on the gradient, with the same seed and offset.
template <typename T>
__global__ void dropout(long long count, const T* x, T* out, int C, int P,
                        unsigned long long threshold, unsigned long long seed,
                        unsigned long long offset, acc_t<T> scale) {
    const long long target = thread_index();
    if (target >= count) return;
    long long i = target;
    const int c = take_last(i, C);
    const int p = take_last(i, P);
    const unsigned long long index = (i * C + c) * P + p;
    const bool kept = random_word(index, seed, offset) >= threshold;
    out[target] = kept ? T(acc_t<T>(x[target]) * scale) : T(0);
}
