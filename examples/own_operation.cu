// x * sigmoid(beta * x), one thread for each number of x (N, C, H, W); beta (C,) has one per channel.
template <typename T>
__global__ void swish(long long count, const T* x, const T* beta, T* out, int C, int pixels) {
    const long long i = (long long)blockIdx.x * blockDim.x + threadIdx.x;
    if (i >= count) return;  // the last block has more threads than there are numbers left
    const int c = i / pixels % C;
    out[i] = x[i] / (T(1) + exp(-beta[c] * x[i]));
}
