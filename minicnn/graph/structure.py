"""Tensors within tuples, lists and dicts: what networks take and return."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from typing import Any

from ..tensor import Tensor

__all__ = ["replaced", "tensors_in"]


def tensors_in(structure: Any) -> list[Tensor]:
    """The tensors within nested tuples, lists and dicts, from left to right."""
    found: list[Tensor] = []

    def note(leaf: Any) -> object:
        if isinstance(leaf, Tensor):
            found.append(leaf)
        return leaf

    replaced(structure, note)
    return found


def replaced(structure: Any, new: Callable[[Any], Any]) -> object:
    """The same tuples, lists and dicts, with ``new(x)`` in the place of everything else.

    Of their subclasses, which may take other arguments, only namedtuples and OrderedDict are known.
    """
    kind: Any = type(structure)
    if kind is tuple or hasattr(kind, "_fields"):
        parts: list[Any] = [replaced(part, new) for part in structure]
        return tuple(parts) if kind is tuple else kind(*parts)
    if kind is list:
        return [replaced(part, new) for part in structure]
    if kind in (dict, OrderedDict):
        return kind((key, replaced(part, new)) for key, part in structure.items())
    return new(structure)
