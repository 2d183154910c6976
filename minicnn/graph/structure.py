"""Tensors within tuples, lists and dicts: what networks take and return."""

from __future__ import annotations

from collections import OrderedDict, defaultdict, deque
from collections.abc import Callable, Iterable
from typing import Any, TypeVar

from ..tensor import Tensor

__all__ = ["leaves", "replaced", "tensors_in", "with_leaves"]

Structure = TypeVar("Structure")


def tensors_in(structure: Any) -> list[Tensor]:
    """The tensors within nested tuples, lists and dicts, from left to right."""
    return [leaf for leaf in leaves(structure) if isinstance(leaf, Tensor)]


def leaves(structure: Any) -> list[Any]:
    """Everything within nested tuples, lists and dicts that is none of these, from left to right."""
    found: list[Any] = []
    replaced(structure, found.append)
    return found


def replaced(structure: Any, new: Callable[[Any], Any]) -> object:
    """The same tuples, lists and dicts, with ``new(x)`` in the place of everything else.

    Of their subclasses, which may take other arguments, only namedtuples, deque, defaultdict and
    OrderedDict are known.
    """
    kind: Any = type(structure)
    if kind is tuple or hasattr(kind, "_fields"):
        parts: list[Any] = [replaced(part, new) for part in structure]
        return tuple(parts) if kind is tuple else kind(*parts)
    if kind in (list, deque):
        return kind(replaced(part, new) for part in structure)
    if kind in (dict, OrderedDict, defaultdict):
        out = structure.copy()
        out.update((key, replaced(part, new)) for key, part in structure.items())
        return out
    return new(structure)


def with_leaves(structure: Structure, values: Iterable[Any]) -> Structure:
    """The same tuples, lists and dicts, holding ``values`` from left to right."""
    left = iter(values)
    return replaced(structure, lambda _: next(left))  # type: ignore[return-value]
