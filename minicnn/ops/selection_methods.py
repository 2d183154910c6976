"""Methods of ``Tensor`` that sort, select, scatter and rearrange."""

from __future__ import annotations

from . import (
    diagonal as diagonals,
)
from . import (
    join,
    rearrange,
    strided,
    triangle,
)
from . import (
    scatter as scattering,
)
from . import (
    sort as sorting,
)
from . import (
    take as taking,
)
from . import (
    unique as uniqueness,
)
from .assign import reshaped_in_place
from .in_place import in_place


class SelectionMethods:
    """The methods in this file; each entry is a function of the ``ops`` modules."""

    sort, argsort, msort = sorting.sort, sorting.argsort, sorting.msort
    topk, kthvalue, mode = sorting.topk, sorting.kthvalue, sorting.mode
    median, nanmedian = sorting.median, sorting.nanmedian
    unique, unique_consecutive = uniqueness.unique, uniqueness.unique_consecutive

    take, take_along_dim, argwhere = taking.take, taking.take_along_dim, taking.argwhere
    put, index_put = taking.put, taking.index_put
    select, narrow = taking.select, taking.narrow
    select_scatter, slice_scatter = taking.select_scatter, taking.slice_scatter
    repeat_interleave = taking.repeat_interleave
    scatter, scatter_reduce = scattering.scatter, scattering.scatter_reduce
    index_add, index_copy = scattering.index_add, scattering.index_copy
    index_fill, index_reduce = scattering.index_fill, scattering.index_reduce
    masked_scatter = scattering.masked_scatter
    put_, index_put_, scatter_, scatter_reduce_ = map(
        in_place, (put, index_put, scatter, scatter_reduce)
    )
    index_add_, index_copy_, index_fill_, index_reduce_, masked_scatter_ = map(
        in_place, (index_add, index_copy, index_fill, index_reduce, masked_scatter)
    )

    roll, rot90, fliplr, flipud = (
        rearrange.roll,
        rearrange.rot90,
        rearrange.fliplr,
        rearrange.flipud,
    )
    tile, broadcast_to, ravel = rearrange.tile, rearrange.broadcast_to, rearrange.ravel
    swapaxes, swapdims, adjoint = rearrange.swapaxes, rearrange.swapdims, rearrange.adjoint
    swapaxes_, swapdims_ = map(reshaped_in_place, (swapaxes, swapdims))
    hsplit, vsplit, dsplit = join.hsplit, join.vsplit, join.dsplit
    tensor_split, split_with_sizes = join.tensor_split, join.split_with_sizes

    tril, triu = triangle.tril, triangle.triu
    tril_, triu_ = map(in_place, (tril, triu))
    diag, diagonal, diag_embed = diagonals.diag, diagonals.diagonal, diagonals.diag_embed
    diagflat, trace = diagonals.diagflat, diagonals.trace
    diagonal_scatter, fill_diagonal_ = diagonals.diagonal_scatter, diagonals.fill_diagonal_

    unfold, as_strided = strided.unfold, strided.as_strided
    resize_, resize_as_, set_ = strided.resize_, strided.resize_as_, strided.set_
