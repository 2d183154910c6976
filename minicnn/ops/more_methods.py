"""Methods of ``Tensor`` that sort, select, scatter, rearrange and multiply matrices.

Their files are read when they are first used.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from .assign import reshaped_in_place
from .in_place import in_place
from .later import Later


def _later(names: str, form: Callable[..., Any] | None = None) -> Iterator[Later]:
    return (Later(name, form) for name in names.split())


class MoreMethods:
    """The methods in this file; the names are those of functions of the ``ops`` modules."""

    sort, argsort, msort = _later("sort argsort msort")
    topk, kthvalue, mode = _later("topk kthvalue mode")
    median, nanmedian = _later("median nanmedian")
    unique, unique_consecutive = _later("unique unique_consecutive")
    take, take_along_dim, argwhere = _later("take take_along_dim argwhere")
    put, index_put, where = _later("put index_put where_method")
    select, narrow, repeat_interleave = _later("select narrow repeat_interleave")
    select_scatter, slice_scatter = _later("select_scatter slice_scatter")
    scatter, scatter_reduce, masked_scatter = _later("scatter scatter_reduce masked_scatter")
    index_add, index_copy, index_fill, index_reduce = _later(
        "index_add index_copy index_fill index_reduce"
    )
    put_, index_put_, scatter_, scatter_reduce_, masked_scatter_ = _later(
        "put index_put scatter scatter_reduce masked_scatter", in_place
    )
    index_add_, index_copy_, index_fill_, index_reduce_ = _later(
        "index_add index_copy index_fill index_reduce", in_place
    )

    roll, rot90, fliplr, flipud, tile = _later("roll rot90 fliplr flipud tile")
    broadcast_to, ravel, swapaxes, swapdims, adjoint = _later(
        "broadcast_to ravel swapaxes swapdims adjoint"
    )
    swapaxes_, swapdims_ = _later("swapaxes swapdims", reshaped_in_place)

    (sum_to_size,) = _later("sum_to_size")
    hsplit, vsplit, dsplit = _later("hsplit vsplit dsplit")
    tensor_split, split_with_sizes = _later("tensor_split split_with_sizes")
    tril, triu, trace = _later("tril triu trace")
    diag, diagonal, diag_embed, diagflat = _later("diag diagonal diag_embed diagflat")
    diagonal_scatter, fill_diagonal_ = _later("diagonal_scatter fill_diagonal_")
    tril_, triu_ = _later("tril triu", in_place)

    unfold, as_strided = _later("unfold as_strided")
    resize_, resize_as_, set_ = _later("resize_ resize_as_ set_")
    (as_strided_,) = _later("as_strided", reshaped_in_place)

    dot, vdot, inner, outer, ger, mv, kron, cross = _later("dot vdot inner outer ger mv kron cross")
    addmv, addr, addbmm, baddbmm = _later("addmv addr addbmm baddbmm")
    addmv_, addr_, addbmm_, baddbmm_ = _later("addmv addr addbmm baddbmm", in_place)

    matrix_power, matrix_exp = _later("matrix_power matrix_exp")
    inverse, pinverse, det, slogdet, logdet = _later("inverse pinverse det slogdet logdet")
    svd, qr, cholesky = _later("svd qr cholesky")
    cholesky_solve, cholesky_inverse = _later("cholesky_solve cholesky_inverse")
