// A matrix product tile by tile, as in gemm.cuh, multiplied by Hopper's warpgroups (wgmma.cuh).
//
// The readers and the way of the sums to the result are the same. A step is 64 elements deep: a
// row has 128 bytes, as a line of the L2 cache has, there are half as many barriers as with 64
// bytes, and of the largest tiles four steps still fit into shared memory.
//
// What is new is that the tensor cores still multiply one step while the warps wait for the copies
// of the next, pass the barrier and start its products. So they never run dry. With four stages:
//
//     warps          wait for      start         start          wait for
//                    copies s,     products s    copies s + 2   products
//                    barrier                                    s - 1
//     tensor cores   products s - 1 ............................ | products s ..........
//
// A warp that comes to the barrier of step s has waited for the products of step s - 2. So behind
// it nobody reads that step's buffers any more, and the next copies go there. Copies run STAGES - 2
// steps ahead, one less than where all products of a step are finished with it.

// How a block divides its work among warpgroups of 128 threads.
template <int M_, int N_, int WARPGROUP_M_, int WARPGROUP_N_, int STAGES_, int BLOCKS_>
struct WarpgroupTile {
    static constexpr int M = M_, N = N_;  // of the result, for a block
    static constexpr int DEPTH = 64;      // elements along k in a step
    static constexpr int WARPGROUP_M = WARPGROUP_M_, WARPGROUP_N = WARPGROUP_N_;  // of the result
    static constexpr int STAGES = STAGES_;  // steps in shared memory at a time
    static constexpr int BLOCKS = BLOCKS_;  // minimum resident blocks per SM
    static constexpr int THREADS = M / WARPGROUP_M * (N / WARPGROUP_N) * 128;
    static_assert(M % WARPGROUP_M == 0 && N % WARPGROUP_N == 0, "warpgroups divide the tile");
    static_assert(STAGES >= 3, "two steps are multiplied while a third is copied");
};

// This thread's warp within its block's tile: `m` is its first row. It has 16 rows of every 64.
template <int... SIZES>
struct Warp<WarpgroupTile<SIZES...>> {
    using Tile = WarpgroupTile<SIZES...>;
    static constexpr int DOWN = Tile::M / Tile::WARPGROUP_M;  // warpgroups

    const int lane = threadIdx.x % 32;
    const int group_m = threadIdx.x / 128 % DOWN * Tile::WARPGROUP_M;
    const int m = group_m + threadIdx.x / 32 % 4 * 16;
    const int n = threadIdx.x / 128 / DOWN * Tile::WARPGROUP_N;
};

// A piece of an operand in panels with a permutation that wgmma knows.
template <typename T, int... SIZES, int EXTENT, bool DEPTH_INNER>
struct SharedTile<T, WarpgroupTile<SIZES...>, EXTENT, DEPTH_INNER> {
    static constexpr int DEPTH = WarpgroupTile<SIZES...>::DEPTH;
    static constexpr bool depth_inner = DEPTH_INNER;
    static constexpr int ROWS = DEPTH_INNER ? EXTENT : DEPTH;
    static constexpr int COLUMNS = DEPTH_INNER ? DEPTH : EXTENT;
    static constexpr int CHUNK = 16 / sizeof(T);  // elements
    static constexpr int PANEL_COLUMNS = COLUMNS % 64 == 0 ? 64 : 32;
    static constexpr int ROW_BYTES = PANEL_COLUMNS * sizeof(T);  // in a panel
    static constexpr int PANEL = ROWS * ROW_BYTES;
    static constexpr int BYTES = COLUMNS / PANEL_COLUMNS * PANEL;
    static_assert(COLUMNS % PANEL_COLUMNS == 0, "whole panels");
    static_assert(PANEL % 1024 == 0, "each panel starts with a permutation");

    // Where an element lies, in bytes.
    __device__ static int offset(int row, int column) {
        const int permutation = row * ROW_BYTES / 128 % (ROW_BYTES / 16);
        const int chunk = column % PANEL_COLUMNS / CHUNK ^ permutation;
        return column / PANEL_COLUMNS * PANEL + row * ROW_BYTES + chunk * 16 +
               column % CHUNK * (int)sizeof(T);
    }

    // The matrix that starts at this row or column of the result, and at this depth.
    __device__ static unsigned long long matrix(const char* piece, int extent, int depth) {
        const int row = DEPTH_INNER ? extent : depth, column = DEPTH_INNER ? depth : extent;
        const int chunks = column / PANEL_COLUMNS * (PANEL / 16) + row * (ROW_BYTES / 16) +
                           column % PANEL_COLUMNS / CHUNK;
        return matrix_descriptor<ROW_BYTES>(piece, PANEL) + chunks;  // it counts 16 bytes as 1
    }
};

// A warpgroup's sums, of which each warp has its rows.
template <typename T, int... SIZES, typename PieceA, typename PieceB>
struct Accumulators<T, WarpgroupTile<SIZES...>, PieceA, PieceB>
    : FragmentSums<WarpgroupTile<SIZES...>::WARPGROUP_M / 64, 64,
                   WarpgroupTile<SIZES...>::WARPGROUP_N / 8> {
    using Tile = WarpgroupTile<SIZES...>;
    using Sums = FragmentSums<Tile::WARPGROUP_M / 64, 64, Tile::WARPGROUP_N / 8>;
    static constexpr int DEPTH = 32 / sizeof(T);  // of one product
    static_assert(Tile::WARPGROUP_M % 64 == 0, "whole products");
    using Sums::Sums;

    // Starts to add the product of a piece of a and a piece of b, as one group.
    __device__ void add_product(const char* a, const char* b, const Warp<Tile>& warp) {
        keep_in_place();
        start_products();
#pragma unroll
        for (int k = 0; k < Tile::DEPTH; k += DEPTH) {
#pragma unroll
            for (int i = 0; i < Tile::WARPGROUP_M / 64; ++i) {
                start_multiply_add<!PieceA::depth_inner, !PieceB::depth_inner>(
                    T(), this->sums[i], PieceA::matrix(a, warp.group_m + i * 64, k),
                    PieceB::matrix(b, warp.n, k));
            }
        }
        close_product_group();
        keep_in_place();
    }

    // Waits until all products are in the sums.
    __device__ void finish() {
        wait_for_products<0>();
        keep_in_place();
    }

private:
    __device__ void keep_in_place() {
#pragma unroll
        for (int i = 0; i < Tile::WARPGROUP_M / 64; ++i) {
#pragma unroll
            for (int j = 0; j < Tile::WARPGROUP_N / 8; ++j) {
#pragma unroll
                for (int e = 0; e < 4; ++e) ::keep_in_place(this->sums[i][j][e]);
            }
        }
    }
};

// Adds the products of all steps of this block. Each call of a reader copies its next piece, with
// zeros beyond the end of the block's part of the depth.
template <int... SIZES, typename Accumulators, typename ReaderA, typename ReaderB>
__device__ void add_products(Accumulators& accumulators, ReaderA& a, ReaderB& b, int steps,
                             const Warp<WarpgroupTile<SIZES...>>& warp) {
    constexpr int STAGES = WarpgroupTile<SIZES...>::STAGES, AHEAD = STAGES - 2;
    constexpr int STAGE = ReaderA::Piece::BYTES + ReaderB::Piece::BYTES;
    char* const memory = shared_memory();
    const auto copy_next = [&](int stage) {
        a.copy_next(memory + stage * STAGE);
        b.copy_next(memory + stage * STAGE + ReaderA::Piece::BYTES);
        close_copy_group();
    };
#pragma unroll
    for (int stage = 0; stage < AHEAD; ++stage) copy_next(stage);
    int reading = 0, writing = AHEAD, left = steps;
    if (steps > 0) {  // with a loop from 0 on the compiler would wait after each product (C7515)
        do {
            wait_for_copies<AHEAD - 1>();
            finish_writes_for_tensor_cores();
            __syncthreads();  // all pieces are there, and nobody multiplies the last step but one
            const char* piece = memory + reading * STAGE;
            accumulators.add_product(piece, piece + ReaderA::Piece::BYTES, warp);
            copy_next(writing);
            wait_for_products<1>();
            reading = reading + 1 == STAGES ? 0 : reading + 1;
            writing = writing + 1 == STAGES ? 0 : writing + 1;
        } while (--left > 0);
        accumulators.finish();
    }
    wait_for_copies<0>();
    __syncthreads();  // nobody multiplies or copies any more
}
