// A matrix product by wgmma, fed by cp.async: D (M x N) = A (M x K) * B (K x N),
// with A stored by columns (M-major) and B by columns (K-major), in bfloat16.
#include "wgmma.cuh"

constexpr int STAGES = 2;
constexpr int TILE_M = 128;  // two warpgroups of 64 rows each
constexpr int TILE_N = 32;
constexpr int DEPTH = 64;  // of a step: four products of 16
constexpr int THREADS = 256;

// A's part of a stage: panels of 32 rows m, 64 bytes, of which each line is one
// k; patterns of 8 lines are swizzled over 64 bytes.
constexpr int A_LINE = 64;
constexpr int A_PATTERN = 8 * A_LINE;
constexpr int A_PANEL = DEPTH * A_LINE;
constexpr int A_BYTES = TILE_M / 32 * A_PANEL;
// B's part: lines of 64 k, 128 bytes, each one n; patterns of 8 lines are
// swizzled over 128 bytes.
constexpr int B_LINE = 128;
constexpr int B_PATTERN = 8 * B_LINE;
constexpr int B_BYTES = TILE_N * B_LINE;
constexpr int STAGE_BYTES = A_BYTES + B_BYTES;

// Begins to copy the tiles of one step.
__device__ void copy_tiles(char* stage, const u16* A, const u16* B, int M,
                           int K, int step) {
#pragma unroll 1  // keeps the code short
  for (int i = threadIdx.x; i < DEPTH * TILE_M / 8; i += THREADS) {
    int k = i / (TILE_M / 8);
    int m = i % (TILE_M / 8) * 8;
    int chunk = m % 32 / 8 ^ (k / 2 & 3);
    char* to = stage + m / 32 * A_PANEL + k * A_LINE + chunk * 16;
    cp_async16(to, A + (step * DEPTH + k) * M + blockIdx.x * TILE_M + m, 16);
  }
#pragma unroll 1
  for (int i = threadIdx.x; i < TILE_N * DEPTH / 8; i += THREADS) {
    int n = i / (DEPTH / 8);
    int k = i % (DEPTH / 8) * 8;
    int chunk = k / 8 ^ (n & 7);
    char* to = stage + A_BYTES + n * B_LINE + chunk * 16;
    cp_async16(to, B + (blockIdx.y * TILE_N + n) * K + step * DEPTH + k, 16);
  }
  cp_commit();
}

// d (+)= a * b, 64 x 32 x 16
__device__ __forceinline__ void multiply(float (&d)[16], u64 a, u64 b,
                                         bool accumulate) {
  asm volatile(
      "{\n"
      ".reg .pred accumulate;\n"
      "setp.ne.b32 accumulate, %18, 0;\n"
      "wgmma.mma_async.sync.aligned.m64n32k16.f32.bf16.bf16 "
      "{%0,%1,%2,%3,%4,%5,%6,%7,%8,%9,%10,%11,%12,%13,%14,%15}, "
      "%16, %17, accumulate, 1, 1, 1, 0;\n"
      "}\n"
      : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3]), "+f"(d[4]), "+f"(d[5]),
        "+f"(d[6]), "+f"(d[7]), "+f"(d[8]), "+f"(d[9]), "+f"(d[10]),
        "+f"(d[11]), "+f"(d[12]), "+f"(d[13]), "+f"(d[14]), "+f"(d[15])
      : "l"(a), "l"(b), "r"((int)accumulate));
}

extern "C" __global__ void __launch_bounds__(THREADS)
    wgmma_gemm(const u16* A, const u16* B, float* D, int M, int N, int K) {
  extern __shared__ __align__(1024) char shared[];
  char* tiles = shared;
  int warpgroup = threadIdx.x / 128;
  int steps = K / DEPTH;
  float d[16];
  copy_tiles(tiles, A, B, M, K, 0);
  for (int step = 0; step < steps; step++) {
    char* a = tiles + step % STAGES * STAGE_BYTES + warpgroup * 2 * A_PANEL;
    char* b = tiles + step % STAGES * STAGE_BYTES + A_BYTES;
    cp_wait<0>();
    fence_proxy_async();
    wgmma_wait<0>();  // the next copy overwrites what the last products read
    __syncthreads();
    if (step + 1 < steps) {
      char* next = tiles + (step + 1) % STAGES * STAGE_BYTES;
      copy_tiles(next, A, B, M, K, step + 1);
    }
    hold(d);
    wgmma_fence();
    for (int k = 0; k < DEPTH; k += 16) {
      u64 rows = descriptor(a + k * A_LINE, A_PANEL, A_PATTERN, SWIZZLE_64);
      u64 columns = descriptor(b + k * 2, 0, B_PATTERN, SWIZZLE_128);
      multiply(d, rows, columns, step > 0 || k > 0);
    }
    wgmma_commit();
    hold(d);
  }
  wgmma_wait<0>();  // for the sums
  hold(d);
  int lane = threadIdx.x % 32;
  for (int i = 0; i < 16; i++) {
    int row = threadIdx.x / 32 * 16 + lane / 4 + (i >> 1 & 1) * 8;
    int column = i / 4 * 8 + lane % 4 * 2 + (i & 1);
    D[(blockIdx.x * TILE_M + row) * N + blockIdx.y * TILE_N + column] = d[i];
  }
}
