// A launch: runs the blocks of a grid one after another, and turns whatever goes
// wrong into an error text.
#include <algorithm>
#include <csetjmp>
#include <csignal>
#include <cstdarg>
#include <cstdio>

#include "fibers.h"
#include "runtime_internal.h"

EmuStatistics statistics;
bool checked;
bool uses_wgmma;

namespace {

const EmuKernel* kernel;
int seed;

// ---- errors ----

char error_text[1024];
bool failed;

size_t describe_place(char* text, size_t size, bool with_site) {
  if (!emu_current) return snprintf(text, size, " [before any thread ran]");
  const EmuDim3& b = emu_block.index;
  const EmuDim3& t = emu_current->index;
  const char* site = with_site ? kernel->sites[emu_site] : "";
  return snprintf(text, size, " [block (%u,%u,%u) thread (%u,%u,%u)%s%s]", b.x,
                  b.y, b.z, t.x, t.y, t.z, *site ? " at " : "", site);
}

void record_error(const char* message, bool with_site) {
  if (failed) return;
  failed = true;
  size_t length = snprintf(error_text, sizeof error_text, "%s", message);
  length = std::min(length, sizeof error_text - 1);
  describe_place(error_text + length, sizeof error_text - length, with_site);
}

// ---- signals: a wild access becomes an error of the launch ----

constexpr int SIGNALS[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL};
constexpr int SIGNAL_COUNT = sizeof SIGNALS / sizeof *SIGNALS;

sigjmp_buf launch_exit;
char signal_stack[64 << 10];
stack_t old_signal_stack;
struct sigaction old_actions[SIGNAL_COUNT];

void on_signal(int number, siginfo_t* info, void*) {
  char* address = (char*)info->si_addr;
  char message[200];
  if (number == SIGFPE) {
    snprintf(message, sizeof message, "arithmetic trap (SIGFPE)");
  } else if (number == SIGILL) {
    snprintf(message, sizeof message, "illegal instruction (SIGILL)");
  } else if (on_guard_page(address)) {
    snprintf(message, sizeof message,
             "stack overflow: local arrays of a thread exceed %zu KB",
             STACK_BYTES >> 10);
  } else {
    snprintf(message, sizeof message,
             "invalid memory access (SIGSEGV) at address %p", address);
  }
  record_error(message, checked);  // only checked code keeps emu_site exact
  siglongjmp(launch_exit, 1);
}

void catch_signals() {
  stack_t stack = {};
  stack.ss_sp = signal_stack;
  stack.ss_size = sizeof signal_stack;
  sigaltstack(&stack, &old_signal_stack);
  struct sigaction action = {};
  action.sa_sigaction = on_signal;
  action.sa_flags = SA_SIGINFO | SA_ONSTACK;
  for (int i = 0; i < SIGNAL_COUNT; i++) {
    sigaction(SIGNALS[i], &action, &old_actions[i]);
  }
}

void restore_signals() {
  for (int i = 0; i < SIGNAL_COUNT; i++) {
    sigaction(SIGNALS[i], &old_actions[i], nullptr);
  }
  sigaltstack(&old_signal_stack, nullptr);
}

// ---- the grid ----

// Visits every block once, in an order that the seed decides.
uint64_t block_at(uint64_t step, uint64_t block_count) {
  constexpr uint64_t PRIME = 0x9E3779B1;
  if (!seed || block_count % PRIME == 0) return step;
  return (step * PRIME + seed) % block_count;
}

void run_grid(const EmuDim3& grid) {
  uint64_t block_count = (uint64_t)grid.x * grid.y * grid.z;
  for (uint64_t step = 0; step < block_count && !failed; step++) {
    run_block(block_at(step, block_count));
  }
}

}  // namespace

extern "C" {

const char* emu_error() { return error_text; }

void emu_fail(const char* format, ...) {
  char message[700];
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(message, sizeof message, format, arguments);
  va_end(arguments);
  record_error(message, true);
  if (current_fiber == &main_fiber) siglongjmp(launch_exit, 1);
  switch_to(&main_fiber);  // every fiber is abandoned where it stands
  __builtin_unreachable();
}

int emu_run(const EmuKernel* launched, void** arguments,
            const EmuLaunch* launch, EmuStatistics* result) {
  kernel = launched;
  seed = launch->seed;
  checked = launch->checked;
  uses_wgmma = kernel->uses_wgmma;
  *kernel->checked = checked;
  *kernel->variables = launch->variables;
  emu_shared_size = kernel->static_shared + launch->dynamic_shared;
  error_text[0] = 0;
  failed = false;
  statistics = EmuStatistics();
  current_fiber = &main_fiber;
  if (emu_shared_size > EMU_SHARED_CAPACITY) {
    snprintf(error_text, sizeof error_text,
             "%zu bytes of shared memory; a block has at most %zu",
             emu_shared_size, EMU_SHARED_CAPACITY);
    return 1;
  }
  scheduler_begin_launch(kernel, arguments, *launch);
  checker_begin_launch(*launch);
  catch_signals();
  if (sigsetjmp(launch_exit, 1) == 0) run_grid(launch->grid);
  restore_signals();
  release_fibers();
  *result = statistics;
  return failed;
}
}
