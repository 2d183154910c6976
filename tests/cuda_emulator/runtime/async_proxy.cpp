// Shared memory as wgmma sees it.
//
// It reads by another way than ordinary loads and stores, the async proxy: what
// a thread wrote by the generic proxy (st, cp.async) can be read there after a
// fence.proxy.async of that thread. So kernels with wgmma have a second copy of
// shared memory, which is poisoned where a write begins and brought up to date
// by the fence. Checked launches also know who has to fence what.
#include <cstring>

#include "runtime_internal.h"

char async_shared[EMU_SHARED_CAPACITY];

namespace {

constexpr int POISON = 0xff;
constexpr int CHUNK = 16;  // bytes that wgmma reads at once

// What is known about one byte of shared memory.
struct AsyncCell {
  uint16_t writer;  // 1 + number of the thread; 0: none
  uint16_t reads;   // by warps whose wgmma is in flight
  uint32_t fences;  // of the writer, when it wrote
};

std::vector<AsyncCell> cells;

inline bool in_shared(const char* address) {
  return address >= emu_shared && address < emu_shared + EMU_SHARED_CAPACITY;
}

// The fences of a thread that the current one can rely on: a barrier, or being
// of the same warp, must lie between.
uint32_t fences_seen(const Thread& writer) {
  const ProxyFences& fences = writer.proxy_fences;
  bool near = writer.warp == emu_current->warp;
  return near || fences.epoch != block_epoch ? fences.count
                                             : fences.before_epoch;
}

}  // namespace

void async_proxy_begin_block() {
  if (!uses_wgmma) return;
  memset(async_shared, POISON, emu_shared_size);
  if (checked) cells.assign(emu_shared_size, AsyncCell());
}

void generic_write_begins(const char* address, unsigned bytes) {
  if (!uses_wgmma || !in_shared(address)) return;
  memset(async_shared + (address - emu_shared), POISON, bytes);
}

void generic_write_ends(const char* address, unsigned bytes) {
  if (!uses_wgmma || !in_shared(address)) return;
  current_thread()->unfenced.push_back({size_t(address - emu_shared), bytes});
}

void note_generic_write(size_t offset) {
  AsyncCell& cell = cells[offset];
  if (cell.reads) {
    emu_fail(
        "write to shared memory that a wgmma in flight reads (offset %zu)",
        offset);
  }
  cell.writer = (uint16_t)(emu_current->linear + 1);
  cell.fences = current_thread()->proxy_fences.count;
}

void async_read_begins(size_t offset) {
  for (size_t i = offset; i < offset + CHUNK; i++) {
    check_shared_content(i);
    AsyncCell& cell = cells[i];
    if (cell.writer &&
        fences_seen(thread_at(cell.writer - 1)) <= cell.fences) {
      emu_fail(
          "wgmma reads shared memory that thread %d wrote without "
          "fence.proxy.async before the barrier (offset %zu)",
          cell.writer - 1, i);
    }
    cell.reads++;
  }
}

void async_read_ends(size_t offset) {
  for (size_t i = offset; i < offset + CHUNK; i++) cells[i].reads--;
  emu_access(emu_shared + offset, CHUNK, EMU_READ);
}

extern "C" {

void emu_generic_store(char* address, unsigned bytes) {
  generic_write_begins(address, bytes);
  generic_write_ends(address, bytes);
}

void emu_fence_proxy_async() {
  if (!uses_wgmma) return;
  Thread* thread = current_thread();
  ProxyFences& fences = thread->proxy_fences;
  if (fences.epoch != block_epoch) {
    fences.epoch = block_epoch;
    fences.before_epoch = fences.count;
  }
  fences.count++;
  for (const SharedRange& range : thread->unfenced) {
    memcpy(async_shared + range.offset, emu_shared + range.offset,
           range.bytes);
  }
  thread->unfenced.clear();
}
}
