// cuBLAS, which computes nothing either. CuPy's module for it needs all of its functions.
extern "C" {

int cublasCreate_v2(void** handle) {
    static int only;
    *handle = &only;
    return 0;
}

int cublasGetVersion_v2(void*, int* version) {
    *version = 130000;
    return 0;
}

int cublasGetPointerMode_v2(void*, int* mode) { return *mode = 0; }
int cublasGetMathMode(void*, int* mode) { return *mode = 0; }

#define DOES_NOTHING(name) \
    __attribute__((weak)) int name(...) { return 0; }
#include "others.inc"

}
