// NCCL, which moves nothing. It checks what it is given, and writes it down for tests.
#include "driver/driver.h"

#include <sstream>

namespace {

enum { SUCCESS = 0, INVALID_ARGUMENT = 4 };

struct Communicator {
    int size, rank, device;
};

struct UniqueId {
    char bytes[128];
};

std::string calls;

int width(int type) {
    constexpr int widths[] = {1, 1, 4, 4, 8, 8, 2, 4, 8, 2};  // from int8 to bfloat16
    return type >= 0 && type < 10 ? widths[type] : 0;
}

bool is_memory(const void* buffer, size_t bytes, int device) {
    uint64_t address = reinterpret_cast<uint64_t>(buffer);
    const Allocation* found = is_device_address(address) ? allocation_of(address) : nullptr;
    return found && found->device == device && address + bytes <= found->start + found->size;
}

struct Buffer {
    const void* address;
    size_t count;
};

// Writes down a call; refuses memory and streams that are not there or on another device, and numbers
// that are out of range.
int note(const char* name, Communicator* at, std::initializer_list<Buffer> buffers, int type,
         std::initializer_list<std::pair<const char*, int>> numbers, CUstream stream) {
    Lock lock(everything);
    std::ostringstream line;
    line << name;
    for (const Buffer& buffer : buffers) {
        line << " " << buffer.count;
        if (!width(type) || !is_memory(buffer.address, buffer.count * width(type), at->device)) {
            fail(CUDA_ERROR_INVALID_VALUE, "%s on device %d gets %zu elements of type %d at %p", name,
                 at->device, buffer.count, type, buffer.address);
            return INVALID_ARGUMENT;
        }
    }
    line << " type=" << type;
    for (auto [what, number] : numbers) {
        line << " " << what << "=" << number;
        int end = what == std::string("op") ? 5 : at->size;
        if (number < 0 || number >= end) return INVALID_ARGUMENT;
    }
    if (!stream || stream->device != at->device) return INVALID_ARGUMENT;
    calls += line.str() + "\n";
    return SUCCESS;
}

}  // namespace

extern "C" {

// All calls since it was last asked.
const char* nccl_calls() {
    static std::string answer;
    answer = calls;
    calls.clear();
    return answer.c_str();
}

const char* ncclGetErrorString(int result) { return result ? "invalid argument" : "no error"; }

int ncclGetVersion(int* version) {
    *version = 22707;
    return SUCCESS;
}

int ncclGetUniqueId(UniqueId* id) {
    for (int i = 0; i < 128; i++) id->bytes[i] = char(i);
    return SUCCESS;
}

int ncclCommInitRankConfig(Communicator** made, int size, UniqueId id, int rank, void*) {
    if (rank < 0 || rank >= size || id.bytes[127] != 127) return INVALID_ARGUMENT;
    *made = new Communicator{size, rank, current_context()->device};
    return SUCCESS;
}

int ncclCommDestroy(Communicator* at) {
    calls += "destroy\n";
    delete at;
    return SUCCESS;
}

int ncclCommAbort(Communicator* at) {
    calls += "abort\n";
    delete at;
    return SUCCESS;
}

int ncclCommGetAsyncError(Communicator*, int* error) { return *error = SUCCESS; }

int ncclGroupStart() {
    calls += "{\n";
    return SUCCESS;
}

int ncclGroupEnd() {
    calls += "}\n";
    return SUCCESS;
}

int ncclAllReduce(const void* from, void* to, size_t count, int type, int op, Communicator* at,
                  CUstream stream) {
    return note("allReduce", at, {{from, count}, {to, count}}, type, {{"op", op}}, stream);
}

int ncclReduce(const void* from, void* to, size_t count, int type, int op, int root,
               Communicator* at, CUstream stream) {
    return note("reduce", at, {{from, count}, {to, count}}, type, {{"op", op}, {"root", root}},
                stream);
}

int ncclBroadcast(const void* from, void* to, size_t count, int type, int root, Communicator* at,
                  CUstream stream) {
    return note("broadcast", at, {{from, count}, {to, count}}, type, {{"root", root}}, stream);
}

int ncclReduceScatter(const void* from, void* to, size_t count, int type, int op, Communicator* at,
                      CUstream stream) {
    return note("reduceScatter", at, {{from, count * at->size}, {to, count}}, type, {{"op", op}},
                stream);
}

int ncclAllGather(const void* from, void* to, size_t count, int type, Communicator* at,
                  CUstream stream) {
    return note("allGather", at, {{from, count}, {to, count * at->size}}, type, {}, stream);
}

int ncclSend(const void* from, size_t count, int type, int peer, Communicator* at, CUstream stream) {
    return note("send", at, {{from, count}}, type, {{"peer", peer}}, stream);
}

int ncclRecv(void* to, size_t count, int type, int peer, Communicator* at, CUstream stream) {
    return note("recv", at, {{to, count}}, type, {{"peer", peer}}, stream);
}

// The others are there because CuPy's module is linked with them.
#define NOT_USED(name) \
    int name(...) { return INVALID_ARGUMENT; }
NOT_USED(ncclBcast)
NOT_USED(ncclCommCount)
NOT_USED(ncclCommCuDevice)
NOT_USED(ncclCommInitAll)
NOT_USED(ncclCommSplit)
NOT_USED(ncclCommUserRank)

}
