// Values on their way through memory: vectors, 16-bit floats, asynchronous
// copies, ldmatrix, atomics.
#include "ptx.cuh"

// As many values as 16 or 8 bytes hold, moved by one instruction.
template <class T, int BYTES>
struct alignas(BYTES) Vector {
  T values[BYTES / sizeof(T)];
};

template <class T, int BYTES>
__global__ void copy_vectors(const T* __restrict__ x, T* y, int vectors) {
  using Values = Vector<T, BYTES>;
  int i = blockIdx.x * blockDim.x + threadIdx.x;
  if (i < vectors) {
    reinterpret_cast<Values*>(y)[i] = reinterpret_cast<const Values*>(x)[i];
  }
}

// One row of a table in device memory for each block.
struct Row {
  float* values;
  long long length;
  float factor;
};

extern "C" __global__ void scale_rows(const Row* rows) {
  Row row = rows[blockIdx.x];
  for (long long i = threadIdx.x; i < row.length; i += blockDim.x) {
    row.values[i] *= row.factor;
  }
}

// Copies BYTES per thread by cp.async, `kept` of them; the rest becomes zero.
template <int BYTES>
__global__ void copy_async(const char* x, char* y, int kept) {
  extern __shared__ __align__(16) char shared[];
  int offset = threadIdx.x * BYTES;
  asm volatile("cp.async.ca.shared.global [%0], [%1], %2, %3;\n"
               :
               : "r"(shared_address(shared + offset)), "l"(x + offset),
                 "n"(BYTES), "r"(kept)
               : "memory");
  cp_commit();
  cp_wait<0>();
  for (int i = 0; i < BYTES; i++) y[offset + i] = shared[offset + i];
}

// Each lane's registers after ldmatrix of COUNT 8x8 matrices that lie one behind
// the other, their rows PITCH elements apart.
template <int COUNT, bool TRANSPOSE, int PITCH>
__global__ void load_matrices(const u16* x, u32* y) {
  __shared__ __align__(16) u16 shared[COUNT * 8 * PITCH];
  int lane = threadIdx.x;
  for (int i = lane; i < COUNT * 64; i += 32) {
    shared[i / 8 * PITCH + i % 8] = x[i];
  }
  __syncwarp();
  u32 row = shared_address(shared + lane % (COUNT * 8) * PITCH);
  u32 d[4];
  if (COUNT == 1 && !TRANSPOSE) {
    asm volatile("ldmatrix.sync.aligned.m8n8.x1.shared.b16 {%0}, [%1];\n"
                 : "=r"(d[0])
                 : "r"(row));
  } else if (COUNT == 1) {
    asm volatile("ldmatrix.sync.aligned.m8n8.x1.trans.shared.b16 {%0}, [%1];\n"
                 : "=r"(d[0])
                 : "r"(row));
  } else if (COUNT == 2 && !TRANSPOSE) {
    asm volatile("ldmatrix.sync.aligned.m8n8.x2.shared.b16 {%0,%1}, [%2];\n"
                 : "=r"(d[0]), "=r"(d[1])
                 : "r"(row));
  } else if (COUNT == 2) {
    asm volatile(
        "ldmatrix.sync.aligned.m8n8.x2.trans.shared.b16 {%0,%1}, [%2];\n"
        : "=r"(d[0]), "=r"(d[1])
        : "r"(row));
  } else if (!TRANSPOSE) {
    ldmatrix_x4(d, shared + lane * PITCH);
  } else {
    ldmatrix_x4_trans(d, shared + lane * PITCH);
  }
  for (int i = 0; i < COUNT; i++) y[i * 32 + lane] = d[i];
}

// All threads add to the same numbers.
extern "C" __global__ void add_atomically(float* single, double* twice,
                                          u16* halves) {
  __shared__ float sum;
  if (threadIdx.x == 0) sum = 0;
  __syncthreads();
  atomicAdd(&sum, 1.f);
  atomicAdd(twice, 0.5);
  // 16-bit numbers have no atomicAdd without cuda_fp16.h, but atomicCAS.
  for (u16 old = *halves, seen;; old = seen) {
    seen = atomicCAS(halves, old, (u16)(old + 3));
    if (seen == old) break;
  }
  __syncthreads();
  if (threadIdx.x == 0) atomicAdd(single, sum);
}
