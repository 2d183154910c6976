"""Trees: a tensor, or dicts, lists and tuples of trees, such as the parameters of a network."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from copy import copy
from itertools import repeat
from typing import Any, TypeVar

__all__ = ["Tree", "form", "leaves", "mapped", "with_leaves"]

Tree = TypeVar("Tree")


def leaves(tree: Any) -> list[Any]:
    """What a tree holds, from left to right."""
    if isinstance(tree, dict):
        tree = tree.values()
    elif not isinstance(tree, (list, tuple)):
        return [tree]
    return [leaf for part in tree for leaf in leaves(part)]


def with_leaves(tree: Tree, values: Iterable[Any]) -> Tree:
    """A tree of the same form that holds ``values``."""
    return _filled(tree, iter(values))  # type: ignore[no-any-return]


def _filled(tree: Any, values: Iterator[Any]) -> Any:
    if isinstance(tree, dict):
        filled = copy(tree)  # a defaultdict keeps its function
        filled.update((key, _filled(part, values)) for key, part in tree.items())
        return filled
    if hasattr(tree, "_fields"):  # a named tuple
        return type(tree)(*(_filled(part, values) for part in tree))
    if isinstance(tree, (list, tuple)):
        return type(tree)(_filled(part, values) for part in tree)
    return next(values)


def mapped(function: Callable[[Any], Any], tree: Tree) -> Tree:
    """A tree of the same form that holds the results of ``function``."""
    return with_leaves(tree, map(function, leaves(tree)))


def form(tree: Any) -> str:
    """The form of a tree; those of dicts with their keys in another order differ."""
    return str(with_leaves(tree, repeat("tensor")))
