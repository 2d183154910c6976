// What mma and wgmma have in common: how tensor cores read numbers and add up
// products.
#pragma once

#include <algorithm>
#include <cmath>
#include <numeric>

#include "float16.h"
#include "runtime.h"

extern bool truncating;  // cut off where sums are otherwise rounded

template <EmuElement TYPE>
inline float unpack(uint32_t bits) {
  // the hardware ignores the low 13 bits of a tf32 operand
  if (TYPE == EMU_TF32) return bitcast<float>(bits & 0xffffe000);
  return TYPE == EMU_BF16 ? bf16_to_float((uint16_t)bits)
                          : half_to_float((uint16_t)bits);
}

// The sum of c and K exact products as tensor cores form it, or a little worse:
// all are aligned to the largest and cut off after 24 bits, and so is the sum
// (Fasi, Higham, Mikaitis and Pranesh, "Numerical behavior of NVIDIA tensor
// cores", 2021; newer ones keep some more bits).
template <int K>
float truncated_sum(float c, const float* a, const float (*b)[8], int j) {
  double terms[K + 1] = {c};
  double largest = std::fabs(terms[0]);
  for (int k = 0; k < K; k++) {
    terms[k + 1] = (double)a[k] * b[k][j];
    largest = std::fmax(largest, std::fabs(terms[k + 1]));
  }
  int exponent;
  std::frexp(largest, &exponent);
  double sum = 0;
  for (double term : terms) {
    if (!std::isfinite(term)) {
      return (float)std::accumulate(terms, terms + K + 1, 0.0);
    }
    sum += std::trunc(std::ldexp(term, 24 - exponent));
  }
  int excess;
  std::frexp(sum, &excess);
  excess = std::max(excess - 24, 0);
  double kept = std::trunc(std::ldexp(sum, -excess));
  return (float)std::ldexp(kept, excess + exponent - 24);
}

// Eight floats that the CPU adds and multiplies at once.
typedef float Row __attribute__((vector_size(32), aligned(4), may_alias));

// sums (16 x 8) += a (16 x K) * b (K x 8)
template <int K>
void multiply(float (*sums)[8], const float (*a)[K], const float (*b)[8]) {
  if (truncating) {
    for (int i = 0; i < 16; i++) {
      for (int j = 0; j < 8; j++) {
        sums[i][j] = truncated_sum<K>(sums[i][j], a[i], b, j);
      }
    }
    return;
  }
  constexpr int ROWS = 8;  // as many sums as fit into the CPU's registers
  for (int i = 0; i < 16; i += ROWS) {
    Row rows[ROWS];
    for (int r = 0; r < ROWS; r++) rows[r] = *(const Row*)sums[i + r];
    for (int k = 0; k < K; k++) {
      for (int r = 0; r < ROWS; r++) rows[r] += a[i + r][k] * *(const Row*)b[k];
    }
    for (int r = 0; r < ROWS; r++) *(Row*)sums[i + r] = rows[r];
  }
}

// Lane l holds elements (l / 4, l % 4 * 2 + 0 and 1) of a 16 x 8 block of D and
// those eight rows below: "Matrix Fragments for mma.m16n8k16" in the PTX ISA.
inline void put_fragment(float (*block)[8], int lane, const float* values) {
  float* row = &block[lane / 4][lane % 4 * 2];
  row[0] = values[0];
  row[1] = values[1];
  row[8 * 8] = values[2];
  row[8 * 8 + 1] = values[3];
}

inline void get_fragment(float* values, int lane, const float (*block)[8]) {
  const float* row = &block[lane / 4][lane % 4 * 2];
  values[0] = row[0];
  values[1] = row[1];
  values[2] = row[8 * 8];
  values[3] = row[8 * 8 + 1];
}
