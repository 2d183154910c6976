"""The methods of ``Tensor`` whose files are read when they are first used; later.py has the names."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from .assign import reshaped_in_place
from .in_place import in_place
from .later import Later


def _later(names: str, form: Callable[..., Any] | None = None) -> Iterator[Later]:
    """Methods that are operations, or a ``form`` of them."""
    return (Later(name, form) for name in names.split())


class LaterMethods:
    """The methods in this file; the names are those of functions of the ``ops`` modules."""

    # operators
    __lshift__, __rlshift__ = _later("bitwise_left_shift rbitwise_left_shift")
    __rshift__, __rrshift__ = _later("bitwise_right_shift rbitwise_right_shift")
    __ilshift__, __irshift__ = _later("bitwise_left_shift bitwise_right_shift", in_place)

    # functions of each element, and comparisons
    acos, acosh, asin, asinh, atan, atanh, atan2 = _later("acos acosh asin asinh atan atanh atan2")
    arccos, arccosh, arcsin, arcsinh, arctan, arctanh, arctan2 = _later(
        "acos acosh asin asinh atan atanh atan2"
    )
    tan, sinh, cosh, sinc, hypot = _later("tan sinh cosh sinc hypot")
    deg2rad, rad2deg = _later("deg2rad rad2deg")
    exp2, log2, log10, logit, xlogy = _later("exp2 log2 log10 logit xlogy")
    logaddexp, logaddexp2, ldexp, frexp = _later("logaddexp logaddexp2 ldexp frexp")
    float_power, lerp, addcmul, addcdiv = _later("float_power lerp addcmul addcdiv")
    erfc, erfinv, i0 = _later("erfc erfinv i0")
    lgamma, digamma, polygamma, mvlgamma = _later("lgamma digamma polygamma_of mvlgamma")
    positive, frac, sgn, signbit, copysign = _later("positive frac sgn signbit copysign")
    nextafter, heaviside, nan_to_num = _later("nextafter heaviside nan_to_num")
    bitwise_left_shift, bitwise_right_shift = _later("bitwise_left_shift bitwise_right_shift")
    gcd, lcm = _later("gcd lcm")
    clamp_min, clamp_max, fmin, fmax = _later("clamp_min clamp_max fmin fmax")
    isposinf, isneginf, isreal = _later("isposinf isneginf isreal")
    equal, isclose, allclose = _later("equal isclose allclose")
    prelu, hardshrink = _later("prelu hardshrink")

    # the same in place
    acos_, acosh_, asin_, asinh_, atan_, atanh_, atan2_ = _later(
        "acos acosh asin asinh atan atanh atan2", in_place
    )
    arccos_, arccosh_, arcsin_, arcsinh_, arctan_, arctanh_, arctan2_ = _later(
        "acos acosh asin asinh atan atanh atan2", in_place
    )
    tan_, sinh_, cosh_, sinc_, hypot_ = _later("tan sinh cosh sinc hypot", in_place)
    deg2rad_, rad2deg_ = _later("deg2rad rad2deg", in_place)
    exp2_, log2_, log10_, logit_, xlogy_ = _later("exp2 log2 log10 logit xlogy", in_place)
    ldexp_, float_power_ = _later("ldexp float_power_of_double", in_place)
    lerp_, addcmul_, addcdiv_ = _later("lerp addcmul addcdiv", in_place)
    erfc_, erfinv_, i0_ = _later("erfc erfinv i0", in_place)
    lgamma_, digamma_, polygamma_, mvlgamma_ = _later(
        "lgamma digamma polygamma_of mvlgamma", in_place
    )
    frac_, sgn_, copysign_ = _later("frac sgn copysign", in_place)
    nextafter_, heaviside_, nan_to_num_ = _later("nextafter heaviside nan_to_num", in_place)
    bitwise_left_shift_, bitwise_right_shift_ = _later(
        "bitwise_left_shift bitwise_right_shift", in_place
    )
    gcd_, lcm_ = _later("gcd lcm", in_place)
    clamp_min_, clamp_max_ = _later("clamp_min clamp_max", in_place)

    # sums, statistics, samples
    nansum, nanmean, aminmax, count_nonzero = _later("nansum nanmean aminmax count_nonzero")
    cov, corrcoef, dist, renorm = _later("cov corrcoef dist renorm")
    cumprod, cummax, cummin, logcumsumexp = _later("cumprod cummax cummin logcumsumexp")
    diff, quantile, nanquantile = _later("diff quantile nanquantile")
    histc, histogram, bincount = _later("histc histogram bincount")
    bernoulli, multinomial = _later("bernoulli multinomial")
    cumprod_, renorm_ = _later("cumprod renorm", in_place)

    # sorting, indexing, scattering
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

    # shapes, diagonals, views of memory
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

    # products and decompositions of matrices
    dot, vdot, inner, outer, ger, mv, kron, cross = _later("dot vdot inner outer ger mv kron cross")
    addmv, addr, addbmm, baddbmm = _later("addmv addr addbmm baddbmm")
    addmv_, addr_, addbmm_, baddbmm_ = _later("addmv addr addbmm baddbmm", in_place)

    matrix_power, matrix_exp = _later("matrix_power matrix_exp")
    inverse, pinverse, det, slogdet, logdet = _later("inverse pinverse det slogdet logdet")
    svd, qr, cholesky = _later("svd qr cholesky")
    cholesky_solve, cholesky_inverse = _later("cholesky_solve cholesky_inverse")
