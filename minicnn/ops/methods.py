"""The operations as methods and operators of ``Tensor``: ``x.sum()``, ``x + y``, ``x[0]``."""

from __future__ import annotations

import builtins
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from .. import autograd, dtypes
from ..memory_format import MemoryFormat, preserve_format
from ..tensor import Tensor
from . import (
    activation,
    choice,
    comparison,
    division,
    elementwise,
    index,
    linear,
    reduce,
    shape,
    transfer,
)
from . import pad as padding
from . import softmax as probabilities
from .assign import copy_, detach_, fill_, reshaped_in_place, setitem, zero_
from .attributes import Attributes
from .in_place import in_place, untracked_in_place
from .later_methods import LaterMethods
from .new import NewMethods
from .random_fill import (
    bernoulli_,
    cauchy_,
    exponential_,
    geometric_,
    log_normal_,
    normal_,
    random_,
    uniform_,
)  # fmt: skip
from .storage import StorageMethods


def _equality(operation: Callable[..., Any]) -> Callable[..., Any]:
    """An operator that leaves comparisons with anything but numbers and arrays to Python."""

    def method(self: Any, other: Any) -> Any:
        if isinstance(other, (int, float)) or hasattr(other, "__array__"):
            return operation(self, other)
        return NotImplemented

    method.__doc__ = operation.__doc__
    return method


def _each(
    form: Callable[..., Callable[..., Tensor]], *operations: Callable[..., Any]
) -> Iterator[Callable[..., Tensor]]:
    """The methods in place of several operations."""
    return map(form, operations)


def _cast(dtype: Any) -> Callable[..., Any]:
    def method(self: Any, *, memory_format: MemoryFormat | str = preserve_format) -> Any:
        return self.to(dtype, memory_format=memory_format)

    method.__doc__ = f"This tensor as {np.dtype(dtype)}, in the layout of ``memory_format``."
    return method


class TensorMethods(Attributes, StorageMethods, NewMethods, LaterMethods):
    """The methods of ``Tensor``; each entry is a function of the ``ops`` modules."""

    __add__ = __radd__ = elementwise.add
    __sub__, __rsub__ = elementwise.sub, elementwise.rsub
    __mul__ = __rmul__ = elementwise.times
    __truediv__, __rtruediv__ = elementwise.div, elementwise.rdiv
    __floordiv__, __rfloordiv__ = division.floor_divide, division.rfloor_divide
    __mod__, __rmod__ = division.remainder, division.rremainder
    __pow__, __rpow__ = elementwise.pow, elementwise.rpow
    __matmul__ = linear.matmul
    __neg__, __abs__ = elementwise.neg, elementwise.abs
    __eq__, __ne__ = _equality(comparison.eq), _equality(comparison.ne)
    __lt__, __le__ = comparison.lt, comparison.le
    __gt__, __ge__ = comparison.gt, comparison.ge
    __and__ = __rand__ = comparison.bitwise_and
    __or__ = __ror__ = comparison.bitwise_or
    __xor__ = __rxor__ = comparison.bitwise_xor
    __invert__ = comparison.bitwise_not
    __getitem__, __setitem__ = index.getitem, setitem
    __hash__ = object.__hash__

    add, sub, mul, div, pow = (
        elementwise.add, elementwise.sub, elementwise.mul, elementwise.div, elementwise.pow,
    )  # fmt: skip
    subtract, multiply, divide, true_divide = sub, mul, div, div
    floor_divide, remainder, fmod = division.floor_divide, division.remainder, division.fmod
    neg, abs, sign, square = elementwise.neg, elementwise.abs, elementwise.sign, elementwise.square
    exp, expm1, log, log1p = elementwise.exp, elementwise.expm1, elementwise.log, elementwise.log1p
    negative, absolute = neg, abs
    sqrt, rsqrt, reciprocal = elementwise.sqrt, elementwise.rsqrt, elementwise.reciprocal
    sin, cos = elementwise.sin, elementwise.cos
    tanh, sigmoid = elementwise.tanh, elementwise.sigmoid
    floor, ceil = elementwise.floor, elementwise.ceil
    round, trunc = elementwise.round, elementwise.trunc
    fix = trunc
    clamp = clip = choice.clamp
    maximum, minimum = choice.maximum, choice.minimum
    masked_fill = choice.masked_fill
    eq, ne, lt, le, gt, ge = (
        comparison.eq, comparison.ne, comparison.lt, comparison.le, comparison.gt, comparison.ge,
    )  # fmt: skip
    not_equal, less, less_equal, greater, greater_equal = ne, lt, le, gt, ge
    logical_and, logical_or = comparison.logical_and, comparison.logical_or
    logical_xor, logical_not = comparison.logical_xor, comparison.logical_not
    bitwise_and, bitwise_or = comparison.bitwise_and, comparison.bitwise_or
    bitwise_xor, bitwise_not = comparison.bitwise_xor, comparison.bitwise_not
    isnan, isinf, isfinite = comparison.isnan, comparison.isinf, comparison.isfinite

    erf = activation.erf
    relu = activation.relu
    softmax, log_softmax = probabilities.softmax, probabilities.log_softmax

    sum, mean, var, std, prod, cumsum = (
        reduce.sum, reduce.mean, reduce.var, reduce.std, reduce.prod, reduce.cumsum,
    )  # fmt: skip
    max, min, amax, amin = reduce.max, reduce.min, reduce.amax, reduce.amin
    argmax, argmin, logsumexp = reduce.argmax, reduce.argmin, reduce.logsumexp
    all, any, norm = reduce.all, reduce.any, reduce.norm

    reshape, view, reshape_as = shape.reshape, shape.view, shape.reshape_as
    view_as = shape.reshape_as
    permute, transpose, t = shape.permute, shape.transpose, shape.t
    movedim, moveaxis = shape.movedim, shape.moveaxis
    flatten, unflatten = shape.flatten, shape.unflatten
    squeeze, unsqueeze = shape.squeeze, shape.unsqueeze
    expand, expand_as, repeat = shape.expand, shape.expand_as, shape.repeat
    chunk, unbind = shape.chunk, shape.unbind
    flip, pad = shape.flip, padding.pad

    gather, scatter_add = index.gather, index.scatter_add
    index_select, masked_select = index.index_select, index.masked_select
    nonzero = index.nonzero

    matmul, mm, bmm, addmm = linear.matmul, linear.mm, linear.bmm, linear.addmm

    to, cpu, cuda, clone = transfer.to, transfer.cpu, transfer.cuda, transfer.clone
    contiguous, is_contiguous = transfer.contiguous, transfer.is_contiguous

    copy_, fill_, zero_, detach_ = copy_, fill_, zero_, detach_
    uniform_, normal_, random_, bernoulli_ = uniform_, normal_, random_, bernoulli_
    exponential_, geometric_, cauchy_ = exponential_, geometric_, cauchy_
    log_normal_ = log_normal_
    add_, sub_, mul_, div_, pow_ = _each(in_place, add, sub, mul, div, pow)
    subtract_, multiply_, divide_, true_divide_ = sub_, mul_, div_, div_
    floor_divide_, remainder_, fmod_ = _each(in_place, floor_divide, remainder, fmod)
    neg_, abs_, sign_, square_ = _each(in_place, neg, abs, sign, square)
    negative_, absolute_ = neg_, abs_
    exp_, expm1_, log_, log1p_ = _each(in_place, exp, expm1, log, log1p)
    sqrt_, rsqrt_, reciprocal_ = _each(in_place, sqrt, rsqrt, reciprocal)
    sin_, cos_, tanh_, sigmoid_ = _each(in_place, sin, cos, tanh, sigmoid)
    floor_, ceil_, round_, trunc_ = _each(in_place, floor, ceil, round, trunc)
    fix_ = trunc_
    clamp_, clip_, masked_fill_ = _each(in_place, clamp, clip, masked_fill)
    eq_, ne_, lt_, le_, gt_, ge_ = _each(in_place, eq, ne, lt, le, gt, ge)
    not_equal_, less_, less_equal_, greater_, greater_equal_ = ne_, lt_, le_, gt_, ge_
    logical_and_, logical_or_ = _each(untracked_in_place, logical_and, logical_or)
    logical_xor_, logical_not_ = _each(untracked_in_place, logical_xor, logical_not)
    cumsum_, scatter_add_, addmm_ = _each(in_place, cumsum, scatter_add, addmm)
    erf_ = in_place(erf)
    relu_ = activation.relu_
    squeeze_, unsqueeze_ = _each(reshaped_in_place, squeeze, unsqueeze)
    transpose_, t_ = _each(reshaped_in_place, transpose, t)
    __iadd__, __isub__, __imul__, __itruediv__, __ipow__ = add_, sub_, mul_, div_, pow_
    __ifloordiv__, __imod__ = floor_divide_, remainder_
    bitwise_and_, bitwise_or_ = _each(in_place, bitwise_and, bitwise_or)
    bitwise_xor_, bitwise_not_ = _each(in_place, bitwise_xor, bitwise_not)
    __iand__, __ior__, __ixor__ = bitwise_and_, bitwise_or_, bitwise_xor_

    float, double = _cast(np.float32), _cast(np.float64)
    half, bfloat16 = _cast(np.float16), _cast(dtypes.bfloat16)
    long, int, bool = _cast(np.int64), _cast(np.int32), _cast(np.bool_)
    short, char, byte = _cast(np.int16), _cast(np.int8), _cast(np.uint8)

    def split(self: Any, split_size: Any, dim: builtins.int = 0) -> tuple[Tensor, ...]:
        """As the function of that name, with another name for the length or lengths."""
        return shape.split(self, split_size, dim)

    def backward(
        self: Any,
        gradient: Tensor | None = None,
        retain_graph: builtins.bool | None = None,
        create_graph: builtins.bool = False,
        inputs: Any = None,
    ) -> None:
        """Adds the gradient of this tensor to the ``grad`` of all leaves it was computed from.

        Arguments and errors as in :func:`minicnn.autograd.backward`.
        """
        autograd.backward(self, gradient, retain_graph, create_graph, inputs=inputs)

    @property
    def T(self: Any) -> Tensor:
        """The dimensions in reverse order."""
        return shape.permute(self, tuple(reversed(range(self.ndim))))

    @property
    def mT(self: Any) -> Tensor:
        """The last two dimensions swapped."""
        if self.ndim == 1:
            raise RuntimeError(f"mT expects a matrix or several, got shape {tuple(self.shape)}")
        return self if self.ndim == 0 else shape.transpose(self, -2, -1)

    @property
    def H(self: Any) -> Tensor:
        """A matrix transposed."""
        if self.ndim not in (0, 2):
            raise RuntimeError(f"H expects a matrix, got shape {self.shape}")
        return self if self.ndim == 0 else shape.transpose(self, 0, 1)

    mH = mT


for _class in TensorMethods.__mro__[:-1]:
    for _name, _method in vars(_class).items():
        if _name not in ("__module__", "__dict__", "__weakref__", "__doc__", "__hash__"):
            setattr(Tensor, _name, _method)
