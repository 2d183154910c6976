// A launch computes nothing; it checks what a GPU would refuse or crash at.
#include "driver.h"

#include <cstring>

// Whether every device address among the arguments belongs to the kernel's device.
CUresult check_addresses(const Launch& launch) {
    for (uint64_t word : launch.words) {
        if (!is_device_address(word)) continue;
        const Allocation* found = allocation_of(word);
        const char* name = launch.function->name.c_str();
        if (!found)
            return fail(CUDA_ERROR_ILLEGAL_ADDRESS, "%s gets an address where nothing is allocated: "
                        "%#llx", name, (unsigned long long)word);
        if (found->device != launch.function->device)
            return fail(CUDA_ERROR_ILLEGAL_ADDRESS, "%s runs on device %d and gets memory of device "
                        "%d", name, launch.function->device, found->device);
    }
    return CUDA_SUCCESS;
}

static CUresult check_shape(const CUfunc_st& f, const unsigned (&grid)[3], const unsigned (&block)[3],
                            unsigned shared) {
    const char* name = f.name.c_str();
    unsigned threads = block[0] * block[1] * block[2];
    if (!threads || block[0] > 1024 || block[1] > 1024 || block[2] > 64 || threads > 1024)
        return fail(CUDA_ERROR_INVALID_VALUE, "%s: blocks of (%u, %u, %u) threads", name, block[0],
                    block[1], block[2]);
    if (!grid[0] || !grid[1] || !grid[2] || grid[0] > 2147483647u || grid[1] > 65535 ||
        grid[2] > 65535)
        return fail(CUDA_ERROR_INVALID_VALUE, "%s: a grid of (%u, %u, %u) blocks", name, grid[0],
                    grid[1], grid[2]);
    if (int(threads) > f.max_threads)
        return fail(CUDA_ERROR_INVALID_VALUE, "%s: %u threads, its launch bounds say %d", name,
                    threads, f.max_threads);
    unsigned warps = (threads + 31) / 32, registers = (f.registers + 7) / 8 * 8 * 32;
    if (warps * registers > 65536)
        return fail(CUDA_ERROR_LAUNCH_OUT_OF_RESOURCES, "%s: %u threads of %d registers", name,
                    threads, f.registers);
    unsigned plain = (48u << 10) > unsigned(f.static_shared) ? (48u << 10) - f.static_shared : 0;
    if (shared > plain && shared > unsigned(f.dynamic_shared))
        return fail(CUDA_ERROR_INVALID_VALUE, "%s: %u bytes of shared memory, %d are allowed", name,
                    shared, f.dynamic_shared);
    return CUDA_SUCCESS;
}

static void note_launch(const CUfunc_st& function, const unsigned (&grid)[3],
                        const unsigned (&block)[3], CUstream stream, void** arguments) {
    Call call{function.name, {grid, grid + 3}, {block, block + 3}, 0, {}, {}};
    const Capture* capture = capture_of(stream);
    call.beside = capture && capture->origin != stream;
    for (size_t i = 0; i < function.parameters.size(); ++i) {
        uint32_t size = function.parameters[i].size;
        size_t first = call.words.size();
        call.lengths.push_back((size + 7) / 8);
        call.words.resize(first + call.lengths.back());
        memcpy(&call.words[first], arguments[i], size);
    }
    note(std::move(call));
}

static CUresult launch(CUfunction function, const unsigned (&grid)[3], const unsigned (&block)[3],
                       unsigned shared, CUstream stream, void** arguments) {
    Lock lock(everything);
    const char* name = function->name.c_str();
    int device = current_context()->device;
    CUcontext of_stream;
    cuStreamGetCtx(stream, &of_stream);
    if (function->device != device || of_stream->device != device)
        return fail(CUDA_ERROR_INVALID_HANDLE,
                    "device %d is current, %s was loaded on device %d, its stream is on device %d",
                    device, name, function->device, of_stream->device);
    if (CUresult error = check_shape(*function, grid, block, shared)) return error;
    Launch call{function, {}};
    // an array of CuPy's own kernels is a struct, of which only the address is always initialised
    bool own_struct = function->name.rfind("cupy_", 0) == 0;
    for (size_t i = 0; i < function->parameters.size(); ++i) {
        uint32_t size = own_struct ? 8 : function->parameters[i].size;
        for (uint32_t at = 0; at + 8 <= size && at + 8 <= function->parameters[i].size; at += 8) {
            uint64_t word;
            memcpy(&word, static_cast<char*>(arguments[i]) + at, 8);
            call.words.push_back(word);
        }
    }
    if (CUresult error = check_addresses(call)) return error;
    if (Capture* capture = capture_of(stream)) capture->graph->launches.push_back(call);
    note_launch(*function, grid, block, stream, arguments);
    return CUDA_SUCCESS;
}

extern "C" {

CUresult cuLaunchKernel(CUfunction function, unsigned grid_x, unsigned grid_y, unsigned grid_z,
                        unsigned block_x, unsigned block_y, unsigned block_z, unsigned shared,
                        CUstream stream, void** arguments, void**) {
    return launch(function, {grid_x, grid_y, grid_z}, {block_x, block_y, block_z}, shared, stream,
                  arguments);
}

CUresult cuLaunchCooperativeKernel(CUfunction function, unsigned grid_x, unsigned grid_y,
                                   unsigned grid_z, unsigned block_x, unsigned block_y,
                                   unsigned block_z, unsigned shared, CUstream stream,
                                   void** arguments) {
    return launch(function, {grid_x, grid_y, grid_z}, {block_x, block_y, block_z}, shared, stream,
                  arguments);
}

CUresult cuOccupancyMaxActiveBlocksPerMultiprocessor(int* blocks, CUfunction function, int threads,
                                                     size_t) {
    *blocks = function->max_threads < threads ? 0 : 2048 / threads < 32 ? 2048 / threads : 32;
    return CUDA_SUCCESS;
}

}
