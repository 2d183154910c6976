// Fibers: a switch saves six registers on one stack and takes them from another.
#include "fibers.h"

#include <sys/mman.h>
#include <unistd.h>

#include <vector>

Fiber main_fiber;
Fiber* current_fiber;

#ifdef EMU_UCONTEXT
// Portable, but each switch costs two system calls.
static void switch_stacks(Fiber* from, Fiber* to) {
  swapcontext(&from->context, &to->context);
}
#else
extern "C" void emu_switch_stacks(void** save_stack_pointer, void* to);
asm(R"(
.text
.hidden emu_switch_stacks
.globl emu_switch_stacks
.type emu_switch_stacks,@function
emu_switch_stacks:
  pushq %rbp
  pushq %rbx
  pushq %r12
  pushq %r13
  pushq %r14
  pushq %r15
  movq %rsp,(%rdi)
  movq %rsi,%rsp
  popq %r15
  popq %r14
  popq %r13
  popq %r12
  popq %rbx
  popq %rbp
  ret
.size emu_switch_stacks,.-emu_switch_stacks
)");

static inline void switch_stacks(Fiber* from, Fiber* to) {
  emu_switch_stacks(&from->stack_pointer, to->stack_pointer);
}
#endif

namespace {

const size_t GUARD_BYTES = (size_t)sysconf(_SC_PAGESIZE);

std::vector<Fiber*> free_fibers;
std::vector<Fiber*> fibers_in_use;

void prepare(Fiber* fiber, void (*entry)()) {
  fiber->idle = true;
#ifdef EMU_UCONTEXT
  getcontext(&fiber->context);
  fiber->context.uc_stack.ss_sp = fiber->stack;
  fiber->context.uc_stack.ss_size = STACK_BYTES;
  fiber->context.uc_link = nullptr;
  makecontext(&fiber->context, entry, 0);
#else
  void** top = (void**)(fiber->stack + STACK_BYTES);
  *--top = nullptr;  // the stack alignment a function expects at its entry
  *--top = (void*)entry;
  for (int i = 0; i < 6; i++) *--top = nullptr;  // the saved registers
  fiber->stack_pointer = top;
#endif
}

}  // namespace

Fiber* new_fiber(void (*entry)()) {
  Fiber* fiber;
  if (!free_fibers.empty()) {
    fiber = free_fibers.back();
    free_fibers.pop_back();
  } else {
    void* memory =
        mmap(nullptr, GUARD_BYTES + STACK_BYTES, PROT_READ | PROT_WRITE,
             MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory == MAP_FAILED) {
      emu_fail("cannot map a stack for a thread (see vm.max_map_count)");
    }
    mprotect(memory, GUARD_BYTES, PROT_NONE);
    fiber = new Fiber();
    fiber->stack = (char*)memory + GUARD_BYTES;
  }
  prepare(fiber, entry);
  fibers_in_use.push_back(fiber);
  return fiber;
}

void release_fibers() {
  free_fibers.insert(free_fibers.end(), fibers_in_use.begin(),
                     fibers_in_use.end());
  fibers_in_use.clear();
}

void switch_to(Fiber* fiber) {
  Fiber* from = current_fiber;
  current_fiber = fiber;
  statistics.switches++;
  switch_stacks(from, fiber);
}

bool on_fiber_stack(const void* address) {
  const char* stack = current_fiber->stack;
  return address >= stack && address < stack + STACK_BYTES;
}

bool on_guard_page(const void* address) {
  const char* stack = current_fiber->stack;
  return stack && address >= stack - GUARD_BYTES && address < stack;
}
