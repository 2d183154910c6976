"""Keywords that many of torch's functions take: ``out=``, and NumPy's ``axis=`` and ``keepdims=``."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from ..autograd import is_grad_enabled
from ..devices import on_own_device, xp_of
from ..no_tensor import refuse
from ..tensor import Tensor
from ..warn import warn
from .promotion import rank

F = TypeVar("F", bound=Callable[..., Any])


def with_keywords(operation: F) -> F:
    """Decorates an operation that takes ``out=``, and ``axis`` and ``keepdims`` for its own names."""

    @functools.wraps(operation)
    def call(*args: Any, **kwargs: Any) -> Any:
        """Leaves calls without keywords alone, as small tensors would notice."""
        try:
            return called(operation, args, kwargs) if kwargs else operation(*args)
        except (AttributeError, TypeError) as error:
            refuse(operation.__name__, error, args, kwargs)
            raise

    return call  # type: ignore[return-value]


def called(
    operation: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]
) -> Tensor | tuple[Tensor, ...]:
    """The result of an operation, which is written to ``out``, if that is among the keywords."""
    if _KEYWORDS.isdisjoint(kwargs):
        return operation(*args, **kwargs)
    kwargs = {_OWN_NAMES.get(name, name): value for name, value in kwargs.items()}
    out = kwargs.pop("out", None)
    result = operation(*args, **kwargs)
    return result if out is None else _written(operation.__name__, out, result)


_OWN_NAMES = {"axis": "dim", "keepdims": "keepdim"}
_KEYWORDS = {"out", *_OWN_NAMES}
# Operations that convert nothing for their out in torch; those with several results never do.
_KEEP_THE_DTYPE = """
    abs addbmm addmm addmv amax amin argmax argmin baddbmm bitwise_not bmm bucketize ceil clamp
    clamp_max clamp_min cross diag dot floor frac gather histc index_add index_copy index_select
    inverse isneginf isposinf log_softmax logcumsumexp masked_select matmul mm msort mv
    nan_to_num nanquantile neg norm quantile renorm round scatter scatter_add scatter_reduce
    searchsorted sgn sign signbit softmax take take_along_dim tensordot tril triu trunc where
"""


def _written(name: str, out: Any, result: Any) -> Any:
    """``out`` with a result, or one of several in it."""
    if isinstance(result, Tensor):
        _write(name, out, result, same_dtype=name in _KEEP_THE_DTYPE.split())
        return out
    if not isinstance(out, Sequence) or len(out) != len(result):
        raise TypeError(f"{name} expects {len(result)} tensors as out, got {type(out).__name__}")
    for target, part in zip(out, result):
        _write(name, target, part, same_dtype=True)
    return type(result)(*out) if hasattr(result, "_fields") else tuple(out)


def _write(name: str, out: Any, result: Tensor, same_dtype: bool = False) -> None:
    """Writes a result to ``out``, which takes its shape.

    Args:
        same_dtype: whether the result must have its dtype, too.

    Raises:
        TypeError: for an ``out`` that is no tensor.
        RuntimeError: if a gradient would have to be recorded, for an ``out`` on another device, or of
            a dtype that cannot hold the result, or another one than it has.
    """
    if not isinstance(out, Tensor):
        raise TypeError(f"{name} expects a tensor as out, got {type(out).__name__}")
    if result.requires_grad or (out.requires_grad and is_grad_enabled()):
        raise RuntimeError(f"{name} with out= records no gradient: call it in no_grad()")
    if out.device != result.device:
        raise RuntimeError(f"{name} on {result.device} expects out there, got one on {out.device}")
    if rank(result.array.dtype) > rank(out.array.dtype):
        raise RuntimeError(f"{name} cannot put {result.dtype} results into an out of {out.dtype}")
    if same_dtype and result.array.dtype != out.array.dtype:
        raise RuntimeError(f"{name} expects an out of {result.dtype}, got {out.dtype}")
    if out.shape != result.shape:
        _resize(name, out, result.shape)
    _copy(out, result)


def _resize(name: str, out: Tensor, shape: tuple[int, ...]) -> None:
    if out.numel():
        warn(
            f"{name} has a result of shape {shape}, and gives its out of shape {out.shape} that shape"
        )
    out.array = xp_of(out.array).empty(shape, out.array.dtype)


@on_own_device
def _copy(out: Tensor, result: Tensor) -> None:
    out.array[...] = result.array
    out.bump_version()
