"""Writes any Python object into files of torch's format, as ``torch.save`` does.

pickled_objects.py reads them.
"""

from __future__ import annotations

import copyreg
import pickle
from collections import Counter, OrderedDict
from collections.abc import Mapping
from types import BuiltinFunctionType, FunctionType
from typing import Any

import numpy as np

from ..nn import Module
from ..size import Size
from ..tensor import Tensor
from .pickle_writer import PickleWriter
from .pickled_module import module_state
from .torch_storages import Place

__all__ = ["AnyPickleWriter", "Parts"]

# function, arguments, state, list items, dict items
_Reduced = tuple[Any, Any, Any, list[Any], list[Any]]
_CONTAINERS = (dict, list, tuple, set)
_PLAIN_CONTAINERS = (*_CONTAINERS, OrderedDict, Counter, Size)


class Parts:
    """What the objects in an object consist of, by ``__reduce_ex__``, each asked once.

    Attributes:
        tensors: all tensors in it.
    """

    def __init__(self, value: object) -> None:
        self.tensors: list[Tensor] = []
        self._parts: dict[int, tuple[object, Any]] = {}  # with the object: its id stays valid
        self._walk(value)

    def of(self, value: object) -> str | _Reduced:
        """A name, or function, arguments, state, list items and dict items."""
        return self._parts[id(value)][1]

    def _walk(self, value: Any) -> None:
        if value is None or isinstance(value, (bool, int, float, str, bytes)):
            return
        if id(value) in self._parts:
            return
        self._parts[id(value)] = value, None
        members: Any = ()
        if isinstance(value, Tensor):
            self.tensors.append(value)
        elif isinstance(value, Module):
            members = module_state(value).values()
        elif type(value) in _PLAIN_CONTAINERS:
            members = (*value, *value.values()) if isinstance(value, dict) else value
        elif not isinstance(value, (type, FunctionType, BuiltinFunctionType)):
            parts = _reduced(value)
            self._parts[id(value)] = value, parts
            members = () if isinstance(parts, str) else parts
        for member in members:
            self._walk(member)


def _reduced(value: Any) -> str | _Reduced:
    """What Python's pickle would write, with the iterators read."""
    special = copyreg.dispatch_table.get(type(value))
    reduced = value.__reduce_ex__(2) if special is None else special(value)
    if isinstance(reduced, str):
        return reduced
    function, arguments, state, items, pairs = (*reduced, None, None, None)[:5]
    return function, arguments, state, list(items or ()), [tuple(pair) for pair in pairs or ()]


class AnyPickleWriter(PickleWriter):
    """Writes whatever Python's ``pickle`` can write, with tensors as torch does.

    Args:
        places: the storage of each tensor, by the tensor's ``id``.
        parts: of the object that is written.
    """

    def __init__(self, places: Mapping[int, Place], parts: Parts) -> None:
        super().__init__(places)
        self.parts = parts

    def _write(self, value: Any, place: tuple[str, ...]) -> None:
        subclass = isinstance(value, _CONTAINERS) and type(value) not in _PLAIN_CONTAINERS
        if subclass or isinstance(value, np.dtype):  # an array's dtype, which is not torch's
            if not self._known(id(value)):
                self._other(value, place)
        else:
            super()._write(value, place)

    def _check_key(self, key: object, place: tuple[str, ...]) -> None:
        """Any object may be a key."""

    def _other(self, value: Any, place: tuple[str, ...]) -> None:
        if isinstance(value, (type, FunctionType, BuiltinFunctionType)):
            self._name(value, value.__qualname__, place)
            return
        parts = self.parts.of(value)
        if isinstance(parts, str):
            self._name(value, parts, place)
            return
        function, arguments, state, items, pairs = parts
        if getattr(function, "__name__", "") == "__newobj__":
            self._write(arguments[0], place)
            self._members(arguments[1:], place, pickle.TUPLE, empty=pickle.EMPTY_TUPLE)
            self.out += pickle.NEWOBJ
        else:
            self._write(function, place)
            self._write(arguments, place)
            self.out += pickle.REDUCE
        self._remember(value)
        self._members(items, place, pickle.APPENDS)
        flat = [part for pair in pairs for part in pair]
        self._members(flat, place, pickle.SETITEMS)
        if state is not None:
            self._write(state, place)
            self.out += pickle.BUILD

    def _name(self, value: Any, name: str, place: tuple[str, ...]) -> None:
        module = pickle.whichmodule(value, name)  # type: ignore[attr-defined]
        if "<" in name:
            where = ".".join(place) or "the object itself"
            raise TypeError(f"cannot save {where}: {module}.{name} could not be found again")
        self._global(module, name)
