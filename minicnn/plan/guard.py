"""Whether a network is still as it was: its modules, their attributes, and all numbers in it."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from operator import attrgetter, is_
from typing import Any

from ..nn.module import Module
from ..tensor import Tensor

__all__ = ["Guard"]

_array_of = attrgetter("array")
_PLAIN = (bool, int, float, str, tuple, type(None))


class Guard:
    """A note of everything that a plan depends on, which is cheap to check before each call.

    Writes to ``x.array`` by NumPy are not noticed, since nothing counts them.
    """

    def __init__(self, modules: Iterable[Module], tensors: Iterable[Tensor] = ()) -> None:
        self.tensors = list(tensors)
        self.dictionaries: list[tuple[dict[str, Any], list[Any]]] = []
        self.empty: list[Any] = []  # stores that must stay so
        self.lists: list[tuple[list[Any], list[Any]]] = []
        for module in modules:
            attributes = vars(module)
            stores = [attributes[name] for name in ("_parameters", "_buffers", "_modules")]
            for store in (attributes, *stores):
                if store:
                    self.dictionaries.append((store, list(store.values())))
                else:
                    self.empty.append(store)
            for value in attributes.values():  # stores and hooks are OrderedDicts
                if type(value) is list:
                    self.lists.append((value, value.copy()))
                elif type(value) is dict:
                    self.dictionaries.append((value, list(value.values())))
            self.empty += [module._forward_pre_hooks, module._forward_hooks]
            for store in stores[:2]:
                self.tensors += [tensor for tensor in store.values() if tensor is not None]
        self.arrays = [tensor.array for tensor in self.tensors]
        self.versions = [tensor.version for tensor in self.tensors]
        self.writes = self._writes()

    def _writes(self) -> list[int]:
        return [v.writes + v.hidden_writes for v in self.versions]

    def holds(self) -> bool:
        """Whether nothing has changed."""
        return (
            not any(self.empty)
            and all(_are_same(store.values(), values) for store, values in self.dictionaries)
            and all(_are_same(now, values) for now, values in self.lists)
            and all(map(is_, map(_array_of, self.tensors), self.arrays))
            and self._writes() == self.writes
        )


def _are_same(current: Collection[Any], values: list[Any]) -> bool:
    if len(current) != len(values):
        return False
    if all(map(is_, current, values)):
        return True
    return all(
        new is old or (isinstance(new, _PLAIN) and type(new) is type(old) and new == old)
        for new, old in zip(current, values, strict=True)
    )
