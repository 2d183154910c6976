// wgmma: products that the four warps of a warpgroup begin and wait for.
//
// Nothing blocks before wgmma.wait_group. Each lane notes its part of a product,
// and hands over its accumulators, which are poisoned in its registers. When a
// warp waits, its 16 rows of the products that are due are computed, from what
// the async proxy then sees in shared memory. So each warp may be far ahead of
// the others, and a product reads its operands as late as it may.
#include <cstring>
#include <deque>
#include <list>
#include <type_traits>

#include "matrix_descriptor.h"
#include "runtime_internal.h"
#include "tensor_core.h"

namespace {

constexpr int WARP_SIZE = 32;
constexpr uint32_t FULL_MASK = 0xffffffff;
constexpr int WARPS = 4;  // of a warpgroup
constexpr int ROWS = 16;  // of D that a warp has

// ---- the products of the running block ----

struct LaneAccumulators {
  float* values;  // in the lane's registers; null: not handed over
  uint8_t* states;
};

struct Block {
  float sums[ROWS][8];
};

// A warp's rows of D while products that add to it are in flight.
struct Accumulators {
  const uint16_t* registers;  // of each lane, which tell it from others
  uint32_t columns;
  uint32_t products;  // in flight
  LaneAccumulators lanes[WARP_SIZE];
  std::vector<Block> blocks;  // of 8 columns
};

struct Product {
  EmuWgmma wgmma;
  Accumulators* accumulators;
};

// What the first warp of a warpgroup issued, and where.
struct Issued {
  EmuWgmma wgmma;
  int site;
};

struct Warp {
  std::deque<Product> products;  // in flight
  uint32_t completed;            // how many were before
  std::deque<uint32_t> groups;   // how many products had been issued at the end
  uint32_t completed_groups;
  std::list<Accumulators> accumulators;

  uint32_t issued() const { return completed + (uint32_t)products.size(); }
  uint32_t committed() const {
    return completed_groups + (uint32_t)groups.size();
  }
};

std::vector<Warp> warps;
std::vector<std::vector<Issued>> issued_by_group;  // of each warpgroup

bool equal(const EmuWgmma& a, const EmuWgmma& b) {
  return a.type == b.type && a.columns == b.columns && a.a == b.a &&
         a.b == b.b && a.accumulate == b.accumulate &&
         a.negate_a == b.negate_a && a.negate_b == b.negate_b &&
         a.mn_major_a == b.mn_major_a && a.mn_major_b == b.mn_major_b;
}

// ---- operands ----

// An operand of a product, or the part of it that one warp reads.
struct Operand {
  MatrixDescriptor descriptor;
  bool mn_major;
  uint32_t first;    // row of A, or column of B
  uint32_t count;    // of those
  uint32_t depth;    // k
  uint32_t elements;  // in a chunk

  Operand(uint64_t bits, bool mn_major, EmuElement type, uint32_t first,
          uint32_t count)
      : descriptor(bits, mn_major),
        mn_major(mn_major),
        first(first),
        count(count),
        depth(type == EMU_TF32 ? 8 : 16),
        elements(type == EMU_TF32 ? 4 : 8) {}

  void check(const char* name) const {
    uint32_t chunks = (mn_major ? count : depth) / elements;
    descriptor.check(name, mn_major ? depth : count, chunks);
  }

  // Calls visit(mn, k, address) for each chunk, with its first element and
  // where it is in shared memory.
  template <class Visit>
  void for_each_chunk(Visit visit) const {
    if (mn_major) {
      for (uint32_t mn = 0; mn < count; mn += elements) {
        for (uint32_t k = 0; k < depth; k++) {
          visit(mn, k, descriptor.address(k, (first + mn) / elements));
        }
      }
    } else {
      for (uint32_t mn = 0; mn < count; mn++) {
        for (uint32_t k = 0; k < depth; k += elements) {
          visit(mn, k, descriptor.address(first + mn, k / elements));
        }
      }
    }
  }
};

Operand rows_of_a(const EmuWgmma& wgmma, uint32_t first, uint32_t count) {
  return Operand(wgmma.a, wgmma.mn_major_a, wgmma.type, first, count);
}

Operand columns_of_b(const EmuWgmma& wgmma) {
  return Operand(wgmma.b, wgmma.mn_major_b, wgmma.type, 0, wgmma.columns);
}

// The first row of A that the current warp multiplies.
uint32_t first_row() { return emu_current->warp % WARPS * ROWS; }

// Calls visit with the address of every chunk that the current warp reads.
template <class Visit>
void for_each_operand_chunk(const EmuWgmma& wgmma, Visit visit) {
  auto with_address = [&](uint32_t, uint32_t, uint32_t at) { visit(at); };
  rows_of_a(wgmma, first_row(), ROWS).for_each_chunk(with_address);
  columns_of_b(wgmma).for_each_chunk(with_address);
}

// Calls put(mn, k, value) for each element.
template <EmuElement TYPE, class Put>
void unpack_operand(const Operand& operand, bool negate, Put put) {
  using Bits = std::conditional_t<TYPE == EMU_TF32, uint32_t, uint16_t>;
  constexpr int ELEMENTS = 16 / sizeof(Bits);
  const float sign = negate ? -1 : 1;
  const int along_mn = operand.mn_major;
  operand.for_each_chunk([&](uint32_t mn, uint32_t k, uint32_t address) {
    Bits chunk[ELEMENTS];
    memcpy(chunk, async_shared + address, sizeof chunk);
    for (int i = 0; i < ELEMENTS; i++) {
      float value = sign * unpack<TYPE>(chunk[i]);
      put(mn + along_mn * i, k + !along_mn * i, value);
    }
  });
}

// ---- the product of one warp ----

template <EmuElement TYPE>
void add_product(const EmuWgmma& wgmma, Accumulators& accumulators) {
  constexpr int K = TYPE == EMU_TF32 ? 8 : 16;
  float a[ROWS][K];
  static float b[256 / 8][K][8];
  unpack_operand<TYPE>(rows_of_a(wgmma, first_row(), ROWS), wgmma.negate_a,
                       [&](uint32_t m, uint32_t k, float v) { a[m][k] = v; });
  unpack_operand<TYPE>(
      columns_of_b(wgmma), wgmma.negate_b,
      [&](uint32_t n, uint32_t k, float v) { b[n / 8][k][n % 8] = v; });
  for (uint32_t block = 0; block < wgmma.columns / 8; block++) {
    auto& sums = accumulators.blocks[block].sums;
    if (!wgmma.accumulate) memset(sums, 0, sizeof sums);
    multiply<K>(sums, a, b[block]);
  }
}

void compute(const EmuWgmma& wgmma, Accumulators& accumulators) {
  switch (wgmma.type) {
    case EMU_BF16:
      return add_product<EMU_BF16>(wgmma, accumulators);
    case EMU_F16:
      return add_product<EMU_F16>(wgmma, accumulators);
    case EMU_TF32:
      return add_product<EMU_TF32>(wgmma, accumulators);
  }
}

// ---- accumulators, from registers to a product and back ----

// Those that the registers are parts of, if products in flight use them.
Accumulators& find_accumulators(Warp& warp, const uint16_t* registers,
                                uint32_t columns) {
  for (Accumulators& accumulators : warp.accumulators) {
    if (accumulators.registers == registers) return accumulators;
  }
  warp.accumulators.push_back({registers, columns, 0, {}, {}});
  warp.accumulators.back().blocks.resize(columns / 8);
  return warp.accumulators.back();
}

void hand_over(Accumulators& accumulators, float* values, uint8_t* states) {
  uint32_t lane = emu_current->lane;
  if (accumulators.lanes[lane].values) return;
  accumulators.lanes[lane] = {values, states};
  const uint16_t* registers = accumulators.registers;
  for (uint32_t i = 0; i < accumulators.columns / 2; i++) {
    uint8_t& state = states[registers[i]];
    if (state & EMU_TOUCHED) {
      emu_fail(
          "wgmma.mma_async without wgmma.fence after the last access to its "
          "accumulators");
    }
    if (state & EMU_IN_FLIGHT) {
      emu_fail(
          "wgmma.mma_async: another one in flight has some of its "
          "accumulators");
    }
    state |= EMU_IN_FLIGHT;
  }
  for (uint32_t block = 0; block < accumulators.columns / 8; block++) {
    float fragment[4];
    for (int i = 0; i < 4; i++) {
      float& value = values[registers[block * 4 + i]];
      fragment[i] = value;
      value = NAN;
    }
    put_fragment(accumulators.blocks[block].sums, lane, fragment);
  }
}

void hand_back(const Accumulators& accumulators) {
  const uint16_t* registers = accumulators.registers;
  for (int lane = 0; lane < WARP_SIZE; lane++) {
    auto [values, states] = accumulators.lanes[lane];
    for (uint32_t block = 0; block < accumulators.columns / 8; block++) {
      float fragment[4];
      get_fragment(fragment, lane, accumulators.blocks[block].sums);
      for (int i = 0; i < 4; i++) {
        values[registers[block * 4 + i]] = fragment[i];
        states[registers[block * 4 + i]] = 0;
      }
    }
  }
}

// ---- issue ----

// Notes a product for the current thread's warp, of which this is the first
// lane to come.
void issue(Warp& warp, const EmuWgmma& wgmma, const uint16_t* registers) {
  auto& by_group = issued_by_group[emu_current->warp / WARPS];
  uint32_t number = warp.issued();
  if (number == by_group.size()) {
    rows_of_a(wgmma, 0, WARPS * ROWS).check("A");
    columns_of_b(wgmma).check("B");
    by_group.push_back({wgmma, emu_site});
  } else if (!equal(by_group[number].wgmma, wgmma)) {
    emu_fail(
        "wgmma.mma_async: the warps of a warpgroup differ in descriptors, "
        "scale-d or instruction");
  }
  Accumulators& accumulators =
      find_accumulators(warp, registers, wgmma.columns);
  accumulators.products++;
  warp.products.push_back({wgmma, &accumulators});
  if (checked) for_each_operand_chunk(wgmma, async_read_begins);
}

void check_warpgroup() {
  const EmuDim3& size = emu_block.size;
  uint32_t threads = size.x * size.y * size.z;
  uint32_t needed = (emu_current->warp / WARPS + 1) * WARPS * WARP_SIZE;
  if (threads < needed) {
    emu_fail(
        "wgmma.mma_async: the block's %u threads end within a warpgroup of 128",
        threads);
  }
}

// ---- wait ----

struct WaitOperands {
  const Thread* thread;
  int allowed_groups;
};

void complete_product(Warp& warp) {
  Product product = warp.products.front();
  warp.products.pop_front();
  warp.completed++;
  compute(product.wgmma, *product.accumulators);
  if (checked) for_each_operand_chunk(product.wgmma, async_read_ends);
  if (--product.accumulators->products) return;
  hand_back(*product.accumulators);
  warp.accumulators.remove_if([&](const Accumulators& accumulators) {
    return &accumulators == product.accumulators;
  });
}

void compute_wait(void** operands, uint32_t) {
  WaitOperands** lanes = (WaitOperands**)operands;
  Warp& warp = warps[emu_current->warp];
  for (int lane = 0; lane < WARP_SIZE; lane++) {
    const Thread* thread = lanes[lane]->thread;
    if (thread->wgmmas != warp.issued()) {
      emu_fail(
          "wgmma.wait_group: lanes of one warp have issued different numbers "
          "of wgmma, %u and %u",
          thread->wgmmas, warp.issued());
    }
    if (thread->wgmma_groups != warp.committed()) {
      emu_fail(
          "wgmma.wait_group: lanes of one warp have committed different "
          "numbers of groups, %u and %u",
          thread->wgmma_groups, warp.committed());
    }
  }
  while ((int)warp.groups.size() > lanes[0]->allowed_groups) {
    while (warp.completed < warp.groups.front()) complete_product(warp);
    warp.groups.pop_front();
    warp.completed_groups++;
  }
}

}  // namespace

void wgmma_begin_block() {
  if (!uses_wgmma) return;
  const EmuDim3& size = emu_block.size;
  uint32_t threads = size.x * size.y * size.z;
  uint32_t count = (threads + WARP_SIZE - 1) / WARP_SIZE;
  warps.clear();
  warps.resize(count);
  issued_by_group.clear();
  issued_by_group.resize((count + WARPS - 1) / WARPS);
}

void wgmma_end_block() {
  if (!uses_wgmma) return;
  for (size_t number = 0; number < warps.size(); number++) {
    uint32_t issued = warps[number].issued();
    const auto& by_group = issued_by_group[number / WARPS];
    if (issued == by_group.size()) continue;
    emu_current = &thread_at(number * WARP_SIZE);
    emu_site = by_group[issued].site;
    emu_fail(
        "wgmma.mma_async: this warp has issued fewer of them than others of its "
        "warpgroup");
  }
}

extern "C" {

void emu_wgmma(const EmuWgmma* wgmma, float* accumulators, uint8_t* states,
               const uint16_t* registers) {
  check_warpgroup();
  Thread* thread = current_thread();
  Warp& warp = warps[thread->warp];
  if (thread->wgmmas == warp.issued()) issue(warp, *wgmma, registers);
  const Product& product = warp.products[thread->wgmmas - warp.completed];
  if (!equal(product.wgmma, *wgmma) ||
      product.accumulators->registers != registers) {
    emu_fail(
        "wgmma.mma_async: the lanes of a warp differ in descriptors, scale-d "
        "or instruction");
  }
  hand_over(*product.accumulators, accumulators, states);
  thread->wgmmas++;
}

void emu_wgmma_commit() {
  Thread* thread = current_thread();
  Warp& warp = warps[thread->warp];
  uint32_t number = thread->wgmma_groups++ - warp.completed_groups;
  if (number == warp.groups.size()) {
    warp.groups.push_back(thread->wgmmas);
  } else if (warp.groups[number] != thread->wgmmas) {
    emu_fail(
        "wgmma.commit_group: lanes of one warp have issued different numbers "
        "of wgmma, %u and %u",
        warp.groups[number], thread->wgmmas);
  }
}

void emu_wgmma_wait(int allowed_groups) {
  WaitOperands op = {current_thread(), allowed_groups};
  emu_collective(FULL_MASK, "wgmma.wait_group", &op, compute_wait);
}
}
