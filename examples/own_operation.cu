// x * sigmoid(beta * x), for x (N, C, H, W) and one beta per channel. Thread i computes number i.
template <typename T>
__global__ void swish(long long count, const T* x, const T* beta, T* out, int C, int pixels) {
    const long long i = (long long)blockIdx.x * blockDim.x + threadIdx.x;
    if (i >= count) return;  // threads come in blocks, and the last block may have some to spare
    const int c = i / pixels % C;
    out[i] = x[i] / (T(1) + exp(-beta[c] * x[i]));
}
