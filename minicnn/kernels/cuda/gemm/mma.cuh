// The instructions behind a fast matrix product, one function each. C++ cannot express them, so
// they are written in PTX, the assembly language of NVIDIA's compilers.

// A float for products on tensor cores, which read 10 bits of its mantissa (TF32).
struct tfloat32 {
    float value;

    tfloat32() = default;
    __device__ explicit tfloat32(float value) : value(value) {}
    __device__ operator float() const { return value; }
};

// The address within shared memory, 32 bits, that PTX wants.
__device__ inline unsigned int shared_address(const void* pointer) {
    return (unsigned int)__cvta_generic_to_shared(pointer);
}

// ---- asynchronous copies from global to shared memory ----

// Copies BYTES bytes, or writes zeros without reading `from` if not `inside`. A copy of 16 bytes
// bypasses the L1 cache (.cg), since a block seldom reads the same bytes twice. L2::128B makes the
// L2 cache fetch the whole line of 128 bytes, since neighbouring threads read the rest of it.
template <int BYTES>
__device__ inline void copy_async(void* to, const void* from, bool inside) {
    const int source_bytes = inside ? BYTES : 0;
    if constexpr (BYTES == 16) {
        asm volatile("cp.async.cg.shared.global.L2::128B [%0], [%1], 16, %2;"
                     : : "r"(shared_address(to)), "l"(__cvta_generic_to_global(from)),
                     "r"(source_bytes) : "memory");
    } else {
        asm volatile("cp.async.ca.shared.global [%0], [%1], %2, %3;"
                     : : "r"(shared_address(to)), "l"(__cvta_generic_to_global(from)), "n"(BYTES),
                     "r"(source_bytes) : "memory");
    }
}

// Closes a group: all copies that this thread has issued since the last group.
__device__ inline void close_copy_group() { asm volatile("cp.async.commit_group;" : : : "memory"); }

// Waits until at most PENDING of this thread's latest groups are unfinished. Other threads' copies
// are visible only after a __syncthreads() that follows.
template <int PENDING>
__device__ inline void wait_for_copies() {
    asm volatile("cp.async.wait_group %0;" : : "n"(PENDING) : "memory");
}

// ---- fragments: the pieces of a matrix that the 32 threads of a warp hold in registers ----

// Loads four matrices of 8 rows of 16 bytes. Thread l passes the address of row l % 8 of matrix
// l / 8. From each matrix it gets 4 bytes of row l / 4, those at 4 * (l % 4).
__device__ inline void load_matrices(unsigned int (&fragment)[4], const void* row) {
    asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0, %1, %2, %3}, [%4];"
                 : "=r"(fragment[0]), "=r"(fragment[1]), "=r"(fragment[2]), "=r"(fragment[3])
                 : "r"(shared_address(row)) : "memory");
}

// The same for matrices of 8 x 8 elements of 16 bits, which it transposes.
__device__ inline void load_matrices_transposed(unsigned int (&fragment)[4], const void* row) {
    asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0, %1, %2, %3}, [%4];"
                 : "=r"(fragment[0]), "=r"(fragment[1]), "=r"(fragment[2]), "=r"(fragment[3])
                 : "r"(shared_address(row)) : "memory");
}

// ---- products on tensor cores: sums (16 x 8) += a (16 x D) * b (D x 8), D 32 bytes of T ----

// Thread l holds the sums of row l / 4, columns 2 * (l % 4) and the next; then both 8 rows below.
template <typename T>
__device__ inline void multiply_add(float (&sums)[4], const unsigned int (&a)[4], unsigned int b0,
                                    unsigned int b1);

template <>
__device__ inline void multiply_add<bfloat16>(float (&sums)[4], const unsigned int (&a)[4],
                                              unsigned int b0, unsigned int b1) {
    asm("mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 "
        "{%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};"
        : "+f"(sums[0]), "+f"(sums[1]), "+f"(sums[2]), "+f"(sums[3])
        : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1));
}

template <>
__device__ inline void multiply_add<float16>(float (&sums)[4], const unsigned int (&a)[4],
                                             unsigned int b0, unsigned int b1) {
    asm("mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32 "
        "{%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};"
        : "+f"(sums[0]), "+f"(sums[1]), "+f"(sums[2]), "+f"(sums[3])
        : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1));
}

template <>
__device__ inline void multiply_add<tfloat32>(float (&sums)[4], const unsigned int (&a)[4],
                                              unsigned int b0, unsigned int b1) {
    asm("mma.sync.aligned.m16n8k8.row.col.f32.tf32.tf32.f32 "
        "{%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};"
        : "+f"(sums[0]), "+f"(sums[1]), "+f"(sums[2]), "+f"(sums[3])
        : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1));
}

// The nearest TF32 number. Without this, tensor cores would cut off the lower 13 bits, and all
// products would be a little too small.
__device__ inline unsigned int round_to_tfloat32(unsigned int bits) {
    unsigned int rounded;
    asm("cvt.rna.tf32.f32 %0, %1;" : "=r"(rounded) : "f"(__uint_as_float(bits)));
    return rounded;
}
