// Compiled kernels: what their ELF files say about parameters and resources.
#include "driver.h"

#include <elf.h>

#include <cstring>

struct CUmod_st {
    std::map<std::string, std::unique_ptr<CUfunc_st>> functions;
};

// The attributes of a kernel in its section .nv.info.NAME: format, attribute, size or value.
static void read_attributes(CUfunc_st& function, const char* data, size_t size) {
    enum { HAS_SIZE = 4, MAX_THREADS = 0x05, PARAMETER = 0x17 };
    for (size_t i = 0; i + 4 <= size;) {
        uint8_t format = data[i], attribute = data[i + 1];
        uint16_t bytes;
        memcpy(&bytes, data + i + 2, 2);
        const char* value = data + i + 4;
        i += 4 + (format == HAS_SIZE ? bytes : 0);
        if (format != HAS_SIZE) continue;
        uint32_t words[3] = {};
        memcpy(words, value, bytes < 12 ? bytes : 12);
        if (attribute == MAX_THREADS) {
            function.max_threads = words[0] * words[1] * words[2];
        } else if (attribute == PARAMETER) {  // index; ordinal and offset; size above bit 18
            uint32_t ordinal = words[1] & 0xffff, offset = words[1] >> 16;
            if (function.parameters.size() <= ordinal) function.parameters.resize(ordinal + 1);
            function.parameters[ordinal] = {offset, words[2] >> 18};
        }
    }
}

static bool starts_with(const std::string& text, const char* start) {
    return text.rfind(start, 0) == 0;
}

static void read_cubin(CUmod_st& module, const char* image) {
    auto* header = reinterpret_cast<const Elf64_Ehdr*>(image);
    auto* sections = reinterpret_cast<const Elf64_Shdr*>(image + header->e_shoff);
    const char* names = image + sections[header->e_shstrndx].sh_offset;
    auto name_of = [&](int i) { return std::string(names + sections[i].sh_name); };
    for (int i = 0; i < header->e_shnum; ++i) {
        if (!starts_with(name_of(i), ".text.")) continue;
        std::string name = name_of(i).substr(6);
        auto& function = module.functions[name];
        function = std::make_unique<CUfunc_st>(CUfunc_st{name, current_context()->device, {}});
        function->registers = sections[i].sh_info >> 24;
    }
    for (int i = 0; i < header->e_shnum; ++i) {
        std::string name = name_of(i);
        for (auto& [function_name, function] : module.functions) {
            if (name == ".nv.info." + function_name)
                read_attributes(*function, image + sections[i].sh_offset, sections[i].sh_size);
            if (name == ".nv.shared." + function_name)
                function->static_shared = int(sections[i].sh_size);
        }
    }
}

extern "C" {

CUresult cuModuleLoadData(CUmodule* result, const void* image) {
    Lock lock(everything);
    if (memcmp(image, ELFMAG, SELFMAG))
        return fail(CUDA_ERROR_INVALID_IMAGE, "a module that is not compiled for a GPU");
    *result = new CUmod_st;
    read_cubin(**result, static_cast<const char*>(image));
    return CUDA_SUCCESS;
}

CUresult cuModuleUnload(CUmodule) { return CUDA_SUCCESS; }  // graphs may still name its kernels

CUresult cuModuleGetFunction(CUfunction* result, CUmodule module, const char* name) {
    Lock lock(everything);
    auto found = module->functions.find(name);
    if (found == module->functions.end())
        return fail(CUDA_ERROR_NOT_FOUND, "no kernel %s in the module", name);
    *result = found->second.get();
    return CUDA_SUCCESS;
}

CUresult cuFuncGetAttribute(int* value, CUfunction_attribute attribute, CUfunction function) {
    switch (attribute) {
        case CU_FUNC_ATTRIBUTE_MAX_THREADS_PER_BLOCK: *value = function->max_threads; break;
        case CU_FUNC_ATTRIBUTE_SHARED_SIZE_BYTES: *value = function->static_shared; break;
        case CU_FUNC_ATTRIBUTE_NUM_REGS: *value = function->registers; break;
        case CU_FUNC_ATTRIBUTE_PTX_VERSION:
        case CU_FUNC_ATTRIBUTE_BINARY_VERSION: *value = 90; break;
        case CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES: *value = function->dynamic_shared; break;
        case CU_FUNC_ATTRIBUTE_PREFERRED_SHARED_MEMORY_CARVEOUT: *value = function->carveout; break;
        default: *value = 0; break;
    }
    return CUDA_SUCCESS;
}

CUresult cuFuncSetAttribute(CUfunction function, CUfunction_attribute attribute, int value) {
    switch (attribute) {
        case CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES:
            if (value + function->static_shared > 227 << 10)
                return fail(CUDA_ERROR_INVALID_VALUE, "%s asks for %d bytes of shared memory",
                            function->name.c_str(), value + function->static_shared);
            function->dynamic_shared = value;
            return CUDA_SUCCESS;
        case CU_FUNC_ATTRIBUTE_PREFERRED_SHARED_MEMORY_CARVEOUT:
            if (value < -1 || value > 100) return CUDA_ERROR_INVALID_VALUE;
            function->carveout = value;
            return CUDA_SUCCESS;
        default:
            return CUDA_ERROR_INVALID_VALUE;
    }
}

}
