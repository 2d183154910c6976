// Thin wrappers over the PTX for products of a warpgroup, 128 threads.
#pragma once

#include "ptx.cuh"

typedef unsigned long long u64;

// Before the first product, and after other accesses to its accumulators.
__device__ __forceinline__ void wgmma_fence() {
  asm volatile("wgmma.fence.sync.aligned;\n" : : : "memory");
}

__device__ __forceinline__ void wgmma_commit() {
  asm volatile("wgmma.commit_group.sync.aligned;\n" : : : "memory");
}

// Waits until at most N groups of products are still on their way.
template <int N>
__device__ __forceinline__ void wgmma_wait() {
  asm volatile("wgmma.wait_group.sync.aligned %0;\n" : : "n"(N) : "memory");
}

// Shows what this thread has written to shared memory to later products.
__device__ __forceinline__ void fence_proxy_async() {
  asm volatile("fence.proxy.async.shared::cta;\n" : : : "memory");
}

// Keeps the compiler from moving accesses to accumulators over this place.
template <int N>
__device__ __forceinline__ void hold(float (&d)[N]) {
#pragma unroll
  for (int i = 0; i < N; i++) asm volatile("" : "+f"(d[i]) : : "memory");
}

enum Swizzle { NO_SWIZZLE = 0, SWIZZLE_128 = 1, SWIZZLE_64 = 2, SWIZZLE_32 = 3 };

// The matrix descriptor of an operand in shared memory; offsets in bytes.
__device__ __forceinline__ u64 descriptor(const void* start, int leading,
                                          int stride, Swizzle swizzle) {
  u64 bits = (shared_address(start) & 0x3ffff) >> 4;
  return bits | (u64)(leading >> 4) << 16 | (u64)(stride >> 4) << 32 |
         (u64)swizzle << 62;
}
