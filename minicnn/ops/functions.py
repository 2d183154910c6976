"""The operations as functions of ``minicnn``, which take ``out=``: ``mc.add(x, y, out=z)``.

Methods and operators have no such keyword, and are spared the time to look for it. A function also
names what it was given in place of a tensor; a method always has one.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..no_tensor import takes_tensors
from ..tensor import Tensor
from . import (
    activation,
    attributes,
    choice,
    comparison,
    division,
    elementwise,
    index,
    linear,
    shape,
)
from .keywords import with_keywords
from .later import FUNCTIONS, load

erf = with_keywords(activation.erf)

get_device = takes_tensors(attributes.get_device)
is_floating_point = takes_tensors(attributes.is_floating_point)
is_same_size = takes_tensors(attributes.is_same_size)
is_signed = takes_tensors(attributes.is_signed)

clamp = clip = with_keywords(choice.clamp)
maximum = with_keywords(choice.maximum)
minimum = with_keywords(choice.minimum)
where = with_keywords(choice.where)

bitwise_and = with_keywords(comparison.bitwise_and)
bitwise_not = with_keywords(comparison.bitwise_not)
bitwise_or = with_keywords(comparison.bitwise_or)
bitwise_xor = with_keywords(comparison.bitwise_xor)
eq = with_keywords(comparison.eq)
ge = greater_equal = with_keywords(comparison.ge)
gt = greater = with_keywords(comparison.gt)
le = less_equal = with_keywords(comparison.le)
logical_and = with_keywords(comparison.logical_and)
logical_not = with_keywords(comparison.logical_not)
logical_or = with_keywords(comparison.logical_or)
logical_xor = with_keywords(comparison.logical_xor)
lt = less = with_keywords(comparison.lt)
ne = not_equal = with_keywords(comparison.ne)

floor_divide = with_keywords(division.floor_divide)
fmod = with_keywords(division.fmod)
remainder = with_keywords(division.remainder)

abs = absolute = with_keywords(elementwise.abs)
add = with_keywords(elementwise.add)
ceil = with_keywords(elementwise.ceil)
cos = with_keywords(elementwise.cos)
div = divide = true_divide = with_keywords(elementwise.div)
floor = with_keywords(elementwise.floor)
mul = multiply = with_keywords(elementwise.mul)
neg = negative = with_keywords(elementwise.neg)
round = with_keywords(elementwise.round)
sigmoid = with_keywords(elementwise.sigmoid)
sign = with_keywords(elementwise.sign)
sin = with_keywords(elementwise.sin)
sqrt = with_keywords(elementwise.sqrt)
sub = subtract = with_keywords(elementwise.sub)
tanh = with_keywords(elementwise.tanh)
trunc = fix = with_keywords(elementwise.trunc)

gather = with_keywords(index.gather)
index_select = with_keywords(index.index_select)
masked_select = with_keywords(index.masked_select)
nonzero = with_keywords(index.nonzero)
scatter_add = with_keywords(index.scatter_add)

mm, bmm = with_keywords(linear.mm), with_keywords(linear.bmm)

chunk = takes_tensors(shape.chunk)
flatten = takes_tensors(shape.flatten)
flip = takes_tensors(shape.flip)
movedim = moveaxis = takes_tensors(shape.movedim)
split = takes_tensors(shape.split)
squeeze = takes_tensors(shape.squeeze)
t = takes_tensors(shape.t)
unbind = takes_tensors(shape.unbind)
unflatten = takes_tensors(shape.unflatten)
unsqueeze = takes_tensors(shape.unsqueeze)

# functions in place that torch has, too: ``mc.exp_(x)`` is ``x.exp_()``
IN_PLACE = [
    "abs_",
    "absolute_",
    "acos_",
    "acosh_",
    "addmv_",
    "arccos_",
    "arccosh_",
    "arcsin_",
    "arcsinh_",
    "arctan_",
    "arctanh_",
    "as_strided_",
    "asin_",
    "asinh_",
    "atan_",
    "atanh_",
    "ceil_",
    "clamp_",
    "clamp_max_",
    "clamp_min_",
    "clip_",
    "cos_",
    "cosh_",
    "deg2rad_",
    "detach_",
    "erf_",
    "erfc_",
    "exp2_",
    "exp_",
    "expm1_",
    "fill_",
    "fix_",
    "floor_",
    "frac_",
    "gcd_",
    "i0_",
    "index_put_",
    "lcm_",
    "ldexp_",
    "log10_",
    "log1p_",
    "log2_",
    "log_",
    "logit_",
    "nan_to_num_",
    "neg_",
    "negative_",
    "rad2deg_",
    "reciprocal_",
    "resize_as_",
    "round_",
    "rsqrt_",
    "sigmoid_",
    "sin_",
    "sinc_",
    "sinh_",
    "sqrt_",
    "square_",
    "tan_",
    "tanh_",
    "trunc_",
    "xlogy_",
    "zero_",
]


def find(name: str) -> Callable[..., Any] | None:
    """A function of ``minicnn`` that was not defined when it was imported."""
    if name in FUNCTIONS:
        return _as_public(name, with_keywords(load(name)))
    return _as_public(name, takes_tensors(getattr(Tensor, name))) if name in IN_PLACE else None


def _as_public(name: str, function: Any) -> Callable[..., Any]:
    """The function, which pickle will look for under its public name."""
    function.__module__, function.__qualname__ = "minicnn", name
    return function


for _name, _value in tuple(globals().items()):
    if hasattr(_value, "__wrapped__"):  # a decorated operation
        _as_public(_name, _value)
