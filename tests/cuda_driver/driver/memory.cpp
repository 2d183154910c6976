// Device memory is memory of the host, in a range of addresses for each device. Addresses are never
// given out twice, and are such as neither text nor pairs of small integers make by chance.
#include "driver.h"

#include <sys/mman.h>

#include <cstdlib>
#include <cstring>

static constexpr size_t DEVICE_MEMORY = size_t(80) << 30;
static constexpr size_t RANGE = size_t(1) << 42;  // of addresses, for each device
static constexpr uint64_t FIRST = 0x100000000000;
static constexpr size_t PAGE = 2 << 20;
static std::map<uint64_t, Allocation> allocations;
static uint64_t next_address[DEVICES] = {FIRST, FIRST + RANGE};
static size_t used[DEVICES];

bool is_device_address(uint64_t word) { return word >= FIRST && word < FIRST + DEVICES * RANGE; }

const Allocation* allocation_of(uint64_t address) {
    auto after = allocations.upper_bound(address);
    if (after == allocations.begin()) return nullptr;
    const Allocation& before = std::prev(after)->second;
    return address <= before.start + before.size ? &before : nullptr;  // arrays may be empty
}

static void* pointer(uint64_t address) { return reinterpret_cast<void*>(address); }

static CUresult allocate(size_t size, uint64_t* address) {
    Lock lock(everything);
    int device = current_context()->device;
    if (used[device] + size > DEVICE_MEMORY) return CUDA_ERROR_OUT_OF_MEMORY;
    *address = next_address[device];
    void* memory = mmap(pointer(*address), size, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED_NOREPLACE, -1, 0);
    if (memory == MAP_FAILED) return CUDA_ERROR_OUT_OF_MEMORY;
    allocations[*address] = {*address, size, device};
    used[device] += size;
    next_address[device] += (size / PAGE + 2) * PAGE;  // and a page where nothing lies
    return CUDA_SUCCESS;
}

static CUresult release(uint64_t address) {
    Lock lock(everything);
    auto found = allocations.find(address);
    if (!address) return CUDA_SUCCESS;
    if (found == allocations.end() || found->second.device < 0)
        return fail(CUDA_ERROR_INVALID_VALUE, "free of %#lx, which is not allocated", address);
    munmap(pointer(address), found->second.size);
    used[found->second.device] -= found->second.size;
    allocations.erase(found);
    return CUDA_SUCCESS;
}

// Whether `size` bytes may be read or written there: everywhere in the host's own memory.
static bool accessible(uint64_t address, size_t size) {
    if (!is_device_address(address)) return address != 0;
    const Allocation* found = allocation_of(address);
    return found && address + size <= found->start + found->size;
}

static void note_copy(uint64_t to, uint64_t from, size_t size) {
    const char* name = !is_device_address(from) ? "copy to the device"
                       : is_device_address(to)  ? "copy within the device"
                                                : "copy to the host";
    note({name, {0, 0, 0}, {0, 0, 0}, size, {}, {}});
}

static CUresult copy(uint64_t to, uint64_t from, size_t size) {
    Lock lock(everything);
    note_copy(to, from, size);
    if (!accessible(to, size) || !accessible(from, size))
        return fail(CUDA_ERROR_INVALID_VALUE,
                    "copy of %zu bytes from %#lx to %#lx, where less is allocated", size, from, to);
    memcpy(pointer(to), pointer(from), size);
    return CUDA_SUCCESS;
}

static CUresult copy_on(intptr_t stream, uint64_t to, uint64_t from, size_t size) {
    Lock lock(everything);
    CUstream handle = reinterpret_cast<CUstream>(stream);
    if (!capture_of(handle)) return copy(to, from, size);
    for (uint64_t address : {to, from})
        if (!allocation_of(address))
            return refuse_in_capture(handle, "a copy from or to memory that is not pinned");
    note_copy(to, from, size);
    return CUDA_SUCCESS;
}

static CUresult set(uint64_t to, int value, size_t size) {
    Lock lock(everything);
    note({"fill", {0, 0, 0}, {0, 0, 0}, size, {}, {}});
    if (!accessible(to, size))
        return fail(CUDA_ERROR_INVALID_VALUE, "memset of %zu bytes at %#lx, where less is allocated",
                    size, to);
    memset(pointer(to), value, size);
    return CUDA_SUCCESS;
}

static Replacement replacements[] = {
    {"malloc", +[](size_t size, int) -> intptr_t {
         uint64_t address = 0;
         CUresult error = allocate(size, &address);
         return result(error, intptr_t(address), intptr_t(0));
     }},
    {"free", +[](intptr_t address, int) { return done(release(address)); }},
    {"hostAlloc", +[](size_t size, unsigned, int) -> intptr_t {
         Lock lock(everything);
         uint64_t address = reinterpret_cast<uint64_t>(aligned_alloc(4096, (size + 4096) & ~4095ul));
         allocations[address] = {address, size, -1};
         return intptr_t(address);
     }},
    {"freeHost", +[](intptr_t address, int) {
         Lock lock(everything);
         if (!allocations.erase(address)) return done(CUDA_ERROR_INVALID_VALUE);
         free(pointer(address));
         return done(CUDA_SUCCESS);
     }},
    {"memGetInfo", +[](int) {
         size_t unused = DEVICE_MEMORY - used[current_context()->device];
         return Py_BuildValue("nn", unused, DEVICE_MEMORY);
     }},
    {"memcpy", +[](intptr_t to, intptr_t from, size_t size, int, int) {
         return done(copy(to, from, size));
     }},
    {"memcpyAsync", +[](intptr_t to, intptr_t from, size_t size, int, intptr_t stream, int) {
         return done(copy_on(stream, to, from, size));
     }},
    {"memcpyPeer", +[](intptr_t to, int, intptr_t from, int, size_t size, int) {
         return done(copy(to, from, size));
     }},
    {"memcpyPeerAsync",
     +[](intptr_t to, int, intptr_t from, int, size_t size, intptr_t stream, int) {
         return done(copy_on(stream, to, from, size));
     }},
    {"memset", +[](intptr_t to, int value, size_t size, int) { return done(set(to, value, size)); }},
    {"memsetAsync", +[](intptr_t to, int value, size_t size, intptr_t, int) {
         return done(set(to, value, size));
     }},
    {"pointerGetMemoryType", +[](intptr_t address, int) -> int {
         Lock lock(everything);
         const Allocation* found = allocation_of(address);
         return !found ? 0 : found->device < 0 ? 1 : 2;  // cudaMemoryType
     }},
};
