"""``assert_close``, for tests of results up to rounding, under the name of ``torch.testing``."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from .autograd import no_grad
from .creation import as_tensor
from .dtype import promote_types
from .ops.closeness import isclose
from .tensor import Tensor

__all__ = ["assert_close"]

_BOOLEANS = (bool, np.bool_)
_NUMBERS = (int, float, complex, np.number)

# rtol and atol; others must be equal
_TOLERANCES = {
    "float16": (1e-3, 1e-5),
    "bfloat16": (1.6e-2, 1e-5),
    "float32": (1.3e-6, 1e-5),
    "float64": (1e-7, 1e-7),
}


class _Rules(NamedTuple):
    rtol: float | None
    atol: float | None
    equal_nan: bool
    allow_subclasses: bool
    check_device: bool
    check_dtype: bool
    check_stride: bool

    def tolerances(self, *dtypes: str) -> tuple[float, float]:
        if self.rtol is not None and self.atol is not None:
            return self.rtol, self.atol
        rtols, atols = zip(*(_TOLERANCES.get(dtype, (0.0, 0.0)) for dtype in dtypes), strict=True)
        return max(rtols), max(atols)


@no_grad()
def assert_close(
    actual: Any,
    expected: Any,
    *,
    allow_subclasses: bool = True,
    rtol: float | None = None,
    atol: float | None = None,
    equal_nan: bool = False,
    check_device: bool = True,
    check_dtype: bool = True,
    check_layout: bool = True,
    check_stride: bool = False,
    msg: str | Callable[[str], str] | None = None,
) -> None:
    """Checks that |actual - expected| <= atol + rtol * |expected| everywhere.

    Args:
        actual, expected: two tensors, arrays, numbers, booleans or Nones, or sequences and mappings
            of them, compared one by one.
        allow_subclasses: whether a tensor and one of a derived class can be close.
        rtol, atol: relative and absolute tolerance, either both or none of them. Without, 1e-7 and 1e-7
            for float64, 1.3e-6 and 1e-5 for float32, 1e-3 and 1e-5 for float16, 1.6e-2 and 1e-5 for
            bfloat16, and the larger ones for two dtypes; integers and booleans must be equal.
        equal_nan: whether NaN is close to NaN.
        check_device, check_dtype, check_stride: whether these must be the same, too.
        check_layout: accepted for torch's scripts, but has no effect.
        msg: what an error says instead, or a function of what it would say.

    Raises:
        AssertionError: if they are not close.
        TypeError: for values that cannot be compared.
        ValueError: for one tolerance without the other.

    As ``torch.testing.assert_close``, which compares the forms of all sequences and mappings first.
    """
    if (rtol is None) != (atol is None):
        missing = "rtol" if rtol is None else "atol"
        raise ValueError(f"assert_close expects both rtol and atol or neither, got no {missing}")
    rules = _Rules(rtol, atol, equal_nan, allow_subclasses, check_device, check_dtype, check_stride)
    fault = _first_fault(actual, expected, rules)
    if fault:
        raise AssertionError(msg(fault) if callable(msg) else msg or fault)


def _first_fault(
    actual: Any, expected: Any, rules: _Rules, place: tuple[Any, ...] = ()
) -> str | None:
    """What differs first in two trees, and where."""
    parts: Iterable[tuple[Any, Any, Any]] = ()
    if _is_sequence(actual) and _is_sequence(expected):
        fault = _length_fault(actual, expected)
        parts = zip(range(len(actual)), actual, expected, strict=False)
    elif isinstance(actual, Mapping) and isinstance(expected, Mapping):
        fault = _key_fault(actual, expected)
        parts = ((key, actual[key], expected[key]) for key in actual)
    else:
        fault = _fault(actual, expected, rules)
    if fault:
        where = "".join(f"[{key!r}]" for key in place)
        return f"{fault}\n\nThe failure occurred for item {where}" if place else fault
    faults = (_first_fault(one, other, rules, (*place, key)) for key, one, other in parts)
    return next(filter(None, faults), None)


def _is_sequence(x: Any) -> bool:
    return isinstance(x, Sequence) and not isinstance(x, str)


def _length_fault(actual: Sequence[Any], expected: Sequence[Any]) -> str | None:
    if len(actual) == len(expected):
        return None
    return f"The length of the sequences mismatch: {len(actual)} != {len(expected)}"


def _key_fault(actual: Mapping[Any, Any], expected: Mapping[Any, Any]) -> str | None:
    if actual.keys() == expected.keys():
        return None
    return (
        "The keys of the mappings do not match:\n"
        f"Missing keys in the actual mapping: {sorted(expected.keys() - actual.keys())}\n"
        f"Additional keys in the actual mapping: {sorted(actual.keys() - expected.keys())}"
    )


def _fault(actual: Any, expected: Any, rules: _Rules) -> str | None:
    """How two values differ that have no parts."""
    if actual is None or expected is None:
        same, kind = actual is expected, "None"
    elif isinstance(actual, _BOOLEANS) and isinstance(expected, _BOOLEANS):
        same, kind = bool(actual) == bool(expected), "Booleans"
    elif isinstance(actual, _NUMBERS) and isinstance(expected, _NUMBERS):
        return _number_fault(actual, expected, rules)
    else:
        return _tensor_fault(*_tensors(actual, expected, rules), rules)
    return None if same else f"{kind} mismatch: {actual} is not {expected}"


def _number_fault(actual: Any, expected: Any, rules: _Rules) -> str | None:
    actual, expected = (x.item() if isinstance(x, np.generic) else x for x in (actual, expected))
    if rules.check_dtype and type(actual) is not type(expected):
        return f"The (d)types do not match: {type(actual)} != {type(expected)}."
    whole = isinstance(actual, int) and isinstance(expected, int)
    rtol, atol = rules.tolerances("int64" if whole else "float64")
    difference = abs(actual - expected)
    both_nan = bool(np.isnan(actual) and np.isnan(expected))
    within = math.isfinite(difference) and difference <= atol + rtol * abs(expected)
    if actual == expected or within or (rules.equal_nan and both_nan):
        return None
    return _scalar_message(actual, expected, rtol, atol)


def _tensors(actual: Any, expected: Any, rules: _Rules) -> tuple[Tensor, Tensor]:
    related = isinstance(actual, type(expected)) or isinstance(expected, type(actual))
    if related and (rules.allow_subclasses or type(actual) is type(expected)):
        try:
            return as_tensor(actual).detach(), as_tensor(expected).detach()
        except (TypeError, ValueError, RuntimeError):
            pass  # neither tensors nor arrays of numbers
    raise TypeError(
        "assert_close expects two tensors, arrays, numbers, booleans or Nones, "
        f"got {type(actual)} and {type(expected)}"
    )


def _tensor_fault(actual: Tensor, expected: Tensor, rules: _Rules) -> str | None:
    for name, checked, one, other in (
        ("shape", True, actual.shape, expected.shape),
        ("stride()", rules.check_stride, actual.stride(), expected.stride()),
        ("device", rules.check_device, actual.device, expected.device),
        ("dtype", rules.check_dtype, actual.dtype, expected.dtype),
    ):
        if checked and one != other:
            return f"The values for attribute '{name}' do not match: {one} != {other}."
    rtol, atol = rules.tolerances(actual.array.dtype.name, expected.array.dtype.name)
    if actual.device != expected.device:
        actual, expected = actual.cpu(), expected.cpu()
    dtype = promote_types(actual.dtype, expected.dtype)
    actual, expected = actual.to(dtype), expected.to(dtype)
    close = isclose(actual, expected, rtol, atol, rules.equal_nan)
    if close.all():
        return None
    if not actual.ndim:
        return _scalar_message(actual.item(), expected.item(), rtol, atol)
    return _tensor_message(actual, expected, close, rtol, atol)


def _scalar_message(actual: Any, expected: Any, rtol: float, atol: float) -> str:
    difference = abs(actual - expected)
    relative = difference / abs(expected) if expected else math.inf
    return (
        f"Scalars are not {'close' if rtol or atol else 'equal'}!\n\n"
        f"Expected {expected} but got {actual}.\n"
        f"Absolute difference: {difference}{_allowed(atol, rtol, atol)}\n"
        f"Relative difference: {relative}{_allowed(rtol, rtol, atol)}"
    )


def _tensor_message(
    actual: Tensor, expected: Tensor, close: Tensor, rtol: float, atol: float
) -> str:
    if not actual.is_floating_point():
        actual, expected = actual.long(), expected.long()
    wrong = close.numel() - int(close.sum())
    difference = (actual - expected).abs().masked_fill(close, 0)
    relative = (difference / expected.abs()).masked_fill(close, 0)
    return (
        f"Tensor-likes are not {'close' if rtol or atol else 'equal'}!\n\n"
        f"Mismatched elements: {wrong} / {close.numel()} ({wrong / close.numel():.1%})\n"
        f"Greatest absolute difference: {_greatest(difference)}{_allowed(atol, rtol, atol)}\n"
        f"Greatest relative difference: {_greatest(relative)}{_allowed(rtol, rtol, atol)}"
    )


def _greatest(differences: Tensor) -> str:
    index = int(differences.argmax())
    place = tuple(map(int, np.unravel_index(index, differences.shape)))
    return f"{differences.flatten()[index].item()} at index {place}"


def _allowed(tolerance: float, rtol: float, atol: float) -> str:
    return f" (up to {tolerance} allowed)" if rtol or atol else ""
