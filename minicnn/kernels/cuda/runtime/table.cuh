// Work on many arrays, such as all weights of a network, by one launch.
//
// A launch for each array would take longer than the arithmetic. So a table in device memory has a
// row of addresses for each array. All arrays together are cut into chunks of CHUNK elements, one per
// block, and a block looks up which array its chunk belongs to. A Row has at least the array's `size`
// and its `first_block`.

constexpr int CHUNK = 8192;  // elements for a block; table.py has the same number

// The row of the array that a block works on: the last one that starts at this block or before.
template <typename Row>
__device__ inline Row find_row(const Row* table, int rows, long long block) {
    int low = 0, high = rows;  // it is in [low, high)
    while (high - low > 1) {
        const int middle = (low + high) / 2;
        if (table[middle].first_block <= block)
            low = middle;
        else
            high = middle;
    }
    return table[low];
}

template <int N>
struct Width {
    static constexpr int value = N;
};

// Calls work(Width<N>, i) for elements i to i + N - 1 of the row's array, until all of this block are
// done: N is 4 if the arrays are `aligned`, and 1 for the rest.
template <typename Row, typename Work>
__device__ inline void for_each_of_chunk(const Row& row, bool aligned, const Work& work) {
    const long long begin = (blockIdx.x - row.first_block) * CHUNK;
    const long long end = begin + CHUNK < row.size ? begin + CHUNK : row.size;
    const long long whole = aligned ? begin + (end - begin) / 4 * 4 : begin;
    for (long long i = begin + 4 * threadIdx.x; i < whole; i += 4 * blockDim.x) work(Width<4>(), i);
    for (long long i = whole + threadIdx.x; i < end; i += blockDim.x) work(Width<1>(), i);
}

template <typename T>
__device__ inline bool is_aligned(const T* address) {
    return (unsigned long long)address % alignof(Vector<T, 4>) == 0;
}

// N neighbours from `address` on, as numbers of type Real; and the other way round.
template <int N, typename T, typename Real>
__device__ inline void read(Real (&values)[N], const T* address) {
    const Vector<T, N> vector = load<N>(address, 0);
    for (int j = 0; j < N; ++j) values[j] = Real(vector[j]);
}
template <int N, typename T, typename Real>
__device__ inline void write(T* address, const Real (&values)[N]) {
    Vector<T, N> vector;
    for (int j = 0; j < N; ++j) vector[j] = T(values[j]);
    store(address, 0, vector);
}
