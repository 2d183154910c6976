// Where the operands of a convolution, seen as a matrix product, come from.
//
// No matrix of windows is ever written to memory. Instead a reader computes where each element of a
// piece lies in an image and copies it from there, or writes zeros for padding. A thread copies a
// few neighbouring elements at a time, 8 or 16 bytes, at the same column of a few rows of each
// piece. Everything that stays the same is computed once, and no reader divides while it runs:
// integer divisions would take longer than the products.

// Three indices from one: index = (outer * middle_size + middle) * inner_size + inner.
struct Indices {
    int outer, middle, inner;

    __device__ Indices(unsigned int index, unsigned int middle_size, unsigned int inner_size)
        : outer(index / inner_size / middle_size),
          middle(index / inner_size % middle_size),
          inner(index % inner_size) {}
};

// Steps through three nested indices, the last running fastest, by a fixed distance. It also keeps
// their offset in memory, the sum of each index times its stride, without multiplying again.
struct IndexIterator : Indices {
    int offset;
    const int middle_size, inner_size;
    const Indices distance;
    const int step, inner_carry, middle_carry;  // of the offset

    __device__ IndexIterator(int start, int distance, int middle_size, int inner_size,
                             int outer_stride, int middle_stride, int inner_stride)
        : Indices(start, middle_size, inner_size),
          offset(outer * outer_stride + middle * middle_stride + inner * inner_stride),
          middle_size(middle_size),
          inner_size(inner_size),
          distance(distance, middle_size, inner_size),
          step(this->distance.outer * outer_stride + this->distance.middle * middle_stride +
               this->distance.inner * inner_stride),
          inner_carry(middle_stride - inner_size * inner_stride),
          middle_carry(outer_stride - middle_size * middle_stride) {}

    __device__ void advance() {
        outer += distance.outer;
        middle += distance.middle;
        inner += distance.inner;
        offset += step;
        if (inner >= inner_size) {
            inner -= inner_size;
            ++middle;
            offset += inner_carry;
        }
        if (middle >= middle_size) {
            middle -= middle_size;
            ++outer;
            offset += middle_carry;
        }
    }
};

// What all readers share: how the threads of a block divide a piece. Each copies VECTOR elements at
// `column` of every ROWS_PER_PASS-th row, from `row` on. Neighbouring threads read neighbouring
// addresses. Where the vectors of a row are no power of two, such as the 12 of 96 columns, a row
// takes several passes, too, COLUMNS_PER_PASS apart: so any power of two of threads fills whole rows.
template <typename T, typename Piece_, int VECTOR, int THREADS>
struct TileReader {
    using Piece = Piece_;
    static constexpr int VECTORS = Piece::COLUMNS / VECTOR;     // of a row
    static constexpr int THREADS_PER_ROW = VECTORS & -VECTORS;  // largest power of two in it
    static constexpr int ROWS_PER_PASS = THREADS / THREADS_PER_ROW;
    static constexpr int PASSES = Piece::ROWS / ROWS_PER_PASS;
    static constexpr int COLUMNS_PER_PASS = THREADS_PER_ROW * VECTOR;
    static constexpr int COLUMN_PASSES = VECTORS / THREADS_PER_ROW;
    static_assert(THREADS_PER_ROW * ROWS_PER_PASS == THREADS, "threads fill rows");
    static_assert(ROWS_PER_PASS * PASSES == Piece::ROWS, "passes fill the piece");

    const int row = threadIdx.x / THREADS_PER_ROW;
    const int column = threadIdx.x % THREADS_PER_ROW * VECTOR;

    __device__ void copy(char* piece, int pass, int column_pass, const T* from,
                         bool inside) const {
        const int piece_row = row + pass * ROWS_PER_PASS;
        const int piece_column = column + column_pass * COLUMNS_PER_PASS;
        copy_async<VECTOR * sizeof(T)>(piece + Piece::offset(piece_row, piece_column), from,
                                       inside);
    }
};

// The part of the depth that a block sums over.
struct Range {
    int begin, end;
};

// ---- pieces with rows along the depth, each read in one pass ----

// Row n is row n of a matrix (rows, depth): a weight.
template <typename T, typename Piece, int VECTOR, int THREADS>
struct MatrixRows : TileReader<T, Piece, VECTOR, THREADS> {
    const T* from;
    const long long pass_pitch;
    const int rows;  // in the matrix, from this thread's first row on
    int left;        // elements along the depth

    __device__ MatrixRows(const T* matrix, int all_rows, int depth, int first_row, Range range)
        : pass_pitch((long long)depth * this->ROWS_PER_PASS),
          rows(all_rows - first_row - this->row),
          left(range.end - range.begin - this->column) {
        from = matrix + (long long)(first_row + this->row) * depth + range.begin + this->column;
    }

    __device__ void copy_next(char* piece) {
#pragma unroll
        for (int pass = 0; pass < this->PASSES; ++pass) {
            this->copy(piece, pass, 0, from + pass * pass_pitch,
                       left > 0 && pass * this->ROWS_PER_PASS < rows);
        }
        from += Piece::COLUMNS;
        left -= Piece::COLUMNS;
    }
};

// Windows that slide over images. The first tap of window (i, j) lies on pixel
// (origin_h + i * stride_h, origin_w + j * stride_w), the next ones `spacing` pixels apart.
struct SlidingWindows {
    int H, W;           // of the images
    int pitch;          // from pixel to pixel, in elements
    int rows, columns;  // number of windows in an image
    int stride_h, stride_w;
    int origin_h, origin_w;
    int taps_w;
    int spacing_h, spacing_w;
    int channels;  // read of each pixel, a multiple of VECTOR

    // Whether a pixel is in the image; negative numbers are large as unsigned ones.
    __device__ bool inside(int h, int w) const {
        return (unsigned int)h < (unsigned int)H && (unsigned int)w < (unsigned int)W;
    }
};

// A row of pixels that is in no image, whatever is added to get to a tap or a window.
constexpr int NEVER_INSIDE = -(1 << 30);

// Row m is window m, counted through all images; the depth is (tap_h, tap_w, channel).
template <typename T, typename Piece, int VECTOR, int THREADS>
struct WindowRows : TileReader<T, Piece, VECTOR, THREADS> {
    const T* const images;
    const SlidingWindows windows;
    int h[WindowRows::PASSES], w[WindowRows::PASSES];  // of a row's first tap
    int pixel[WindowRows::PASSES];                     // its index among all images' pixels
    IndexIterator tap;                                 // tap_h, tap_w, channel: in elements
    int left;                                          // elements along the depth

    __device__ WindowRows(const T* images, const SlidingWindows& windows, int all_rows,
                          int first_row, Range range)
        : images(images),
          windows(windows),
          tap(range.begin + this->column, Piece::COLUMNS, windows.taps_w, windows.channels,
              windows.spacing_h * windows.W * windows.pitch, windows.spacing_w * windows.pitch, 1),
          left(range.end - range.begin - this->column) {
#pragma unroll
        for (int pass = 0; pass < this->PASSES; ++pass) {
            const int m = first_row + this->row + pass * this->ROWS_PER_PASS;
            const Indices window(m, windows.rows, windows.columns);  // image, i, j
            h[pass] = windows.origin_h + window.middle * windows.stride_h;
            w[pass] = windows.origin_w + window.inner * windows.stride_w;
            pixel[pass] = (window.outer * windows.H + h[pass]) * windows.W + w[pass];
            if (m >= all_rows) h[pass] = NEVER_INSIDE;
        }
    }

    __device__ void copy_next(char* piece) {
        const int tap_h = tap.outer * windows.spacing_h, tap_w = tap.middle * windows.spacing_w;
        const T* const from = images + tap.offset;
#pragma unroll
        for (int pass = 0; pass < this->PASSES; ++pass) {
            this->copy(piece, pass, 0, from + (long long)pixel[pass] * windows.pitch,
                       left > 0 && windows.inside(h[pass] + tap_h, w[pass] + tap_w));
        }
        tap.advance();
        left -= Piece::COLUMNS;
    }
};

// ---- pieces with rows along m or n ----

// Row k is row k of a matrix (depth, pitch), of which only `columns` columns count: a gradient.
template <typename T, typename Piece, int VECTOR, int THREADS>
struct MatrixColumns : TileReader<T, Piece, VECTOR, THREADS> {
    const T* from;
    const long long pass_pitch;
    int left[MatrixColumns::COLUMN_PASSES];  // rows of the matrix; none beyond its last column

    __device__ MatrixColumns(const T* matrix, int columns, int pitch, int first_column, Range range)
        : pass_pitch((long long)pitch * this->ROWS_PER_PASS) {
        const int k = range.begin + this->row, column = first_column + this->column;
        from = matrix + (long long)k * pitch + column;
#pragma unroll
        for (int i = 0; i < this->COLUMN_PASSES; ++i) {
            left[i] = column + i * this->COLUMNS_PER_PASS < columns ? range.end - k : 0;
        }
    }

    __device__ void copy_next(char* piece) {
#pragma unroll
        for (int pass = 0; pass < this->PASSES; ++pass) {
#pragma unroll
            for (int i = 0; i < this->COLUMN_PASSES; ++i) {
                this->copy(piece, pass, i, from + i * this->COLUMNS_PER_PASS,
                           pass * this->ROWS_PER_PASS < left[i]);
            }
            from += pass_pitch;
        }
#pragma unroll
        for (int i = 0; i < this->COLUMN_PASSES; ++i) left[i] -= Piece::ROWS;
    }
};

// Row k is window k, counted through all images; column n is its (tap_h, tap_w, channel).
template <typename T, typename Piece, int VECTOR, int THREADS>
struct WindowColumns : TileReader<T, Piece, VECTOR, THREADS> {
    const T* const images;
    const SlidingWindows windows;
    IndexIterator window;                       // image, i, j: in pixels
    int element[WindowColumns::COLUMN_PASSES];  // of the column in window 0: its place in images
    int h[WindowColumns::COLUMN_PASSES];        // and its pixel
    int w[WindowColumns::COLUMN_PASSES];
    int left;                                   // windows

    __device__ WindowColumns(const T* images, const SlidingWindows& windows, int columns,
                             int first_column, Range range)
        : images(images),
          windows(windows),
          window(range.begin + this->row, this->ROWS_PER_PASS, windows.rows, windows.columns,
                 windows.H * windows.W, windows.stride_h * windows.W, windows.stride_w),
          left(range.end - range.begin - this->row) {
#pragma unroll
        for (int i = 0; i < this->COLUMN_PASSES; ++i) {
            const int column = first_column + this->column + i * this->COLUMNS_PER_PASS;
            const Indices tap(column, windows.taps_w, windows.channels);  // tap_h, tap_w, channel
            h[i] = windows.origin_h + tap.outer * windows.spacing_h;
            w[i] = windows.origin_w + tap.middle * windows.spacing_w;
            element[i] = (h[i] * windows.W + w[i]) * windows.pitch + tap.inner;
            if (column >= columns) h[i] = NEVER_INSIDE;
        }
    }

    __device__ void copy_next(char* piece) {
#pragma unroll
        for (int pass = 0; pass < this->PASSES; ++pass) {
            const int window_h = window.middle * windows.stride_h;
            const int window_w = window.inner * windows.stride_w;
            const T* const from = images + (long long)window.offset * windows.pitch;
#pragma unroll
            for (int i = 0; i < this->COLUMN_PASSES; ++i) {
                const bool inside = windows.inside(h[i] + window_h, w[i] + window_w);
                this->copy(piece, pass, i, from + element[i],
                           inside && pass * this->ROWS_PER_PASS < left);
            }
            window.advance();
        }
        left -= Piece::ROWS;
    }
};

// The taps of a weight (O, KH, KW, C) that contribute to an input gradient.
struct WeightTaps {
    int KH, KW, C;
    int first_h, first_w;  // the first of these taps
    int step_h, step_w;    // between taps
    int taps_w;
    int O;
};

// Row k is (tap_h, tap_w, o) of a weight, column n its channel c.
template <typename T, typename Piece, int VECTOR, int THREADS>
struct WeightColumns : TileReader<T, Piece, VECTOR, THREADS> {
    IndexIterator tap;  // tap_h, tap_w, o: in elements
    const T* from;      // the first tap of o = 0
    int left[WeightColumns::COLUMN_PASSES];  // along the depth; none beyond the last column

    __device__ WeightColumns(const T* weight, const WeightTaps& taps, int first_column, Range range)
        : tap(range.begin + this->row, this->ROWS_PER_PASS, taps.taps_w, taps.O,
              taps.step_h * taps.KW * taps.C, taps.step_w * taps.C, taps.KH * taps.KW * taps.C) {
        const int column = first_column + this->column;
        from = weight + (taps.first_h * taps.KW + taps.first_w) * taps.C + column;
#pragma unroll
        for (int i = 0; i < this->COLUMN_PASSES; ++i) {
            const bool exists = column + i * this->COLUMNS_PER_PASS < taps.C;
            left[i] = exists ? range.end - range.begin - this->row : 0;
        }
    }

    __device__ void copy_next(char* piece) {
#pragma unroll
        for (int pass = 0; pass < this->PASSES; ++pass) {
#pragma unroll
            for (int i = 0; i < this->COLUMN_PASSES; ++i) {
                this->copy(piece, pass, i, from + tap.offset + i * this->COLUMNS_PER_PASS,
                           pass * this->ROWS_PER_PASS < left[i]);
            }
            tap.advance();
        }
#pragma unroll
        for (int i = 0; i < this->COLUMN_PASSES; ++i) left[i] -= Piece::ROWS;
    }
};
