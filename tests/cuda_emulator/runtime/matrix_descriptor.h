// Where wgmma finds the elements of an operand in shared memory.
//
// The rules are those of the PTX ISA, "Asynchronous Warpgroup Level Matrix
// Shared Memory Layout" with "Strides", "Canonical Layouts" and "Matrix
// Descriptor Format", and of make_gmma_desc in CUTLASS
// (cute/atom/mma_traits_sm90_gmma.hpp), which agree.
//
// Memory is moved in chunks of 16 bytes: along k in a K-major operand, along m
// or n in an MN-major one. Eight lines of `width` bytes each make a swizzle
// pattern, where a line is a row m or n of a K-major operand, or a column k of
// an MN-major one:
//
//          chunk 0  1  2  3              a pattern of 4 chunks (64 bytes)
//   line 0       0  1  2  3              before swizzling; line l has its
//   line 1       4  5  6  7              chunk c in place c ^ (l / 2)
//   ...                                  of its line afterwards
//   line 7      28 29 30 31
//
// Below one pattern comes another, `line_stride` bytes away, and to its right
// another, `chunk_stride` bytes away.
#pragma once

#include "runtime.h"

struct MatrixDescriptor {
  uint32_t start;
  uint32_t width;         // of a line in bytes; 16 without swizzling
  uint32_t line_stride;   // from a pattern to the one with the next 8 lines
  uint32_t chunk_stride;  // to the one with the next width / 16 chunks
  uint32_t base_offset;
  bool stray_bits;  // outside of all fields

  MatrixDescriptor(uint64_t bits, bool mn_major) {
    static const uint32_t WIDTHS[] = {16, 128, 64, 32};  // by swizzling mode
    auto field = [bits](int first) {
      return (uint32_t)(bits >> first & 0x3fff) << 4;
    };
    start = field(0);
    uint32_t leading = field(16);
    uint32_t stride = field(32);
    base_offset = bits >> 49 & 7;
    width = WIDTHS[bits >> 62];
    stray_bits = bits & 0x3ff1c000c000c000;
    bool exchanged = mn_major && !swizzled();
    line_stride = exchanged ? leading : stride;
    chunk_stride = exchanged ? stride : leading;
  }

  bool swizzled() const { return width > 16; }
  uint32_t chunks_per_line() const { return width / 16; }
  uint32_t pattern_bytes() const { return 8 * width; }

  // The offset of a chunk in shared memory. Swizzling exchanges chunks within
  // a line: CuTe's Swizzle<log2(width / 16), 4, 3> of the address.
  uint32_t address(uint32_t line, uint32_t chunk) const {
    uint32_t linear = start + line % 8 * width + line / 8 * line_stride +
                      chunk % chunks_per_line() * 16 +
                      chunk / chunks_per_line() * chunk_stride;
    return linear ^ (linear >> 7 & (chunks_per_line() - 1)) << 4;
  }

  // Fails if an operand of so many lines and chunks cannot lie there.
  void check(const char* name, uint32_t lines, uint32_t chunks) const {
    if (stray_bits) emu_fail("descriptor of %s: bits outside its fields", name);
    if (base_offset) {
      emu_fail("descriptor of %s: base offset %u, only 0 is emulated", name,
               base_offset);
    }
    if (swizzled() && start % pattern_bytes() >= width) {
      emu_fail(
          "descriptor of %s: start address %u is not in the first line of a "
          "swizzle pattern, which begins at multiples of %u bytes",
          name, start, pattern_bytes());
    }
    check_stride(name, "lines", line_stride, lines > 8);
    check_stride(name, "chunks", chunk_stride, chunks > chunks_per_line());
    uint32_t first_chunk = start % width / 16;
    if (first_chunk && first_chunk + chunks > chunks_per_line()) {
      emu_fail(
          "descriptor of %s: start address %u is %u bytes into a line, whose "
          "%u bytes end before the operand",
          name, start, first_chunk * 16, width);
    }
    for (uint32_t line = 0; line < lines; line++) {
      for (uint32_t chunk = 0; chunk < chunks; chunk++) {
        check_bounds(name, address(line, chunk));
      }
    }
  }

 private:
  void check_stride(const char* name, const char* what, uint32_t bytes,
                    bool used) const {
    if (used && swizzled() && bytes % pattern_bytes()) {
      emu_fail(
          "descriptor of %s: %u bytes between patterns of %s; with this "
          "swizzling mode it must be a multiple of %u",
          name, bytes, what, pattern_bytes());
    }
  }

  void check_bounds(const char* name, uint32_t offset) const {
    if (offset + 16 > emu_shared_size) {
      emu_fail(
          "descriptor of %s: 16 bytes of shared memory at offset %u; %zu bytes "
          "are allocated",
          name, offset, emu_shared_size);
    }
  }
};
