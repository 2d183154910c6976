// A matrix product tile by tile, which convolution and linear layers share.
//
// out[m][n] = sum over k of a[m][k] * b[n][k]. A block of threads computes a tile of M x N of the
// result, in steps of DEPTH along k: it copies the next pieces of a and b from global to shared
// memory while it multiplies the pieces that are already there. Each warp computes a part of the
// tile and keeps its sums in registers until the end.
//
// Where an element of a or b comes from is up to the readers (readers.cuh).

// How a block divides its work. A warp's part should be large: each element it loads from shared
// memory is used in WARP_M or WARP_N products, and shared memory is the bottleneck.
template <int M_, int N_, int DEPTH_, int WARP_M_, int WARP_N_, int STAGES_, int BLOCKS_>
struct Tile {
    static constexpr int M = M_, N = N_;                      // of the result, for a block
    static constexpr int DEPTH = DEPTH_;                      // elements along k in a step
    static constexpr int WARP_M = WARP_M_, WARP_N = WARP_N_;  // of the result, for a warp
    static constexpr int STAGES = STAGES_;                    // steps in shared memory at a time
    static constexpr int BLOCKS = BLOCKS_;                    // minimum resident blocks per SM
    static constexpr int THREADS = M / WARP_M * (N / WARP_N) * 32;
    static_assert(M % WARP_M == 0 && N % WARP_N == 0, "warps divide the tile");
};

// This thread's warp within its block's tile.
template <typename Tile>
struct Warp {
    const int lane = threadIdx.x % 32;
    const int m = threadIdx.x / 32 % (Tile::M / Tile::WARP_M) * Tile::WARP_M;
    const int n = threadIdx.x / 32 / (Tile::M / Tile::WARP_M) * Tile::WARP_N;
};

__device__ inline char* shared_memory() {
    extern __shared__ __align__(1024) char memory[];  // wgmma.cuh needs the 1024
    return memory;
}

// ---- a piece of an operand in shared memory ----

// EXTENT rows (m or n) times the depth of a step. As in global memory, neighbours in memory are
// neighbours along the depth if DEPTH_INNER, else along the extent.
//
// Shared memory has 32 banks of 4 bytes; one access serves 128 bytes if they are in different
// banks. ldmatrix reads 16 bytes from each of 8 rows at the same column, which in a simple layout
// would be in the same banks. So the 16-byte chunks of a row are permuted, by an exclusive or with
// a number that differs from row to row. This needs no padding and keeps copies free of conflicts,
// too.
template <typename T, typename Tile, int EXTENT, bool DEPTH_INNER>
struct SharedTile {
    static constexpr bool depth_inner = DEPTH_INNER;
    static constexpr int ROWS = DEPTH_INNER ? EXTENT : Tile::DEPTH;
    static constexpr int COLUMNS = DEPTH_INNER ? Tile::DEPTH : EXTENT;
    static constexpr int CHUNK = 16 / sizeof(T);    // elements
    static constexpr int CHUNKS = COLUMNS / CHUNK;  // in a row
    static constexpr int BYTES = ROWS * COLUMNS * sizeof(T);
    static_assert(CHUNKS % 4 == 0, "the permutation below needs this");

    // Where an element lies, in bytes.
    __device__ static int offset(int row, int column) {
        const int chunk = column / CHUNK ^ permutation(row);
        return (row * CHUNKS + chunk) * 16 + column % CHUNK * (int)sizeof(T);
    }

    __device__ static int permutation(int row) {
        // rows of 64 bytes, or of an odd multiple, begin alternately in one and the other half of
        // the 32 banks
        if (CHUNKS % 8 == 4) return row >> 1 & 3;
        // tensor cores read 8 floats from each of 4 rows, because ldmatrix cannot transpose 32-bit
        // elements
        if (!DEPTH_INNER && sizeof(T) == 4) return (row & 3) << 1;
        return row & 7;
    }
};

// ---- accumulators for tensor cores ----

// A warp's sums as tensor cores hold them, in fragments of 16 x 8: ROWS of them, each starting
// ROW_STEP rows below the last, times COLUMNS.
template <int ROWS, int ROW_STEP, int COLUMNS>
struct FragmentSums {
    float sums[ROWS][COLUMNS][4];

    // Starts each sum from start(column).
    template <typename Warp, typename Start>
    __device__ FragmentSums(const Warp& warp, Start start) {
#pragma unroll
        for (int j = 0; j < COLUMNS; ++j) {
#pragma unroll
            for (int e = 0; e < 2; ++e) {
                const float value = start(warp.n + j * 8 + warp.lane % 4 * 2 + e);
#pragma unroll
                for (int i = 0; i < ROWS; ++i) sums[i][j][e] = sums[i][j][e + 2] = value;
            }
        }
    }

    // Calls store(row, column, sum) for each sum of this thread.
    template <typename Warp, typename Store>
    __device__ void for_each(const Warp& warp, Store store) const {
#pragma unroll
        for (int i = 0; i < ROWS; ++i) {
#pragma unroll
            for (int j = 0; j < COLUMNS; ++j) {
#pragma unroll
                for (int e = 0; e < 4; ++e) {
                    store(warp.m + i * ROW_STEP + warp.lane / 4 + e / 2 * 8,
                          warp.n + j * 8 + warp.lane % 4 * 2 + e % 2, sums[i][j][e]);
                }
            }
        }
    }
};

// A warp's sums, for 16-bit floats and TF32.
template <typename T, typename Tile, typename PieceA, typename PieceB>
struct TensorCoreAccumulators : FragmentSums<Tile::WARP_M / 16, 16, Tile::WARP_N / 8> {
    static constexpr int ROWS = Tile::WARP_M / 16, COLUMNS = Tile::WARP_N / 8;
    static constexpr int DEPTH = 32 / sizeof(T);  // of one product
    static_assert(Tile::WARP_M % 16 == 0 && Tile::WARP_N % 16 == 0, "whole fragments");
    using FragmentSums<ROWS, 16, COLUMNS>::FragmentSums;

    // Adds the product of a piece of a and a piece of b.
    __device__ void add_product(const char* a, const char* b, const Warp<Tile>& warp) {
#pragma unroll
        for (int k = 0; k < Tile::DEPTH; k += DEPTH) {
            unsigned int rows[ROWS][4], columns[COLUMNS / 2][4];
#pragma unroll
            for (int i = 0; i < ROWS; ++i) {
                load<PieceA, true>(rows[i], a, warp.m + i * 16, k, warp.lane);
            }
#pragma unroll
            for (int j = 0; j < COLUMNS / 2; ++j) {
                load<PieceB, false>(columns[j], b, warp.n + j * 16, k, warp.lane);
            }
#pragma unroll
            for (int i = 0; i < ROWS; ++i) {
#pragma unroll
                for (int j = 0; j < COLUMNS; ++j) {
                    const unsigned int(&pair)[4] = columns[j / 2];
                    multiply_add<T>(this->sums[i][j], rows[i],
                                    pair[j % 2 * 2], pair[j % 2 * 2 + 1]);
                }
            }
        }
    }

private:
    // Loads 16 rows (from `extent` on) times DEPTH (from `depth` on) as four matrices of 8 rows
    // times 16 bytes. In a fragment of a, the halves of the rows vary first; in one of b, the
    // halves of the depth.
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

// ---- accumulators for ordinary cores ----

// A warp's sums in full float: 4 x 8 threads of 8 x 8 sums each.
template <typename Tile, typename PieceA, typename PieceB>
struct FloatAccumulators {
    static constexpr int LANES_M = 4, LANES_N = 8;
    static_assert(Tile::WARP_M == 8 * LANES_M && Tile::WARP_N == 8 * LANES_N, "8 x 8 sums");

    float sums[8][8];

    template <typename Start>
    __device__ FloatAccumulators(const Warp<Tile>& warp, Start start) {
#pragma unroll
        for (int j = 0; j < 8; ++j) {
            const float value = start(warp.n + position<PieceB, LANES_N>(warp.lane % LANES_N, j));
#pragma unroll
            for (int i = 0; i < 8; ++i) sums[i][j] = value;
        }
    }

    __device__ void add_product(const char* a, const char* b, const Warp<Tile>& warp) {
        // fully unrolled, the compiler would load everything first and run out of registers
#pragma unroll 4
        for (int k = 0; k < Tile::DEPTH; k += 2) {
            float rows[8][2], columns[8][2];
            load<PieceA, LANES_M>(rows, a, warp.m, k, warp.lane / LANES_N);
            load<PieceB, LANES_N>(columns, b, warp.n, k, warp.lane % LANES_N);
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
    __device__ void for_each(const Warp<Tile>& warp, Store store) const {
#pragma unroll
        for (int i = 0; i < 8; ++i) {
#pragma unroll
            for (int j = 0; j < 8; ++j) {
                store(warp.m + position<PieceA, LANES_M>(warp.lane / LANES_N, i),
                      warp.n + position<PieceB, LANES_N>(warp.lane % LANES_N, j), sums[i][j]);
            }
        }
    }

private:
    // The thread's i-th row (or column), chosen so that loads are wide and free of bank conflicts:
    // either the threads' rows alternate and each is read along the depth, or 4 rows are side by
    // side and are read at one depth.
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

template <typename T, typename Tile, typename PieceA, typename PieceB>
struct Accumulators : TensorCoreAccumulators<T, Tile, PieceA, PieceB> {
    using TensorCoreAccumulators<T, Tile, PieceA, PieceB>::TensorCoreAccumulators;
};
template <typename Tile, typename PieceA, typename PieceB>
struct Accumulators<float, Tile, PieceA, PieceB> : FloatAccumulators<Tile, PieceA, PieceB> {
    using FloatAccumulators<Tile, PieceA, PieceB>::FloatAccumulators;
};

// ---- a block's product ----

// Which tile of the result a block computes. Blocks start in the order of their index, and those
// that run together should share rows of a and b, which then come from the L2 cache. So tiles are
// numbered strip by strip, 8 tiles wide, and row by row within a strip.
template <typename Tile>
struct TileCoordinates {
    int m, n;  // the tile's first row and column

    __device__ TileCoordinates(int index, int M, int N) {
        const int tiles_m = (M - 1) / Tile::M + 1, tiles_n = (N - 1) / Tile::N + 1;
        const int strip = index / (8 * tiles_m), within = index % (8 * tiles_m);
        const int width = min(8, tiles_n - strip * 8);
        m = within / width * Tile::M;
        n = (strip * 8 + within % width) * Tile::N;
    }
};

// Adds the products of all steps of this block. Each call of a reader copies its next piece, with
// zeros beyond the end of the block's part of the depth.
template <typename Tile, typename Accumulators, typename ReaderA, typename ReaderB>
__device__ void add_products(Accumulators& accumulators, ReaderA& a, ReaderB& b, int steps,
                             const Warp<Tile>& warp) {
    constexpr int STAGE = ReaderA::Piece::BYTES + ReaderB::Piece::BYTES;
    char* const memory = shared_memory();
    const auto copy_next = [&](int stage) {
        a.copy_next(memory + stage * STAGE);
        b.copy_next(memory + stage * STAGE + ReaderA::Piece::BYTES);
        close_copy_group();
    };
    // Copies run STAGES - 1 steps ahead of products.
#pragma unroll
    for (int stage = 0; stage < Tile::STAGES - 1; ++stage) copy_next(stage);
    int reading = 0, writing = Tile::STAGES - 1;  // numbers of stages
    for (int step = 0; step < steps; ++step) {
        wait_for_copies<Tile::STAGES - 2>();
        __syncthreads();  // this step's pieces are there, and no thread reads the last step's
        const char* piece = memory + reading * STAGE;
        accumulators.add_product(piece, piece + ReaderA::Piece::BYTES, warp);
        copy_next(writing);
        reading = reading + 1 == Tile::STAGES ? 0 : reading + 1;
        writing = writing + 1 == Tile::STAGES ? 0 : writing + 1;
    }
    wait_for_copies<0>();
    __syncthreads();  // shared memory is free again
}

// ---- the result ----

// max(., 0) if `relu`; NaN stays NaN.
__device__ inline float rectified(float value, bool relu) {
    return relu && value <= 0 ? 0.0f : value;
}

// What write_tile does to the values of a tile before it writes them: nothing.
struct AsTheyAre {
    __device__ void begin() {}
    template <typename Result, int CHUNK>
    __device__ void operator()(Vector<Result, CHUNK>& values, long long offset) {}
    template <typename Tile>
    __device__ void end(const TileCoordinates<Tile>& coordinates) {}
};

// Writes a tile: first to shared memory, sum by sum, then from there to `out`, row by row and 16
// bytes per thread, so that neighbouring threads write neighbouring addresses.
// row_offset(m) is where row m starts in `out`, or -1 if there is no such row. `aligned` says that
// all rows start at multiples of 16 bytes and have a multiple of 16 bytes. Then
// finish(values, offset) may change the values before they are written; all those of a thread are of
// the same columns. All threads call finish.begin() before, and finish.end(coordinates) after.
template <typename Tile, typename Result, typename Accumulators, typename RowOffset,
          typename Finish = AsTheyAre>
__device__ void write_tile(const Accumulators& accumulators, const Warp<Tile>& warp,
                           const TileCoordinates<Tile>& coordinates, int N, bool relu, Result* out,
                           RowOffset row_offset, bool aligned, Finish&& finish = {}) {
    constexpr int PITCH = Tile::N + 8;  // the 8 avoid bank conflicts
    constexpr int CHUNK = 16 / sizeof(Result), CHUNKS = Tile::N / CHUNK;
    Result* const tile = (Result*)shared_memory();
    long long* const offsets = (long long*)(tile + Tile::M * PITCH);
    for (int row = threadIdx.x; row < Tile::M; row += Tile::THREADS) {
        offsets[row] = row_offset(coordinates.m + row);
    }
    accumulators.for_each(warp, [&](int row, int column, float sum) {
        tile[row * PITCH + column] = Result(rectified(sum, relu));
    });
    __syncthreads();
    constexpr int ROWS = Tile::THREADS / CHUNKS;  // at a time; a few threads may be left over
    const int column = threadIdx.x % CHUNKS * CHUNK, n = coordinates.n + column;
    finish.begin();
    const bool writes = n < N && threadIdx.x < ROWS * CHUNKS;
#pragma unroll 4
    for (int row = threadIdx.x / CHUNKS; row < Tile::M; row += ROWS) {
        if (!writes || offsets[row] < 0) continue;
        const Result* const from = tile + row * PITCH + column;
        Result* const to = out + offsets[row] + n;
        if (aligned) {
            Vector<Result, CHUNK> values = load<CHUNK>(from, 0);
            finish(values, offsets[row] + n);
            store(to, 0, values);
        } else {
            for (int e = 0; e < CHUNK && n + e < N; ++e) to[e] = from[e];
        }
    }
    finish.end(coordinates);
}
