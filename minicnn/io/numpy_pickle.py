"""Pickles of plain values and NumPy arrays, such as CIFAR's, read without running code from them."""

from __future__ import annotations

import re
from typing import IO, Any

import numpy as np

from .safe_pickle import Function, Vocabulary, load_pickle
from .torch_objects import encode

__all__ = ["NAMES", "fill", "is_unfilled", "read_numpy_pickle"]

_PLAIN_DTYPE = re.compile(r"[<>|=]?(b1|i[1248]|u[1248]|f[248])")


def read_numpy_pickle(file: IO[bytes]) -> object:
    """Reads one pickle; the text of Python 2 becomes ``str``, its bytes as Latin-1.

    Args:
        file: at the start of the pickle.

    Raises:
        UnsafePickle: a ValueError, for anything but plain values and arrays of numbers.
        ValueError: if the pickle is damaged or cut off.
    """
    return load_pickle(file, _NumpyVocabulary(NAMES))


class _NumpyVocabulary(Vocabulary):
    """Arrays of numbers, and plain values."""

    has_bytearrays = True

    def build(self, value: Any, state: Any) -> None:
        if is_unfilled(value):
            fill(value, state)
        else:
            super().build(value, state)


def is_unfilled(value: object) -> bool:
    """Whether a pickle makes such a value empty at first: an array, or a dtype."""
    return isinstance(value, (np.ndarray, np.dtype))


def fill(value: Any, state: Any) -> None:
    """Gives an array its content, or a dtype its byte order."""
    if isinstance(value, np.dtype):
        order = state[1]
        if order not in ("<", ">", "|", "="):
            raise ValueError(f"a dtype with the byte order {order!r:.20}")
        value.__setstate__((3, order, None, None, None, -1, -1, 0))  # type: ignore[attr-defined]
    else:
        _, shape, dtype, is_fortran, content = state
        content = content.encode("latin1") if isinstance(content, str) else content
        _check(content, shape, dtype)
        whole: Any = (1, shape, dtype, bool(is_fortran), bytes(content))
        value.__setstate__(whole)


def _check(content: Any, shape: Any, dtype: Any) -> None:
    """Raises an error unless ``content`` are the bytes of an array of ``shape`` and ``dtype``."""
    if not isinstance(content, (bytes, bytearray)) or not isinstance(dtype, np.dtype):
        raise TypeError(f"an array is made of bytes, got a {type(content).__name__}")
    counts = isinstance(shape, tuple) and all(isinstance(n, int) and n >= 0 for n in shape)
    if not counts or int(np.prod(shape, dtype=object)) * dtype.itemsize != len(content):
        raise ValueError(f"an array of shape {shape!r:.60} in {len(content)} bytes")


def _dtype(name: Any, align: Any = False, copy: Any = True) -> np.dtype[Any]:
    """A new dtype of plain numbers."""
    if not isinstance(name, str) or not _PLAIN_DTYPE.fullmatch(name):
        raise TypeError(f"an array of {name!r:.40}")
    return np.dtype(name, False, True)


def _empty(cls: Any, shape: Any, code: Any) -> np.ndarray:
    """An array that gets its content later."""
    if cls is not _ARRAY_CLASS:
        raise TypeError("a subclass of an array")
    return np.empty(0, np.int8)


def _scalar(dtype: Any, content: Any) -> int | float:
    """A number; NumPy's numbers become Python's."""
    content = content.encode("latin1") if isinstance(content, str) else content
    _check(content, (), dtype)
    return np.frombuffer(content, dtype)[0].item()


def _from_buffer(content: Any, dtype: Any, shape: Any, order: Any) -> np.ndarray:
    """An array as protocol 5 writes it."""
    _check(content, shape, dtype)
    array = np.frombuffer(bytearray(content), dtype)
    return array.reshape(shape, order="F" if order == "F" else "C")


def _no_bytes() -> bytes:
    """Empty bytes, as protocol 2 writes them."""
    return b""


_ARRAY_CLASS = object()  # stands for numpy.ndarray, which pickles only name
NAMES: dict[str, Any] = {
    "numpy.ndarray": _ARRAY_CLASS,
    "numpy.dtype": Function(_dtype),
    "_codecs.encode": Function(encode),
    "builtins.bytes": Function(_no_bytes),
    **{
        f"numpy.{core}.{name}": Function(function)  # NumPy 2 has put _ in front of its core
        for core in ("core", "_core")
        for name, function in (
            ("multiarray._reconstruct", _empty),
            ("multiarray.scalar", _scalar),
            ("numeric._frombuffer", _from_buffer),
        )
    },
}
