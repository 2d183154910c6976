// Fibers: stacks to switch between, and the function that runs on each.
#pragma once

#include <cstddef>
#include <cstdint>

#include "runtime_internal.h"

#if !defined(__x86_64__) && !defined(EMU_UCONTEXT)
#define EMU_UCONTEXT
#endif
#ifdef EMU_UCONTEXT
#include <ucontext.h>
#endif

constexpr size_t STACK_BYTES = 64 << 10;

struct Fiber {
  void* stack_pointer;
  char* stack;
  bool idle;  // holds no thread
#ifdef EMU_UCONTEXT
  ucontext_t context;
#endif
};

extern Fiber main_fiber;  // the caller's own stack
extern Fiber* current_fiber;

// A fiber that starts in `entry`, which must not return; idle at first.
Fiber* new_fiber(void (*entry)());

// Takes back all fibers that `new_fiber` gave out, wherever they stand.
void release_fibers();

// Lies `address` in the inaccessible page below the running fiber's stack?
bool on_guard_page(const void* address);

// Saves the running fiber and goes on with another.
void switch_to(Fiber* fiber);
