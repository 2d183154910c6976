"""The operations whose files are read when one of their names is first used.

``import minicnn`` would take a tenth longer with them.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any

FILES = {  # the functions of ``minicnn``
    "assign": "detach",
    "bits": "bitwise_left_shift bitwise_right_shift gcd lcm",
    "blend": "addcdiv addcmul lerp",
    "choice": "masked_fill",
    "closeness": "allclose equal isclose isin isneginf isposinf isreal",
    "cumulative": "cummax cummin cumprod cumulative_trapezoid diff logcumsumexp trapezoid trapz",
    "diagonal": "diag diag_embed diagflat diagonal diagonal_scatter trace",
    "distance": "cdist",
    "einsum": "einsum",
    "exponential": """
        exp2 float_power frexp ldexp log10 log2 logaddexp logaddexp2 logit xlog1py xlogy""",
    "extrema": "clamp_max clamp_min fmax fmin",
    "histogram": "bincount histc histogram",
    "join": """
        atleast_1d atleast_2d atleast_3d block_diag broadcast_shapes broadcast_tensors
        cartesian_prod column_stack combinations concat concatenate dsplit dstack hsplit hstack
        meshgrid row_stack split_with_sizes tensor_split vsplit vstack""",
    "old_linalg": "cholesky det inverse pinverse qr slogdet svd",
    "parts": "copysign frac heaviside nan_to_num nextafter positive sgn signbit",
    "products": """
        addbmm addmv addr baddbmm chain_matmul cross dot ger inner kron matrix_power mv outer
        tensordot vander vdot""",
    "quantile": "nanquantile quantile",
    "rearrange": """
        adjoint broadcast_to fliplr flipud ravel roll rot90 swapaxes swapdims tile unravel_index""",
    "scatter": """
        index_add index_copy index_fill index_reduce masked_scatter scatter scatter_reduce""",
    "search": "bucketize searchsorted",
    "sort": "argsort kthvalue median mode msort nanmedian sort topk",
    "special": "digamma erfc erfinv i0 lgamma mvlgamma polygamma",
    "statistics": """
        aminmax corrcoef count_nonzero cov dist nanmean nansum renorm std_mean var_mean""",
    "strided": "as_strided",
    "systems": "cholesky_inverse cholesky_solve logdet matrix_exp",
    "take": """
        argwhere index_put narrow repeat_interleave select select_scatter slice_scatter take
        take_along_dim""",
    "transfer": "clone",
    "triangle": "tril tril_indices triu triu_indices",
    "trigonometry": """
        acos acosh arccos arccosh arcsin arcsinh arctan arctan2 arctanh asin asinh atan atan2
        atanh cosh deg2rad hypot rad2deg sinc sinh tan""",
    "unique": "unique unique_consecutive",
}  # fmt: skip
METHODS = {  # what only methods need
    "float_power_of_double": "exponential",
    "polygamma_of": "special", "rbitwise_left_shift": "bits", "rbitwise_right_shift": "bits",
    "put": "take", "unfold": "strided", "resize_": "strided", "resize_as_": "strided",
    "set_": "strided", "fill_diagonal_": "diagonal",
    "sum_to_size": "rearrange", "where_method": "choice",
    "prelu": "leaky", "hardshrink": "piecewise", "bernoulli": "sampling", "multinomial": "sampling",
}  # fmt: skip
FUNCTIONS = {name: file for file, names in FILES.items() for name in names.split()}


def load(name: str) -> Callable[..., Any]:
    """An operation by its name."""
    file = FUNCTIONS.get(name) or METHODS[name]
    module = importlib.import_module(f".{file}", __package__)
    return getattr(module, name)  # type: ignore[no-any-return]


class Later:
    """A method that becomes the operation ``name``, or a ``form`` of it, when it is first used."""

    def __init__(self, name: str, form: Callable[..., Any] | None = None) -> None:
        self.name, self.form = name, form

    def __set_name__(self, owner: type, attribute: str) -> None:
        self.attribute = attribute

    def __get__(self, instance: Any, owner: type) -> Callable[..., Any]:
        method = load(self.name) if self.form is None else self.form(load(self.name))
        for place in owner.__mro__:
            if vars(place).get(self.attribute) is self:
                setattr(place, self.attribute, method)
        return method.__get__(instance, owner)  # type: ignore[attr-defined, no-any-return]
