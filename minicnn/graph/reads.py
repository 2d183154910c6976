"""Noticing that ``forward`` reads the numbers of a tensor.

A graph holds only what operations do. A number that Python reads from a tensor would become a
constant of it. So during a recording the ways to read one tell the recorder: the methods of
``Tensor``, and its attribute ``array``, which minicnn's own code may read, as operations need shapes
and dtypes.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

from ..tensor import Tensor

__all__ = ["array_of", "reading"]

_METHODS = ("__array__", "__dlpack__", "__repr__", "item", "numpy", "numpy_copy", "tolist")
_READERS = ("minicnn.io", "minicnn.ops.closeness", "minicnn.viz")  # they read numbers themselves

_slot: Any = vars(Tensor)["array"]
array_of: Callable[[Tensor], Any] = _slot.__get__  # reads it without being noted


def reading(note: Callable[[Tensor, str], None]) -> list[tuple[Any, str, Any]]:
    """(class, name, replacement) for everything through which the numbers of a tensor are read.

    Args:
        note: called with the tensor and how it is read.
    """
    replacements: list[tuple[Any, str, Any]] = [
        (Tensor, name, _noted(getattr(Tensor, name), name, note)) for name in _METHODS
    ]
    return [*replacements, (Tensor, "array", _noted_array(note))]


def _noted(method: Callable[..., Any], name: str, note: Callable[[Tensor, str], None]) -> Any:
    def noted(self: Tensor, *args: Any, **kwargs: Any) -> Any:
        note(self, f"{name}()")
        return method(self, *args, **kwargs)

    return noted


def _noted_array(note: Callable[[Tensor, str], None]) -> property:
    def get(self: Tensor) -> object:
        reader = sys._getframe(1).f_globals.get("__name__", "")
        if not reader.startswith("minicnn.") or reader.startswith(_READERS):
            note(self, "its array")
        return array_of(self)

    return property(get, _slot.__set__)
