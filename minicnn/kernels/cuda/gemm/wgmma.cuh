// Hopper's instructions for a matrix product, one function each. They exist on sm_90a alone.
//
// mma (mma.cuh) multiplies what the threads of a warp hold in registers. wgmma is given to a
// warpgroup, four warps in a row whose first one has a number that 4 divides, and takes both
// operands straight from shared memory: the threads hold nothing but the sums. Three things follow.
//
// - The tensor cores have to be told how the operands lie in shared memory: matrix_descriptor().
// - They work on while the warps go on. Until wait_for_products() the sums have no value, and what
//   the products read must stay as it is.
// - They reach shared memory by a way of their own, the asynchronous proxy, which need not see what
//   threads have written there, or copied with cp.async, before finish_writes_for_tensor_cores().
//
// Sources: the PTX ISA, "Asynchronous Warpgroup Level Matrix Instructions", and for the descriptors
// also CUTLASS, mma_sm90_desc.hpp and mma_traits_sm90_gmma.hpp.

// ---- where an operand lies ----

// An operand of 16-bit elements lies in panels. A panel has rows of 128 bytes: 64 elements that are
// neighbours in global memory, too. Within a row the 8 chunks of 16 bytes are permuted: place p of
// row r has chunk p ^ r % 8. The hardware calls this the 128-byte swizzle.
//
//            place 0  1  2  3  4  5  6  7
//     row 0        0  1  2  3  4  5  6  7    A column of chunks, which tensor cores read at a time,
//     row 1        1  0  3  2  5  4  7  6    is at 8 different places in 8 rows, and so spread over
//     row 2        2  3  0  1  6  7  4  5    all 32 banks.
//     row 3        3  2  1  0  7  6  5  4    The hardware finds a chunk by its address alone: it
//     row 4        4  5  6  7  0  1  2  3    combines bits 4 to 6 (the chunk) with bits 7 to 9 (the
//     row 5        5  4  7  6  1  0  3  2    row) by an exclusive or. So a row 0 has to start at a
//     row 6        6  7  4  5  2  3  0  1    multiple of 1024 bytes; a matrix may start at any
//     row 7        7  6  5  4  3  2  1  0    chunk of one.
//
// Either rows run along m (or n), and 64 elements of the depth fill them: PTX calls this K-major.
// Or rows run along the depth, filled with 64 m (or n), and the next 64 follow in the next panel:
// MN-major, or transposed.
//
// Where 64 do not divide m or n, such rows have 64 bytes, 32 elements. The hardware then combines
// bits 4 and 5 with bits 7 and 8, so two rows of 4 chunks share a permutation.

// Tells the tensor cores where a matrix starts, and how to go on from there. Bits:
//
//      0-13   its address / 16
//     16-29   bytes from panel to panel / 16; read only if rows run along the depth
//     32-45   bytes from 8 rows to the next 8 rows / 16
//     49-51   0: permutations start at multiples of 1024 bytes
//     62-63   1: permuted rows of 128 bytes, 2: of 64 bytes (3: of 32 bytes, 0: not permuted)
template <int ROW_BYTES>
__device__ inline unsigned long long matrix_descriptor(const char* start, int panel) {
    static_assert(ROW_BYTES == 128 || ROW_BYTES == 64, "of the permutations above");
    const unsigned long long address = shared_address(start) >> 4, leading = panel >> 4;
    const unsigned long long stride = 8 * ROW_BYTES >> 4, permutation = ROW_BYTES == 128 ? 1 : 2;
    return address | leading << 16 | stride << 32 | permutation << 62;
}

// ---- order ----

// Makes what this thread has written to shared memory, or copied there and waited for, visible to
// the tensor cores. Other threads' writes are visible only after a __syncthreads() that follows.
__device__ inline void finish_writes_for_tensor_cores() {
    asm volatile("fence.proxy.async.shared::cta;" : : : "memory");
}

// Stands between the last use of the sums by a thread and the first product that adds to them.
__device__ inline void start_products() {
    asm volatile("wgmma.fence.sync.aligned;" : : : "memory");
}

// Closes a group: all products that this warpgroup has started since the last group.
__device__ inline void close_product_group() {
    asm volatile("wgmma.commit_group.sync.aligned;" : : : "memory");
}

// Waits until at most PENDING of this warpgroup's latest groups are unfinished.
template <int PENDING>
__device__ inline void wait_for_products() {
    asm volatile("wgmma.wait_group.sync.aligned %0;" : : "n"(PENDING) : "memory");
}

// The compiler does not know that sums go on changing after the instruction that adds to them. This
// is no instruction at all, but seems to read and write a sum: so no use of it moves to the other
// side.
__device__ inline void keep_in_place(float& sum) { asm volatile("" : "+f"(sum) : : "memory"); }

// ---- products: sums (64 x N) += a (64 x 16) * b (16 x N) ----

// Warp w of the warpgroup holds rows 16 * w to 16 * w + 15: N / 8 fragments of 16 x 8 sums, each in
// mma's layout. An operand is transposed if its rows run along the depth. The three ones mean: add
// to the sums rather than replace them, and negate neither operand.

#define FRAGMENT(j) "+f"(sums[j][0]), "+f"(sums[j][1]), "+f"(sums[j][2]), "+f"(sums[j][3])
#define FRAGMENTS_4(j) FRAGMENT(j), FRAGMENT(j + 1), FRAGMENT(j + 2), FRAGMENT(j + 3)
#define FRAGMENTS_8 FRAGMENTS_4(0), FRAGMENTS_4(4)
#define FRAGMENTS_12 FRAGMENTS_8, FRAGMENTS_4(8)
#define FRAGMENTS_16 FRAGMENTS_12, FRAGMENTS_4(12)
#define FRAGMENTS_24 FRAGMENTS_16, FRAGMENTS_4(16), FRAGMENTS_4(20)
#define FRAGMENTS_32 FRAGMENTS_24, FRAGMENTS_4(24), FRAGMENTS_4(28)

#define REGISTERS_32                                                                   \
    "%0, %1, %2, %3, %4, %5, %6, %7, %8, %9, %10, %11, %12, %13, %14, %15, %16, %17"   \
    ", %18, %19, %20, %21, %22, %23, %24, %25, %26, %27, %28, %29, %30, %31"
#define REGISTERS_48                                                                   \
    REGISTERS_32                                                                       \
    ", %32, %33, %34, %35, %36, %37, %38, %39, %40, %41, %42, %43, %44, %45, %46, %47"
#define REGISTERS_64                                                                   \
    REGISTERS_48                                                                       \
    ", %48, %49, %50, %51, %52, %53, %54, %55, %56, %57, %58, %59, %60, %61, %62, %63"
#define REGISTERS_96                                                                   \
    REGISTERS_64                                                                       \
    ", %64, %65, %66, %67, %68, %69, %70, %71, %72, %73, %74, %75, %76, %77, %78, %79" \
    ", %80, %81, %82, %83, %84, %85, %86, %87, %88, %89, %90, %91, %92, %93, %94, %95"
#define REGISTERS_128                                                                  \
    REGISTERS_96                                                                       \
    ", %96, %97, %98, %99, %100, %101, %102, %103, %104, %105, %106, %107, %108, %109" \
    ", %110, %111, %112, %113, %114, %115, %116, %117, %118, %119, %120, %121, %122"   \
    ", %123, %124, %125, %126, %127"

#define DEFINE_MULTIPLY_ADD(T, TYPE, N, FRAGMENTS, REGISTERS, REST)                    \
    template <bool A_TRANSPOSED, bool B_TRANSPOSED>                                    \
    __device__ inline void start_multiply_add(                                         \
        T, float(&sums)[N / 8][4], unsigned long long a, unsigned long long b) {       \
        asm volatile("wgmma.mma_async.sync.aligned.m64n" #N "k16.f32." TYPE "." TYPE   \
                     " {" REGISTERS "}, " REST ";"                                     \
                     : FRAGMENTS                                                       \
                     : "l"(a), "l"(b), "n"(A_TRANSPOSED), "n"(B_TRANSPOSED)            \
                     : "memory");                                                      \
    }
#define DEFINE_MULTIPLY_ADDS(T, TYPE)                                                  \
    DEFINE_MULTIPLY_ADD(T, TYPE, 64, FRAGMENTS_8, REGISTERS_32,                        \
                        "%32, %33, 1, 1, 1, %34, %35")                                 \
    DEFINE_MULTIPLY_ADD(T, TYPE, 96, FRAGMENTS_12, REGISTERS_48,                       \
                        "%48, %49, 1, 1, 1, %50, %51")                                 \
    DEFINE_MULTIPLY_ADD(T, TYPE, 128, FRAGMENTS_16, REGISTERS_64,                      \
                        "%64, %65, 1, 1, 1, %66, %67")                                 \
    DEFINE_MULTIPLY_ADD(T, TYPE, 192, FRAGMENTS_24, REGISTERS_96,                      \
                        "%96, %97, 1, 1, 1, %98, %99")                                 \
    DEFINE_MULTIPLY_ADD(T, TYPE, 256, FRAGMENTS_32, REGISTERS_128,                     \
                        "%128, %129, 1, 1, 1, %130, %131")

DEFINE_MULTIPLY_ADDS(bfloat16, "bf16")
DEFINE_MULTIPLY_ADDS(float16, "f16")
