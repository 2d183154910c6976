// Dropout with random bits from Philox4x32-10: Salmon et al., "Parallel random numbers: as easy
// as 1, 2, 3", SC 2011. A counter-based generator keeps no state from number to number: any thread
// computes its own bits, and the backward pass computes them again instead of reading a mask.
#include "runtime/common.cuh"

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

// What determines a mask, in device memory (see runtime/hyperparameters.py): a key, and the number
// of the mask.
struct State {
    unsigned long long seed, offset;
};

// Four words for the elements 4 * block to 4 * block + 3. The counter is (block, offset), each of
// 64 bits.
__device__ inline uint4 random_words(unsigned long long block, const State& state) {
    return philox4x32_10(
        make_uint4((unsigned int)block, (unsigned int)(block >> 32), (unsigned int)state.offset,
                   (unsigned int)(state.offset >> 32)),
        make_uint2((unsigned int)state.seed, (unsigned int)(state.seed >> 32)));
}

// An element is kept if its word is at least `threshold`, p * 2^32, and then multiplied by
// `scale`, 1 / (1 - p). Backward is the same on the gradient, with the same state.
template <typename T>
__device__ inline T drop(T x, unsigned int word, unsigned long long threshold, acc_t<T> scale) {
    return word >= threshold ? T(acc_t<T>(x) * scale) : T(acc_t<T>(0));
}

// Elements in the order of memory. A thread takes four, for which one call of the generator
// suffices; x and out start at a multiple of four elements.
template <typename T>
__global__ void dropout(long long count, const T* x, T* out, long long size,
                        unsigned long long threshold, const State* state, acc_t<T> scale) {
    const long long i = thread_index();
    if (i >= count) return;
    const uint4 words = random_words(i, *state);
    if (4 * i + 3 < size) {
        const Vector<T, 4> in = load<4>(x, i);
        store(out, i, Vector<T, 4>{drop(in[0], words.x, threshold, scale),
                                   drop(in[1], words.y, threshold, scale),
                                   drop(in[2], words.z, threshold, scale),
                                   drop(in[3], words.w, threshold, scale)});
        return;
    }
    // the last one to three; they have words x, y and z
    const T* rest = x + 4 * i;
    T* rest_out = out + 4 * i;
    rest_out[0] = drop(rest[0], words.x, threshold, scale);
    if (size % 4 > 1) rest_out[1] = drop(rest[1], words.y, threshold, scale);
    if (size % 4 > 2) rest_out[2] = drop(rest[2], words.z, threshold, scale);
}

// Word index % 4 of the four.
__device__ inline unsigned int random_word(unsigned long long index, const State& state) {
    const uint4 words = random_words(index / 4, state);
    switch (index % 4) {  // an array would be in slow local memory
        case 0: return words.x;
        case 1: return words.y;
        case 2: return words.z;
        default: return words.w;
    }
}

// x (N, P, C) in memory, P pixels. For their random bits, elements are numbered in (N, C, P) order,
// so that the mask does not depend on the memory layout. Neighbours in memory are P apart in that
// order, so each thread computes four words and uses one.
template <typename T>
__global__ void dropout_images(long long count, const T* x, T* out, int C, int P,
                               unsigned long long threshold, const State* state,
                               acc_t<T> scale) {
    const long long target = thread_index();
    if (target >= count) return;
    long long i = target;
    const int c = take_last(i, C);
    const int p = take_last(i, P);
    const unsigned long long index = (i * C + c) * P + p;
    out[target] = drop(x[target], random_word(index, *state), threshold, scale);
}
