// What comes before a convolution, differentiated at the end of its input gradient: a ReLU, and the
// bias added before that. The numbers are in registers there; a pass of its own would read and
// write all of them again.

// Zeros the gradient where x, the ReLU's result, is 0, and sums it by channel; write_tile calls it.
// x lies as the gradient does; a row of sums, of all channels of all groups, belongs to a row of
// tiles.
template <typename T, typename Tile>
struct ReLUBiasGradient {
    static constexpr int CHUNK = 16 / sizeof(T), CHUNKS = Tile::N / CHUNK;  // as in write_tile
    static constexpr int ROWS = Tile::THREADS / CHUNKS;

    const T* const x;
    float* const sums;
    const int C;         // channels of a group
    float parts[CHUNK];  // of the sums: of the values that this thread writes

    __device__ ReLUBiasGradient(const T* x, float* sums, int C) : x(x), sums(sums), C(C) {}

    // Not in the constructor: during the product the accumulators leave no registers.
    __device__ void begin() {
#pragma unroll
        for (int j = 0; j < CHUNK; ++j) parts[j] = 0;
    }

    __device__ void operator()(Vector<T, CHUNK>& values, long long offset) {
        const Vector<T, CHUNK> outs = load<CHUNK>(x + blockIdx.y * C + offset, 0);
#pragma unroll
        for (int j = 0; j < CHUNK; ++j) {
            if (outs[j] <= T(0.0f)) values[j] = T(0.0f);
            parts[j] += float(values[j]);
        }
    }

    __device__ void end(const TileCoordinates<Tile>& tile) {
        float(*const shared)[Tile::N] = (float(*)[Tile::N])shared_memory();
        __syncthreads();  // nobody reads the tile any more
        const int row = threadIdx.x / CHUNKS, column = threadIdx.x % CHUNKS * CHUNK;
        if (row < ROWS) {
#pragma unroll
            for (int j = 0; j < CHUNK; ++j) shared[row][column + j] = parts[j];
        }
        __syncthreads();
        const long long pitch = (long long)gridDim.y * C;
        float* const out = sums + tile.m / Tile::M * pitch + blockIdx.y * C + tile.n;
        for (int n = threadIdx.x; n < min(Tile::N, C - tile.n); n += Tile::THREADS) {
            float sum = 0;
            for (int i = 0; i < ROWS; ++i) sum += shared[i][n];
            out[n] = sum;
        }
    }
};
