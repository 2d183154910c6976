// What the devices are asked for, in order: launches, copies and fills, kept while somebody counts.
#include "driver.h"

static bool keeping = false;
static std::vector<Call> calls;

void note(Call call) {
    Lock lock(everything);
    if (keeping) calls.push_back(std::move(call));
}

extern "C" {

// For Python: a call as ctypes can read it.
struct CallView {
    const char* name;
    uint32_t grid[3], block[3];
    uint64_t size;
    const uint64_t *words, *lengths;
    uint64_t arguments;  // how many
    uint64_t beside;
};

void keep_calls(int keep) {
    Lock lock(everything);
    keeping = keep;
    calls.clear();
}

int on_device(uint64_t word) { return is_device_address(word); }

// Whether there is a call of this number, which is then described in `view`.
int read_call(uint64_t number, CallView* view) {
    Lock lock(everything);
    if (number >= calls.size()) return 0;
    const Call& call = calls[number];
    *view = {call.name.c_str(), {}, {}, call.size, call.words.data(), call.lengths.data(),
             call.lengths.size(), call.beside};
    for (int i = 0; i < 3; ++i) {
        view->grid[i] = call.grid[i];
        view->block[i] = call.block[i];
    }
    return 1;
}

}
