// A matrix product tile by tile: what convolution and linear layers share.
//
// out[m][n] = sum over k of a[m][k] * b[n][k]. A block of threads computes a tile of M x N of the
// result. It walks along the depth k in steps of DEPTH: the next pieces of a and b are copied from
// global into shared memory while the pieces that are already there are multiplied. Each warp
// multiplies a part of the tile and keeps its sums in registers until the end.
//
// Where an element of a or b comes from is the business of readers (readers.cuh).

// How a block divides its work. A warp's part should be large: each element it loads from shared
// memory enters WARP_M or WARP_N products, and shared memory is what runs out first.
template <int M_, int N_, int DEPTH_, int WARP_M_, int WARP_N_, int STAGES_, int BLOCKS_>
struct Tile {
    static constexpr int M = M_, N = N_;                 // of the result, for a block
    static constexpr int DEPTH = DEPTH_;                 // of a step
    static constexpr int WARP_M = WARP_M_, WARP_N = WARP_N_;  // of the result, for a warp
    static constexpr int STAGES = STAGES_;               // pieces in shared memory at a time
    static constexpr int BLOCKS = BLOCKS_;               // that shall fit on a multiprocessor
    static constexpr int THREADS = M / WARP_M * (N / WARP_N) * 32;
    static_assert(M % WARP_M == 0 && N % WARP_N == 0, "warps divide the tile");
};

__device__ inline char* shared_memory() {
    extern __shared__ __align__(128) char memory[];
    return memory;
}

// ---- a piece of an operand in shared memory ----

// EXTENT rows (m or n) times DEPTH. As in global memory, neighbours in memory are neighbours
// either in depth (DEPTH_INNER) or in extent.
//
// Shared memory has 32 banks of 4 bytes; one access serves 128 bytes if they lie in different
// banks. ldmatrix reads 16 bytes from each of 8 rows at the same column, which in a plain layout
// would be the same banks 8 times. So the 16-byte chunks of a row are permuted, by an exclusive or
// with a number that differs from row to row: no padding, and copies stay free of conflicts too.
template <typename T, int EXTENT, int DEPTH, bool DEPTH_INNER>
struct SharedTile {
    static constexpr bool depth_inner = DEPTH_INNER;
    static constexpr int ROWS = DEPTH_INNER ? EXTENT : DEPTH;
    static constexpr int COLUMNS = DEPTH_INNER ? DEPTH : EXTENT;
    static constexpr int CHUNK = 16 / sizeof(T);  // elements
    static constexpr int CHUNKS = COLUMNS / CHUNK;  // in a row
    static constexpr int BYTES = ROWS * COLUMNS * sizeof(T);
    static_assert(CHUNKS == 4 || CHUNKS % 8 == 0, "the permutation below needs these");

    // The place of an element, in bytes.
    __device__ static int offset(int row, int column) {
        const int chunk = column / CHUNK ^ permutation(row);
        return (row * CHUNKS + chunk) * 16 + column % CHUNK * (int)sizeof(T);
    }

    __device__ static int permutation(int row) {
        // two rows of 64 bytes lie side by side in the 32 banks
        if (CHUNKS == 4) return row >> 1 & 3;
        // tensor cores read 8 floats of each of 4 rows, for want of an ldmatrix that transposes them
        if (!DEPTH_INNER && sizeof(T) == 4) return (row & 3) << 1;
        return row & 7;
    }
};

// ---- sums on tensor cores ----

// One warp's sums for 16-bit floats and TF32.
template <typename T, typename Tile, typename TileA, typename TileB>
struct TensorCoreSums {
    static constexpr int ROWS = Tile::WARP_M / 16, COLUMNS = Tile::WARP_N / 8;
    static constexpr int DEPTH = 32 / sizeof(T);  // of one product
    static_assert(Tile::WARP_M % 16 == 0 && Tile::WARP_N % 16 == 0, "whole fragments");

    float sums[ROWS][COLUMNS][4] = {};

    // Adds the product of a piece of a and a piece of b.
    __device__ void add_product(const char* a, const char* b, int m, int n, int lane) {
#pragma unroll
        for (int k = 0; k < Tile::DEPTH; k += DEPTH) {
            unsigned int rows[ROWS][4], columns[COLUMNS / 2][4];
#pragma unroll
            for (int i = 0; i < ROWS; ++i) {
                load<TileA, true>(rows[i], a, m + i * 16, k, lane);
            }
#pragma unroll
            for (int j = 0; j < COLUMNS / 2; ++j) {
                load<TileB, false>(columns[j], b, n + j * 16, k, lane);
            }
#pragma unroll
            for (int i = 0; i < ROWS; ++i) {
#pragma unroll
                for (int j = 0; j < COLUMNS; ++j) {
                    const unsigned int(&pair)[4] = columns[j / 2];
                    multiply_add<T>(sums[i][j], rows[i], pair[j % 2 * 2], pair[j % 2 * 2 + 1]);
                }
            }
        }
    }

    // Calls store(row, column, sum) for each sum of this thread.
    template <typename Store>
    __device__ void for_each(int m, int n, int lane, Store store) const {
#pragma unroll
        for (int i = 0; i < ROWS; ++i) {
#pragma unroll
            for (int j = 0; j < COLUMNS; ++j) {
#pragma unroll
                for (int e = 0; e < 4; ++e) {
                    store(m + i * 16 + lane / 4 + e / 2 * 8, n + j * 8 + lane % 4 * 2 + e % 2,
                          sums[i][j][e]);
                }
            }
        }
    }

private:
    // Loads 16 rows (from `extent` on) times DEPTH (from `depth` on) as four matrices of 8 rows
    // times 16 bytes. Products want those of a with the two halves of the rows first, those of b
    // with the two halves of the depth first.
    template <typename Piece, bool ROWS_FIRST>
    __device__ static void load(unsigned int (&fragment)[4], const char* piece, int extent,
                                int depth, int lane) {
        constexpr int HALF = DEPTH / 2;
        if constexpr (Piece::depth_inner || sizeof(T) == 2) {
            const int row_half = ROWS_FIRST ? lane / 8 % 2 : lane / 16;
            const int depth_half = ROWS_FIRST ? lane / 16 : lane / 8 % 2;
            if constexpr (Piece::depth_inner) {
                const int row = extent + lane % 8 + row_half * 8;
                load_matrices(fragment, piece + Piece::offset(row, depth + depth_half * HALF));
            } else {
                const int row = depth + lane % 8 + depth_half * HALF;
                load_matrices_transposed(fragment,
                                         piece + Piece::offset(row, extent + row_half * 8));
            }
        } else {
#pragma unroll
            for (int i = 0; i < 4; ++i) {
                const int row_half = ROWS_FIRST ? i % 2 : i / 2;
                const int depth_half = ROWS_FIRST ? i / 2 : i % 2;
                const int row = depth + lane % 4 + depth_half * HALF;
                const int column = extent + lane / 4 + row_half * 8;
                fragment[i] = *(const unsigned int*)(piece + Piece::offset(row, column));
            }
        }
        if constexpr (sizeof(T) == 4) {
#pragma unroll
            for (int i = 0; i < 4; ++i) fragment[i] = round_to_tfloat32(fragment[i]);
        }
    }
};

// ---- sums on ordinary cores ----

// One warp's sums in full float: 4 x 8 threads of 8 x 8 sums each.
template <typename Tile, typename TileA, typename TileB>
struct FloatSums {
    static constexpr int LANES_M = 4, LANES_N = 8;
    static_assert(Tile::WARP_M == 8 * LANES_M && Tile::WARP_N == 8 * LANES_N, "8 x 8 sums");

    float sums[8][8] = {};

    __device__ void add_product(const char* a, const char* b, int m, int n, int lane) {
#pragma unroll 1
        for (int k = 0; k < Tile::DEPTH; k += 2) {
            float rows[8][2], columns[8][2];
            load<TileA, LANES_M>(rows, a, m, k, lane / LANES_N);
            load<TileB, LANES_N>(columns, b, n, k, lane % LANES_N);
#pragma unroll
            for (int i = 0; i < 8; ++i) {
#pragma unroll
                for (int j = 0; j < 8; ++j) {
#pragma unroll
                    for (int d = 0; d < 2; ++d) sums[i][j] += rows[i][d] * columns[j][d];
                }
            }
        }
    }

    template <typename Store>
    __device__ void for_each(int m, int n, int lane, Store store) const {
#pragma unroll
        for (int i = 0; i < 8; ++i) {
#pragma unroll
            for (int j = 0; j < 8; ++j) {
                store(m + position<TileA, LANES_M>(lane / LANES_N, i),
                      n + position<TileB, LANES_N>(lane % LANES_N, j), sums[i][j]);
            }
        }
    }

private:
    // Which row (or column) is number i of this thread. Loads are wide: 2 values in depth of rows
    // that alternate between the threads, or 4 rows side by side. (4 values in depth would want
    // more registers than there are.)
    template <typename Piece, int LANES>
    __device__ static int position(int lane, int i) {
        constexpr int RUN = Piece::depth_inner ? 8 / LANES : 4;  // rows side by side
        return (i / RUN * LANES + lane) * RUN + i % RUN;
    }

    template <typename Piece, int LANES>
    __device__ static void load(float (&values)[8][2], const char* piece, int extent, int depth,
                                int lane) {
        if constexpr (Piece::depth_inner) {
#pragma unroll
            for (int i = 0; i < 8; ++i) {
                const int row = extent + position<Piece, LANES>(lane, i);
                const float2 pair = *(const float2*)(piece + Piece::offset(row, depth));
                values[i][0] = pair.x, values[i][1] = pair.y;
            }
        } else {
#pragma unroll
            for (int d = 0; d < 2; ++d) {
#pragma unroll
                for (int i = 0; i < 8; i += 4) {
                    const int column = extent + position<Piece, LANES>(lane, i);
                    const float4 chunk = *(const float4*)(piece + Piece::offset(depth + d, column));
                    values[i][d] = chunk.x, values[i + 1][d] = chunk.y;
                    values[i + 2][d] = chunk.z, values[i + 3][d] = chunk.w;
                }
            }
        }
    }
};

template <typename T, typename Tile, typename TileA, typename TileB>
struct Sums : TensorCoreSums<T, Tile, TileA, TileB> {};
template <typename Tile, typename TileA, typename TileB>
struct Sums<float, Tile, TileA, TileB> : FloatSums<Tile, TileA, TileB> {};

// ---- a block's product ----

// Which tile of the result a block computes. Blocks start in the order of their index; those that
// run together shall share rows of a and b, which then come from the second-level cache. So the
// tiles are numbered strip by strip, 8 tiles wide, and row by row within a strip.
template <typename Tile>
struct Place {
    int m, n;  // the tile's first row and column

    __device__ Place(int index, int M, int N) {
        const int tiles_m = (M - 1) / Tile::M + 1, tiles_n = (N - 1) / Tile::N + 1;
        const int strip = index / (8 * tiles_m), within = index % (8 * tiles_m);
        const int width = min(8, tiles_n - strip * 8);
        m = within / width * Tile::M;
        n = (strip * 8 + within % width) * Tile::N;
    }
};

// The steps along the depth of one of `splits` blocks that share a tile of the result.
struct Steps {
    int first, count;

    __device__ Steps(int total, int splits, int split) {
        const int each = (total + splits - 1) / splits;
        first = min(split * each, total);
        count = min(each, total - first);
    }
};

// The sums of this block's tile. Readers copy one piece per call, each time the next one.
template <typename Tile, typename Sums, typename ReaderA, typename ReaderB>
__device__ void add_products(Sums& sums, ReaderA& a, ReaderB& b, int steps, int m, int n,
                             int lane) {
    constexpr int STAGE = ReaderA::Piece::BYTES + ReaderB::Piece::BYTES;
    char* const memory = shared_memory();
    // Copies run STAGES - 1 steps ahead. Each step closes a group, an empty one at the end, so
    // that the number of groups to wait for stays the same.
#pragma unroll
    for (int stage = 0; stage < Tile::STAGES - 1; ++stage) {
        if (stage < steps) {
            a.copy_next(memory + stage * STAGE);
            b.copy_next(memory + stage * STAGE + ReaderA::Piece::BYTES);
        }
        close_copy_group();
    }
    int reading = 0, writing = Tile::STAGES - 1;  // stages
    for (int step = 0; step < steps; ++step) {
        wait_for_copies<Tile::STAGES - 2>();
        __syncthreads();  // this step's pieces are there, and nobody reads the last step's any more
        if (step + Tile::STAGES - 1 < steps) {
            a.copy_next(memory + writing * STAGE);
            b.copy_next(memory + writing * STAGE + ReaderA::Piece::BYTES);
        }
        close_copy_group();
        const char* piece = memory + reading * STAGE;
        sums.add_product(piece, piece + ReaderA::Piece::BYTES, m, n, lane);
        reading = reading + 1 == Tile::STAGES ? 0 : reading + 1;
        writing = writing + 1 == Tile::STAGES ? 0 : writing + 1;
    }
    wait_for_copies<0>();
    __syncthreads();  // shared memory is free again
}

// ---- the result ----

// What happens to a sum on its way out: + bias[n], max(., 0).
template <typename Bias>
struct Epilogue {
    const Bias* bias;  // null: none
    bool relu;

    __device__ float operator()(float sum, int n) const {
        if (bias != nullptr) sum += float(bias[n]);
        return relu && sum <= 0 ? 0.0f : sum;  // NaN stays NaN
    }
};

// Writes a tile: first into shared memory, where threads put single sums, then from there row by
// row, 16 bytes per thread, so that neighbouring threads write neighbouring addresses.
// row_offset(m) tells where row m begins in `out`, or -1 if there is no such row. `aligned` says
// that all rows begin at multiples of 16 bytes and have a multiple of 16 bytes.
template <typename Tile, typename Result, typename Sums, typename RowOffset, typename Bias>
__device__ void write_tile(const Sums& sums, Place<Tile> place, int warp_m, int warp_n, int lane,
                           int N, Epilogue<Bias> epilogue, Result* out, RowOffset row_offset,
                           bool aligned) {
    constexpr int PITCH = Tile::N + 8;  // 8 more spare bank conflicts
    constexpr int CHUNK = 16 / sizeof(Result), CHUNKS = Tile::N / CHUNK;
    Result* const tile = (Result*)shared_memory();
    long long* const offsets = (long long*)(shared_memory() + Tile::M * PITCH * sizeof(Result));
    for (int row = threadIdx.x; row < Tile::M; row += Tile::THREADS) {
        offsets[row] = row_offset(place.m + row);
    }
    sums.for_each(warp_m, warp_n, lane, [&](int row, int column, float sum) {
        const int n = place.n + column;
        tile[row * PITCH + column] = Result(n < N ? epilogue(sum, n) : 0.0f);
    });
    __syncthreads();
    for (int i = threadIdx.x; i < Tile::M * CHUNKS; i += Tile::THREADS) {
        const int row = i / CHUNKS, column = i % CHUNKS * CHUNK, n = place.n + column;
        if (offsets[row] < 0 || n >= N) continue;
        const Result* from = tile + row * PITCH + column;
        Result* to = out + offsets[row] + n;
        if (aligned) {
            *(uint4*)to = *(const uint4*)from;
        } else {
            for (int e = 0; e < CHUNK && n + e < N; ++e) to[e] = from[e];
        }
    }
}
