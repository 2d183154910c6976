"""Whether two libraries agree about one call."""

from __future__ import annotations

import functools
import re
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import ml_dtypes
import numpy as np

import minicnn as mc

from .call import BackwardFailed, Results

# What a rounding may differ by, relative and absolute.
TOLERANCE = {
    "float64": (1e-7, 1e-9),
    "float32": (1e-5, 1e-6),
    "float16": (2e-3, 1e-3),
    "bfloat16": (1.6e-2, 8e-3),
}
# Errors about numbers, which the host does not wait for: on a GPU, torch has none either, or its
# kernel ends the program.
_UNSEEN_ON_A_GPU = re.compile("out of bounds|index out of range in self|ZeroDivisionError")
REFUSALS = (RuntimeError, ValueError, TypeError, IndexError, NotImplementedError)


class NoAnswer(Exception):
    """Torch itself raises an error, so there is nothing to compare."""


@dataclass
class Disagreement:
    """How minicnn differs from torch.

    ``kind`` is "value" (or dtype, shape, gradient), "refused" (an error where torch answers),
    "accepted" (an answer where torch raises), "warning" (of NumPy, where torch is silent), or
    "contradiction" (torch's vectorised loops give another value than its plain ones, and minicnn's
    is that of the plain ones).
    """

    kind: str
    text: str
    call: str = ""

    def __str__(self) -> str:
        return f"{self.call} {self.kind}: {self.text}"


def compare(
    theirs: Callable[[str], Results], ours: Callable[[], Results], shapes_only: bool = False
) -> Disagreement | None:
    """Compares the results of one call.

    Args:
        theirs: runs it in torch, given a form of :class:`call.Arguments`.
        ours: runs it in minicnn.
        shapes_only: the numbers are random.

    Raises:
        NoAnswer: if torch raises an error.
    """
    expected, error = attempt(lambda: theirs(""))
    if error:
        raise NoAnswer from error
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            found = ours()
        except (BackwardFailed, *REFUSALS) as error:
            return Disagreement("refused", f"{type(error).__name__}: {_first_line(error)}")
    numpy_warnings = [w for w in caught if issubclass(w.category, RuntimeWarning)]
    if numpy_warnings:
        return Disagreement("warning", str(numpy_warnings[0].message))

    @functools.cache
    def again(form: str) -> Results:
        return attempt(lambda: theirs(form))[0] or {}  # torch may have no such kernel

    if expected.keys() != found.keys():
        return Disagreement("value", f"{list(found)} for {list(expected)}")
    for name, value in expected.items():
        if shapes_only and not name.startswith("output"):
            continue
        truth = functools.partial(lambda name: again("float64").get(name), name)
        wrong = difference(found[name], value, truth, shapes_only)
        if wrong is None:
            continue
        plain = again("with gaps")
        as_plain = name in plain and difference(found[name], plain[name], truth) is None
        return Disagreement("contradiction" if as_plain else "value", f"{name}: {wrong}")
    return None


def attempt(call: Callable[[], Any]) -> tuple[Any, Exception | None]:
    """What a call of torch returns, and its error, which may be any."""
    try:
        return call(), None
    except Exception as error:  # noqa: BLE001
        return None, error


def both_refuse(theirs: Callable[[], Any], ours: Callable[[], Any]) -> Disagreement | None:
    """Compares a call that torch should refuse; if it does not, there is nothing to compare."""
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)  # counts as an error in OptimizerInfo
        _, error = attempt(theirs)
    if error is None:
        return None
    reason = f"{type(error).__name__}: {_first_line(error)}"
    if "not implemented for" in reason:
        return None  # torch lacks a kernel, which is no rule
    if mc.get_default_device().type != "cpu" and _UNSEEN_ON_A_GPU.search(reason):
        return None
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        try:
            result = ours()
        except (UserWarning, *REFUSALS):
            return None
    return Disagreement("accepted", f"gave {str(result)[:80]}, torch raises {reason}")


def difference(
    found: Any, expected: Any, truth: Callable[[], Any], shapes_only: bool = False
) -> str | None:
    """What is wrong with a result, or None.

    A result may also be as near as torch's is to the ``truth``, which comes from arguments in float64.
    """
    if found is None and isinstance(expected, np.ndarray) and not expected.any():
        return None  # no gradient stands for a gradient of zeros
    if not isinstance(expected, np.ndarray):
        return _difference_of_constants(found, expected)
    if not isinstance(found, np.ndarray):
        return f"{found!r} for an array"
    if found.shape != expected.shape or found.dtype != expected.dtype:
        return f"{found.dtype} {found.shape} for {expected.dtype} {expected.shape}"
    if shapes_only:
        return None
    if expected.dtype.name not in TOLERANCE:
        wrong = found != expected
    else:
        wrong = ~_close(found, expected, *TOLERANCE[expected.dtype.name])
        if wrong.any():
            wrong &= ~_as_near(found, expected, truth())
    if not wrong.any():
        return None
    at = tuple(np.argwhere(wrong)[0].tolist())
    return f"{found[at]} for {expected[at]} at {at} ({wrong.sum()} of {wrong.size})"


def _difference_of_constants(found: Any, expected: Any) -> str | None:
    if expected is None and isinstance(found, np.ndarray):
        return "an array for None" if found.any() else None
    both_nan = (
        isinstance(expected, float)
        and isinstance(found, float)
        and np.isnan([expected, found]).all()
    )
    same = found == expected or both_nan
    return None if type(found) is type(expected) and same else f"{found!r} for {expected!r}"


def _close(found: np.ndarray, expected: np.ndarray, rtol: float, atol: float) -> Any:
    f, e = found.astype(np.float64), expected.astype(np.float64)
    with np.errstate(all="ignore"):
        near = np.isfinite(e) & (np.abs(f - e) <= atol + rtol * np.abs(e))
        return near | (f == e) | (np.isnan(f) & np.isnan(e))


def _as_near(found: np.ndarray, expected: np.ndarray, truth: Any) -> Any:
    """Where a result is about as near to the truth as torch's, or may overflow by rounding."""
    if not isinstance(truth, np.ndarray) or truth.shape != found.shape:
        return np.zeros(found.shape, bool)
    rtol, atol = TOLERANCE[expected.dtype.name]
    f, e = found.astype(np.float64), expected.astype(np.float64)
    with np.errstate(all="ignore"):
        torchs = np.abs(e - truth)
        slack = 4 * torchs[np.isfinite(torchs)].max(initial=0) + atol + rtol * np.abs(truth)
        limit = 0.98 * float(ml_dtypes.finfo(expected.dtype).max)
        overflows = (np.minimum(truth, f) > limit) | (np.maximum(truth, f) < -limit)
        by_accident = np.isnan(truth) & np.isinf(e)  # torch rounded on the way to what is undefined
        return (np.abs(f - truth) <= slack) | overflows | by_accident


def _first_line(error: BaseException) -> str:
    return (str(error).splitlines() or [""])[0][:160]
