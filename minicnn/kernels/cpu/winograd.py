"""Winograd's minimal filtering: convolution with stride 1 in a fraction of the multiplications.

A tile of T x T input pixels and a filter of R x R make M x M output pixels, T = M + R - 1. Both are
taken to T * T values ("points"), multiplied point by point and summed over the channels, which is a
matrix product for each point, and taken back:

    out = A' [(G filter G') * (B' tile B)] A            (' transposes)

That takes T * T multiplications for each tile and pair of channels instead of M * M * R * R. It is
the product of polynomials by their values at T - 1 numbers and at infinity (Toom and Cook), run
backwards. A. Lavin and S. Gray, Fast Algorithms for Convolutional Neural Networks, 2015.

Rounding errors are 3 (T = 6) to 10 times (T = 8) those of the direct sum in float32.
"""

from __future__ import annotations

import functools

import numpy as np

from ..geometry import Geometry
from .threads import for_each_slice, scratch
from .windows import nchw, nhwc, pad, slices, windows

# Numbers at which polynomials are evaluated: T = 6 takes five, T = 8 seven. Small errors come from
# small powers and from signs and inverses in pairs.
_POINTS = (0.0, 1.0, -1.0, 0.5, -2.0, 2.0, -0.5)
_BLOCK_TILES = 512


@functools.cache
def _transforms(M: int, R: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(T*T, M*M), (T*T, R*R) and (T*T, T*T): A, G and B' for flattened two-dimensional tiles."""
    T = M + R - 1

    def powers(n: int) -> np.ndarray:
        """Values of 1, x, ..., x**(n-1) at the points; at infinity only the last counts."""
        return np.vstack([np.vander(_POINTS[: T - 1], n, increasing=True), np.eye(n)[-1:]])

    A, G, B = powers(M), powers(R), np.linalg.inv(powers(T)).T
    for matrix in (A, G):  # powers of 2 that balance the rows
        scale = 2.0 ** np.round(np.log2(np.abs(matrix).sum(axis=1, keepdims=True)))
        matrix /= scale
        B *= scale
    A, G, B = (np.kron(matrix, matrix).astype(np.float32) for matrix in (A, G, B))
    return A, G, B


def _tiling(geometry: Geometry, M: int, R: int):
    OH, OW = geometry.output_size
    tiles = -(-OH // M), -(-OW // M)
    T = M + R - 1
    return (
        Geometry(geometry.input_size, tiles, (T, T), (M, M), geometry.padding),
        Geometry(geometry.output_size, tiles, (M, M), (M, M)),
    )


def _to_points(name, x, transform, geometry):
    """(T*T, N*TH*TW, C)"""
    N, C = x.shape[:2]
    TH, TW = geometry.output_size
    out = scratch(name, (len(transform), N, TH * TW * C), np.dtype("f4"))

    def work(start, stop):
        for n in range(start, stop):
            w = windows(pad(nhwc(x[n : n + 1]), geometry, out.dtype), geometry)
            w = w[0].transpose(2, 3, 0, 1, 4)
            tile = scratch("tile", w.shape, out.dtype)
            np.copyto(tile, w)
            np.matmul(transform, tile.reshape(transform.shape[1], -1), out=out[:, n])

    for_each_slice(N, work)
    return out.reshape(len(transform), N * TH * TW, C)


def _from_points(points, out, bias, relu, M, TH, TW, A):
    """points (TT, N*tiles, O) -> out (N, OH, OW, O)"""
    N, OH, OW, O = out.shape
    points = points.reshape(len(points), N, -1)

    def work(start, stop):
        for n in range(start, stop):
            tile = scratch("tile", (M, M, TH, TW, O), points.dtype)
            np.matmul(A.T, points[:, n], out=tile.reshape(M * M, -1))
            if bias is not None:
                np.add(tile, bias, out=tile)
            if relu:
                np.maximum(tile, 0, out=tile)
            for i in range(M):
                for j in range(M):
                    p = out[n, i::M, j::M]
                    p[...] = tile[i, j, : p.shape[0], : p.shape[1]]

    for_each_slice(N, work)


def _filters(weight, G):
    O, C, R, _ = weight.shape
    w = np.ascontiguousarray(weight).reshape(O * C, R * R)
    U = scratch("filters", (len(G), O * C), w.dtype)
    for_each_slice(O * C, lambda a, b: np.matmul(G, w[a:b].T, out=U[:, a:b]))
    return U.reshape(-1, O, C)


def _correlate(x, U, bias, geometry, relu, M, R):
    N, O = len(x), U.shape[2]
    A, G, B = _transforms(M, R)
    tin, tout = _tiling(geometry, M, R)
    TH, TW = tin.output_size
    out = np.empty((N, *geometry.output_size, O), np.float32)
    for n in slices(N, max(1, _BLOCK_TILES // (TH * TW))):
        V = _to_points("V", x[n], B, tin)
        P = scratch("P", (len(A), V.shape[1], O), V.dtype)
        for_each_slice(len(A), lambda a, b: np.matmul(V[a:b], U[a:b], out=P[a:b]))
        _from_points(P, out[n], bias, relu, M, TH, TW, A)
    return nchw(out)


def conv2d(x, weight, bias, geometry, relu=False, M=4):
    R = weight.shape[2]
    U = _filters(weight, _transforms(M, R)[1]).transpose(0, 2, 1)
    return _correlate(x, U, bias, geometry, relu, M, R)


def input_grad(grad, weight, geometry, M=4):
    R = weight.shape[2]
    G = np.ascontiguousarray(_transforms(M, R)[1][:, ::-1])
    (PH, PW) = geometry.padding
    mg = Geometry(
        geometry.output_size,
        geometry.input_size,
        geometry.kernel_size,
        padding=(R - 1 - PH, R - 1 - PW),
    )
    return _correlate(grad, _filters(weight, G), None, mg, False, M, R)


def weight_grad(grad, x, geometry, M=4):
    (O, C), R = (grad.shape[1], x.shape[1]), geometry.kernel_size[0]
    A, G, B = _transforms(M, R)
    tin, tout = _tiling(geometry, M, R)
    TH, TW = tin.output_size
    dU = scratch("filters", (len(A), O, C), np.dtype("f4"))
    for n in slices(len(x), max(1, _BLOCK_TILES // (TH * TW))):
        V = _to_points("V", x[n], B, tin)
        E = _to_points("P", grad[n], A, tout)

        def work(start, stop):
            for i in range(start, stop):
                if n.start == 0:
                    np.matmul(E[i].T, V[i], out=dU[i])
                else:
                    np.add(
                        dU[i],
                        np.matmul(E[i].T, V[i], out=scratch("product", (O, C), dU.dtype)),
                        out=dU[i],
                    )

        for_each_slice(len(A), work)
    out = np.empty((O * C, R * R), np.float32)
    dU2 = dU.reshape(len(A), -1)
    for_each_slice(O * C, lambda a, b: np.matmul(dU2[:, a:b].T, G, out=out[a:b]))
    return out.reshape(O, C, R, R)
