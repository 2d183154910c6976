// Where the operands of a convolution, seen as a matrix product, come from.
//
// No matrix of windows is ever written to memory. Instead a reader knows for each element of a
// piece where it lies in an image, and copies it from there, or zeros for padding. A thread copies
// a few neighbouring elements at a time, 8 or 16 bytes, from the same place in a few rows of each
// piece. All that stays the same is computed once, and no reader divides while it runs: integer
// divisions would take longer than the products.

// Three nested counters, the last running fastest, that move on by a fixed distance.
struct Counter {
    int outer, middle, inner;

    __device__ Counter(int index, int middle_size, int inner_size)
        : outer(index / inner_size / middle_size),
          middle(index / inner_size % middle_size),
          inner(index % inner_size) {}

    __device__ void advance(const Counter& distance, int middle_size, int inner_size) {
        inner += distance.inner;
        middle += distance.middle;
        outer += distance.outer;
        if (inner >= inner_size) {
            inner -= inner_size;
            ++middle;
        }
        if (middle >= middle_size) {
            middle -= middle_size;
            ++outer;
        }
    }
};

// How the threads of a block share the copies of a piece: each copies VECTOR elements at `column`
// of every ROWS_PER_PASS-th row, from `row` on. Neighbouring threads read neighbouring addresses.
template <typename T, typename Piece_, int VECTOR, int THREADS>
struct Copies {
    using Piece = Piece_;
    static constexpr int THREADS_PER_ROW = Piece::COLUMNS / VECTOR;
    static constexpr int ROWS_PER_PASS = THREADS / THREADS_PER_ROW;
    static constexpr int PASSES = Piece::ROWS / ROWS_PER_PASS;
    static_assert(THREADS_PER_ROW * ROWS_PER_PASS == THREADS, "threads fill rows");
    static_assert(ROWS_PER_PASS * PASSES == Piece::ROWS, "passes fill the piece");

    const int row = threadIdx.x / THREADS_PER_ROW;
    const int column = threadIdx.x % THREADS_PER_ROW * VECTOR;

    __device__ void copy(char* piece, int pass, const T* from, bool inside) const {
        copy_async<VECTOR * sizeof(T)>(piece + Piece::offset(row + pass * ROWS_PER_PASS, column),
                                       from, inside);
    }
};

// ---- pieces whose rows run along the depth ----

// Row n is row n of a matrix (rows, depth): a weight.
template <typename T, typename Piece, int VECTOR, int THREADS>
struct MatrixRows : Copies<T, Piece, VECTOR, THREADS> {
    const T* from;
    long long pass_pitch;
    int rows;  // still in the matrix, from this thread's first row on
    int k, depth;

    __device__ MatrixRows(const T* matrix, int first_row, int all_rows, int first_k, int depth)
        : k(first_k + this->column), depth(depth) {
        const int row = first_row + this->row;
        from = matrix + (long long)row * depth + k;
        pass_pitch = (long long)depth * this->ROWS_PER_PASS;
        rows = all_rows - row;
    }

    __device__ void copy_next(char* piece) {
#pragma unroll
        for (int pass = 0; pass < this->PASSES; ++pass) {
            this->copy(piece, pass, from + pass * pass_pitch,
                       k < depth && pass * this->ROWS_PER_PASS < rows);
        }
        k += Piece::COLUMNS;
        from += Piece::COLUMNS;
    }
};

// Windows that slide over images: the first tap of window (i, j) lies on pixel
// (origin_h + i * stride_h, origin_w + j * stride_w), further taps `spacing` pixels apart.
struct Windows {
    int H, W;              // of the images
    int pitch;             // from pixel to pixel, in elements
    int rows, columns;     // number of windows in an image
    int stride_h, stride_w;
    int origin_h, origin_w;
    int taps_h, taps_w;
    int spacing_h, spacing_w;
    int channels;          // read of each pixel, a multiple of VECTOR
};

// Row m is the window number m, counted through all images; depth is (tap_h, tap_w, channel).
template <typename T, typename Piece, int VECTOR, int THREADS>
struct WindowRows : Copies<T, Piece, VECTOR, THREADS> {
    const T* first_tap[WindowRows::PASSES];
    int h[WindowRows::PASSES], w[WindowRows::PASSES];
    const Windows& windows;
    Counter k;  // tap_h, tap_w, channel
    const Counter distance;

    __device__ WindowRows(const T* images, const Windows& windows, int first_row, int all_rows,
                          int first_k)
        : windows(windows),
          k(first_k + this->column, windows.taps_w, windows.channels),
          distance(Piece::COLUMNS, windows.taps_w, windows.channels) {
#pragma unroll
        for (int pass = 0; pass < this->PASSES; ++pass) {
            const int m = first_row + this->row + pass * this->ROWS_PER_PASS;
            const Counter window(m, windows.rows, windows.columns);  // image, i, j
            h[pass] = windows.origin_h + window.middle * windows.stride_h;
            w[pass] = windows.origin_w + window.inner * windows.stride_w;
            const long long row = (long long)window.outer * windows.H + h[pass];
            first_tap[pass] = images + (row * windows.W + w[pass]) * windows.pitch;
            if (m >= all_rows) h[pass] = -(1 << 30);  // never in an image, whatever the tap
        }
    }

    __device__ void copy_next(char* piece) {
        const int tap_h = k.outer * windows.spacing_h, tap_w = k.middle * windows.spacing_w;
        const long long offset = (long long)(tap_h * windows.W + tap_w) * windows.pitch + k.inner;
        const bool tap = k.outer < windows.taps_h;
#pragma unroll
        for (int pass = 0; pass < this->PASSES; ++pass) {
            // as unsigned numbers, negative ones are large
            const bool inside = (unsigned int)(h[pass] + tap_h) < (unsigned int)windows.H &&
                                (unsigned int)(w[pass] + tap_w) < (unsigned int)windows.W;
            this->copy(piece, pass, first_tap[pass] + offset, tap && inside);
        }
        k.advance(distance, windows.taps_w, windows.channels);
    }
};

// ---- pieces whose rows run along m or n ----

// Row k is row k of a matrix (depth, pitch), of which `columns` columns count: a gradient.
template <typename T, typename Piece, int VECTOR, int THREADS>
struct MatrixColumns : Copies<T, Piece, VECTOR, THREADS> {
    const T* from;
    int pitch;
    int rows;  // still in the matrix; none if this thread's columns are beyond the last one

    __device__ MatrixColumns(const T* matrix, int pitch, int first_column, int columns, int first_k,
                             int depth)
        : pitch(pitch) {
        const int k = first_k + this->row, column = first_column + this->column;
        from = matrix + (long long)k * pitch + column;
        rows = column < columns ? depth - k : 0;
    }

    __device__ void copy_next(char* piece) {
#pragma unroll
        for (int pass = 0; pass < this->PASSES; ++pass) {
            this->copy(piece, pass, from, pass * this->ROWS_PER_PASS < rows);
            from += (long long)this->ROWS_PER_PASS * pitch;
        }
        rows -= Piece::ROWS;
    }
};

// Row k is the window number k of images, column n the element (tap_h, tap_w, channel) of it.
template <typename T, typename Piece, int VECTOR, int THREADS>
struct WindowColumns : Copies<T, Piece, VECTOR, THREADS> {
    const T* tap;  // of the window at the origin of the first image
    int h, w;      // the tap's pixel there
    const Windows& windows;
    Counter k;  // image, i, j
    const Counter distance;
    int rows;  // windows still to come; none if this thread's columns are beyond the last one

    __device__ WindowColumns(const T* images, const Windows& windows, int first_column, int first_k,
                             int depth)
        : windows(windows),
          k(first_k + this->row, windows.rows, windows.columns),
          distance(this->ROWS_PER_PASS, windows.rows, windows.columns) {
        const Counter element(first_column + this->column, windows.taps_w, windows.channels);
        h = windows.origin_h + element.outer * windows.spacing_h;
        w = windows.origin_w + element.middle * windows.spacing_w;
        tap = images + element.inner;
        rows = element.outer < windows.taps_h ? depth - first_k - this->row : 0;
    }

    __device__ void copy_next(char* piece) {
#pragma unroll
        for (int pass = 0; pass < this->PASSES; ++pass) {
            const int row = h + k.middle * windows.stride_h;
            const int column = w + k.inner * windows.stride_w;
            const bool inside = (unsigned int)row < (unsigned int)windows.H &&
                                (unsigned int)column < (unsigned int)windows.W;
            const long long pixel = ((long long)k.outer * windows.H + row) * windows.W + column;
            this->copy(piece, pass, tap + pixel * windows.pitch,
                       inside && pass * this->ROWS_PER_PASS < rows);
            k.advance(distance, windows.rows, windows.columns);
        }
        rows -= Piece::ROWS;
    }
};

// Row k is (tap_h, tap_w, o) of a weight (O, KH, KW, C), where o has been padded to `channels` and
// taps are those of the weight that `first` and `step` tell; column n is its channel c.
struct WeightTaps {
    int KH, KW, C;
    int O;                  // outputs; o from here on to `channels` is zero
    int first_h, first_w;   // the weight's tap that tap 0 stands for
    int step_h, step_w;     // between taps
    int taps_h, taps_w, channels;
};

template <typename T, typename Piece, int VECTOR, int THREADS>
struct WeightColumns : Copies<T, Piece, VECTOR, THREADS> {
    const T* from;  // this thread's column
    const WeightTaps& taps;
    Counter k;  // tap_h, tap_w, o
    const Counter distance;
    bool inside;

    __device__ WeightColumns(const T* weight, const WeightTaps& taps, int first_column, int first_k)
        : taps(taps),
          k(first_k + this->row, taps.taps_w, taps.channels),
          distance(this->ROWS_PER_PASS, taps.taps_w, taps.channels) {
        from = weight + first_column + this->column;
        inside = first_column + this->column < taps.C;
    }

    __device__ void copy_next(char* piece) {
#pragma unroll
        for (int pass = 0; pass < this->PASSES; ++pass) {
            const int kh = taps.first_h + k.outer * taps.step_h;
            const int kw = taps.first_w + k.middle * taps.step_w;
            const long long row = ((long long)k.inner * taps.KH + kh) * taps.KW + kw;
            this->copy(piece, pass, from + row * taps.C,
                       inside && k.outer < taps.taps_h && k.inner < taps.O);
            k.advance(distance, taps.taps_w, taps.channels);
        }
    }
};
