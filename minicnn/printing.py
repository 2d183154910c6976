"""What ``print(tensor)`` shows: the very text that torch shows."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np

from .dtypes import bool_, default_float, int64, is_floating

if TYPE_CHECKING:
    from .tensor import Tensor

__all__ = ["get_printoptions", "printoptions", "set_printoptions", "tensor_text"]


_options = SimpleNamespace(precision=4, threshold=1000, edgeitems=3, linewidth=80, sci_mode=None)
_PROFILES: dict[str, dict[str, Any]] = {
    "default": {"precision": 4, "threshold": 1000, "edgeitems": 3, "linewidth": 80},
    "short": {"precision": 2, "threshold": 1000, "edgeitems": 2, "linewidth": 80},
    "full": {"precision": 4, "threshold": math.inf, "edgeitems": 3, "linewidth": 80},
}


def set_printoptions(
    precision: int | None = None,
    threshold: float | None = None,
    edgeitems: int | None = None,
    linewidth: int | None = None,
    profile: str | None = None,
    sci_mode: bool | None = None,
) -> None:
    """Chooses how tensors are printed; what is None stays, except ``sci_mode``.

    Args:
        precision: digits after the point.
        threshold: the number of elements above which only the edges are shown.
        edgeitems: how many elements that is at each end of a dimension.
        linewidth: characters in a line.
        profile: ``"default"``, ``"short"`` or ``"full"``, for all four at once.
        sci_mode: whether to write 1.0000e+00; None to decide by the numbers.

    As ``torch.set_printoptions``.
    """
    given = {
        "precision": precision,
        "threshold": threshold,
        "edgeitems": edgeitems,
        "linewidth": linewidth,
    }
    chosen = {**_PROFILES.get(profile or "", {})}
    chosen.update({name: value for name, value in given.items() if value is not None})
    for name, value in chosen.items():
        setattr(_options, name, value)
    _options.sci_mode = sci_mode


def get_printoptions() -> dict[str, Any]:
    """The options, which :func:`set_printoptions` takes."""
    return dict(vars(_options))


@contextmanager
def printoptions(**options: Any) -> Iterator[None]:
    """Sets options for a ``with`` block."""
    outside = get_printoptions()
    set_printoptions(**options)
    try:
        yield
    finally:
        set_printoptions(**outside)


def tensor_text(tensor: Tensor, name: str = "tensor") -> str:
    """The text of a tensor: its numbers, and what they do not tell."""
    array, notes = tensor.array, []
    if tensor.device.type != "cpu":
        notes.append(f"device='{tensor.device}'")
    if array.size == 0 and array.ndim != 1:
        notes.append(f"size={array.shape}")
    usual = (default_float(), int64, bool_) if array.size else (default_float(),)
    if array.dtype not in usual:
        notes.append(f"dtype={tensor.dtype}")
    if tensor.grad_fn is not None:
        notes.append(f"grad_fn=<{tensor.grad_fn.name()}>")
    elif tensor.requires_grad:
        notes.append("requires_grad=True")
    start = f"{name}("
    return _with_notes(start + _numbers(tensor.numpy_copy(), len(start)), notes, len(start))


def _with_notes(text: str, notes: list[str], indent: int) -> str:
    """The text with notes behind it, each on a new line if the last one is full."""
    length = len(text) - text.rfind("\n") + 1
    for note in notes:
        if length + len(note) + 2 > _options.linewidth:
            text += ",\n" + " " * indent + note
            length = indent + len(note)
        else:
            text += ", " + note
            length += len(note) + 2
    return text + ")"


def _numbers(array: np.ndarray, indent: int) -> str:
    """The numbers in their brackets, which start in column ``indent``."""
    if array.size == 0:
        return "[]"
    if is_floating(array.dtype):
        array = array.astype(np.float64)  # exact, and NumPy has no methods for bfloat16
    summarize = array.size > _options.threshold
    format = _Format(_edges(array) if summarize else array)
    return _nested(array, indent, summarize, format)


def _edges(array: np.ndarray) -> np.ndarray:
    """The elements that are shown of an array too large to be shown as a whole."""
    count = _options.edgeitems
    for axis, length in enumerate(array.shape):
        if length > 2 * count:
            array = array.take([*range(count), *range(length - count, length)], axis)
    return array


class _Format:
    """How to write the numbers of an array: all in one width, and all as integers, in fixed point or
    with exponents.
    """

    def __init__(self, array: np.ndarray) -> None:
        self.is_floating = array.dtype.kind == "f"
        self.as_integers, self.with_exponent, self.width = True, False, 1
        if not self.is_floating:
            self.width = max(len(str(value)) for value in array.reshape(-1).tolist())
            return
        shown = array[np.isfinite(array) & (array != 0)]
        if not shown.size:
            return
        smallest, largest = np.abs(shown).min(), np.abs(shown).max()
        self.as_integers = bool((shown == np.ceil(shown)).all())
        with np.errstate(over="ignore"):
            wide = bool(largest / smallest > 1000 or largest > 1e8 or smallest < 1e-4)
        self.with_exponent = wide if _options.sci_mode is None else _options.sci_mode
        self.width = max(len(self._digits(value)) for value in shown.tolist())

    def _digits(self, value: float) -> str:
        if not self.is_floating:
            return str(value)
        if self.with_exponent:
            return f"{value:.{_options.precision}e}"
        if self.as_integers:
            return f"{value:.0f}" + ("." if math.isfinite(value) else "")
        return f"{value:.{_options.precision}f}"

    def __call__(self, value: float) -> str:
        return self._digits(value).rjust(self.width)


def _nested(array: np.ndarray, indent: int, summarize: bool, format: _Format) -> str:
    if array.ndim == 0:
        return format(array.item())
    if array.ndim == 1:
        return _vector(array, indent, summarize, format)
    count = _options.edgeitems
    parts = range(len(array))
    cut = summarize and len(array) > 2 * count
    shown = [*parts[:count], *parts[-count:]] if cut else [*parts]
    texts = [_nested(array[i], indent + 1, summarize, format) for i in shown]
    if cut:
        texts.insert(count, "...")
    between = "," + "\n" * (array.ndim - 1) + " " * (indent + 1)
    return "[" + between.join(texts) + "]"


def _vector(array: np.ndarray, indent: int, summarize: bool, format: _Format) -> str:
    count = _options.edgeitems
    if summarize and len(array) > 2 * count:
        texts = [*map(format, array[:count].tolist()), " ..."]
        texts += map(format, array[-count:].tolist())
    else:
        texts = [*map(format, array.tolist())]
    in_line = max(1, (_options.linewidth - indent) // (format.width + 2))
    lines = [", ".join(texts[i : i + in_line]) for i in range(0, len(texts), in_line)]
    return "[" + (",\n" + " " * (indent + 1)).join(lines) + "]"
