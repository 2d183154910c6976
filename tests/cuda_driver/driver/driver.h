// What the files of the stand-in share. See ../__init__.py for what it is.
#pragma once

#include <cuda.h>

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

constexpr int DEVICES = 2;

// Says on stderr what is wrong, so that it stands in the test's report, and returns the error.
CUresult fail(CUresult error, const char* format, ...) __attribute__((format(printf, 2, 3)));

// One lock for everything: CuPy lets go of Python's before some calls.
extern std::recursive_mutex everything;
using Lock = std::lock_guard<std::recursive_mutex>;

// --------------------------------------------------------------- functions of CuPy's CUDA runtime

struct PyObject;
extern "C" PyObject* Py_BuildValue(const char*, ...);

// A function that takes the place of one in cupy_backends.cuda.api.runtime. Its last parameters
// belong to Cython, which asks whether to skip subclasses, and passes optional arguments in a struct.
struct Replacement {
    const char* name;
    const char* layout;  // of the result and the parameters, to compare with CuPy's
    void* function;

    template <typename Result, typename... Parameters>
    Replacement(const char* name, Result (*function)(Parameters...)) {
        static std::string layout = width<Result>() + ":" + (std::string() + ... + width<Parameters>());
        all().push_back({name, layout.c_str(), reinterpret_cast<void*>(function)});
    }
    Replacement(const char* name, const char* layout, void* function)
        : name(name), layout(layout), function(function) {}

    static std::vector<Replacement>& all();

   private:
    template <typename T>
    static std::string width() {
        return std::is_floating_point<T>::value ? "f" : std::to_string(sizeof(T));
    }
};

struct Optional {
    int count;  // of the arguments that were given
    int value;
};

// None, or null and CuPy's own exception for the error.
PyObject* done(CUresult error);

// The same, for functions that return something else.
template <typename T>
T result(CUresult error, T value, T otherwise) {
    return done(error) ? value : otherwise;
}

// -------------------------------------------------------------------------------------- contexts

struct CUctx_st {
    int device;
};

CUctx_st* context(int device);
CUctx_st* current_context();

// ---------------------------------------------------------------------------------------- memory

struct Allocation {
    uint64_t start;
    size_t size;
    int device;  // -1: pinned memory of the host
};

bool is_device_address(uint64_t word);  // in the range where device memory lies, allocated or not
const Allocation* allocation_of(uint64_t address);  // null where nothing is allocated

// --------------------------------------------------------------------------------------- modules

struct Parameter {
    uint32_t offset, size;
};

struct CUfunc_st {
    std::string name;
    int device;  // of the context it was loaded in
    std::vector<Parameter> parameters;
    int registers = 0, static_shared = 0, max_threads = 1024;
    int dynamic_shared = 48 << 10;  // allowed
    int carveout = -1;
};

// --------------------------------------------------------------------------------------- streams

struct Launch {
    CUfunc_st* function;
    std::vector<uint64_t> words;  // of the arguments
};

struct CUgraph_st {
    std::vector<Launch> launches;
};

struct Capture {
    std::unique_ptr<CUgraph_st> graph;
    CUstream origin;
    bool broken;
    std::vector<CUstream> forks;  // the other streams in it
};

struct CUstream_st {
    int device;
    unsigned flags;
    int priority;
    std::shared_ptr<Capture> capture;  // null unless the stream is being captured
};

Capture* capture_of(CUstream stream);
// For what a captured stream refuses; breaks the capture.
CUresult refuse_in_capture(CUstream stream, const char* what);

CUresult check_addresses(const Launch& launch);

// ----------------------------------------------------------------------------------------- calls

// What a device was asked for.
struct Call {
    std::string name;  // of the kernel; "copy ..." or "fill" if it is none
    std::vector<unsigned> grid, block;  // three of each
    size_t size;                        // of a copy or fill, in bytes
    std::vector<uint64_t> words;        // of the arguments, one after the other
    std::vector<uint64_t> lengths;      // of each argument, in words
    bool beside = false;                // on another stream than the one that is being captured
};

void note(Call call);  // kept while somebody counts calls
