// Two devices, and a context for each.
#include "driver.h"

#include <cstdarg>
#include <cstdio>

std::recursive_mutex everything;
static thread_local CUctx_st* current = nullptr;

CUresult fail(CUresult error, const char* format, ...) {
    va_list arguments;
    va_start(arguments, format);
    fputs("stand-in for the CUDA driver: ", stderr);
    vfprintf(stderr, format, arguments);
    fputc('\n', stderr);
    va_end(arguments);
    return error;
}

CUctx_st* context(int device) {
    static CUctx_st contexts[DEVICES] = {{0}, {1}};
    return &contexts[device];
}

CUctx_st* current_context() { return current ? current : current = context(0); }

static bool exists(int device) { return device >= 0 && device < DEVICES; }

// An H100 SXM5, as far as programs ask; 0 for everything else.
static int attribute(int which, int device) {
    static const std::map<int, int> values = {
        {CU_DEVICE_ATTRIBUTE_MAX_THREADS_PER_BLOCK, 1024},
        {CU_DEVICE_ATTRIBUTE_MAX_BLOCK_DIM_X, 1024},
        {CU_DEVICE_ATTRIBUTE_MAX_BLOCK_DIM_Y, 1024},
        {CU_DEVICE_ATTRIBUTE_MAX_BLOCK_DIM_Z, 64},
        {CU_DEVICE_ATTRIBUTE_MAX_GRID_DIM_X, 2147483647},
        {CU_DEVICE_ATTRIBUTE_MAX_GRID_DIM_Y, 65535},
        {CU_DEVICE_ATTRIBUTE_MAX_GRID_DIM_Z, 65535},
        {CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_BLOCK, 48 << 10},
        {CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_BLOCK_OPTIN, 227 << 10},
        {CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_MULTIPROCESSOR, 228 << 10},
        {CU_DEVICE_ATTRIBUTE_RESERVED_SHARED_MEMORY_PER_BLOCK, 1 << 10},
        {CU_DEVICE_ATTRIBUTE_TOTAL_CONSTANT_MEMORY, 64 << 10},
        {CU_DEVICE_ATTRIBUTE_WARP_SIZE, 32},
        {CU_DEVICE_ATTRIBUTE_MAX_REGISTERS_PER_BLOCK, 65536},
        {CU_DEVICE_ATTRIBUTE_MAX_REGISTERS_PER_MULTIPROCESSOR, 65536},
        {CU_DEVICE_ATTRIBUTE_CLOCK_RATE, 1980000},
        {CU_DEVICE_ATTRIBUTE_MEMORY_CLOCK_RATE, 2619000},
        {CU_DEVICE_ATTRIBUTE_GLOBAL_MEMORY_BUS_WIDTH, 5120},
        {CU_DEVICE_ATTRIBUTE_L2_CACHE_SIZE, 50 << 20},
        {CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT, 132},
        {CU_DEVICE_ATTRIBUTE_MAX_THREADS_PER_MULTIPROCESSOR, 2048},
        {CU_DEVICE_ATTRIBUTE_MAX_BLOCKS_PER_MULTIPROCESSOR, 32},
        {CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR, 9},
        {CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR, 0},
        {CU_DEVICE_ATTRIBUTE_UNIFIED_ADDRESSING, 1},
        {CU_DEVICE_ATTRIBUTE_CAN_MAP_HOST_MEMORY, 1},
        {CU_DEVICE_ATTRIBUTE_CONCURRENT_KERNELS, 1},
        {CU_DEVICE_ATTRIBUTE_ASYNC_ENGINE_COUNT, 3},
        {CU_DEVICE_ATTRIBUTE_STREAM_PRIORITIES_SUPPORTED, 1},
        {CU_DEVICE_ATTRIBUTE_COOPERATIVE_LAUNCH, 1},
    };
    if (which == CU_DEVICE_ATTRIBUTE_PCI_BUS_ID) return device + 1;
    auto found = values.find(which);
    return found == values.end() ? 0 : found->second;
}

static Replacement replacements[] = {
    {"driverGetVersion", +[](int) -> int { return CUDA_VERSION; }},
    {"getDeviceCount", +[](int) -> int { return DEVICES; }},
    {"getDevice", +[](int) -> int { return current_context()->device; }},
    {"setDevice", +[](int device, int) {
         if (!exists(device)) return done(CUDA_ERROR_INVALID_DEVICE);
         current = context(device);
         return done(CUDA_SUCCESS);
     }},
    {"_ensure_context", +[]() {
         current_context();
         return done(CUDA_SUCCESS);
     }},
    {"deviceGetAttribute", +[](int which, int device, int) -> int {
         return result(exists(device) ? CUDA_SUCCESS : CUDA_ERROR_INVALID_DEVICE,
                       attribute(which, device), -1);
     }},
    {"getDeviceProperties", +[](int device, int) {
         if (!exists(device)) return done(CUDA_ERROR_INVALID_DEVICE);
         auto value = [device](CUdevice_attribute which) { return attribute(which, device); };
         return Py_BuildValue(
             "{sysnsisisisisisisi}", "name", "stand-in for an H100 that launches nothing",
             "totalGlobalMem", size_t(80) << 30, "major", 9, "minor", 0,
             "warpSize", value(CU_DEVICE_ATTRIBUTE_WARP_SIZE),
             "multiProcessorCount", value(CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT),
             "l2CacheSize", value(CU_DEVICE_ATTRIBUTE_L2_CACHE_SIZE),
             "memoryClockRate", value(CU_DEVICE_ATTRIBUTE_MEMORY_CLOCK_RATE),
             "memoryBusWidth", value(CU_DEVICE_ATTRIBUTE_GLOBAL_MEMORY_BUS_WIDTH));
     }},
    {"deviceGetPCIBusId", +[](int device, int) {
         if (!exists(device)) return done(CUDA_ERROR_INVALID_DEVICE);
         return Py_BuildValue("s", device ? "0000:02:00.0" : "0000:01:00.0");
     }},
    // a kernel cannot reach the other device's memory
    {"deviceCanAccessPeer", +[](int, int, int) -> int { return 0; }},
    {"deviceSynchronize", +[](int) { return done(CUDA_SUCCESS); }},
    {"profilerStart", +[](int) { return done(CUDA_SUCCESS); }},
    {"profilerStop", +[](int) { return done(CUDA_SUCCESS); }},
};

std::vector<Replacement>& Replacement::all() {
    static std::vector<Replacement> list;
    return list;
}

static PyObject* (*check_status)(int, int);
PyObject* done(CUresult error) { return check_status(error, 0); }

extern "C" {

// For Python: CuPy's function that raises its exception, and what replaces CuPy's functions.
void set_check_status(PyObject* (*function)(int, int)) { check_status = function; }
const Replacement* replacement(size_t number) {
    return number < Replacement::all().size() ? &Replacement::all()[number] : nullptr;
}

CUresult cuCtxGetCurrent(CUcontext* result) {
    *result = current_context();
    return CUDA_SUCCESS;
}

CUresult cuCtxSetCurrent(CUcontext context) {
    current = context;
    return CUDA_SUCCESS;
}

CUresult cuCtxGetDevice(CUdevice* device) {
    *device = current_context()->device;
    return CUDA_SUCCESS;
}

CUresult cuGetErrorName(CUresult error, const char** text) {
    static thread_local std::string name;
    name = "CUDA error " + std::to_string(error);
    *text = name.c_str();
    return CUDA_SUCCESS;
}

CUresult cuGetErrorString(CUresult, const char** text) {
    *text = "the stand-in for the driver says on stderr what is wrong";
    return CUDA_SUCCESS;
}

}
