"""Files of torch's format that hold any Python object: what ``torch.save`` and ``load`` do.

Reading such a file runs code that it names, so only a program that says ``weights_only=False`` to
``torch.load`` gets here, under ``python -m minicnn.torch``. :func:`minicnn.load` never does.
"""

from __future__ import annotations

import copyreg
import pickle
from collections import Counter, OrderedDict
from collections.abc import Callable, Iterable, Mapping
from types import BuiltinFunctionType, FunctionType
from typing import Any

import numpy as np

from .. import nn
from ..nn import Module
from ..size import Size
from ..tensor import Tensor
from .pickle_writer import PickleWriter
from .pickled_module import module_state
from .safe_pickle import Function, UnsafePickle
from .torch_objects import TorchVocabulary
from .torch_storages import Place

__all__ = ["AnyPickleWriter", "AnyVocabulary", "Parts"]

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


class AnyVocabulary(TorchVocabulary):
    """Names of torch's, which are minicnn's here, and others, which are imported.

    Args:
        safe: the classes and functions that may be named; anything by default.
    """

    def __init__(self, safe: Iterable[Any] | None = None) -> None:
        super().__init__()
        self.safe = None if safe is None else list(safe)

    def load(self, stream: Any, persistent_load: Callable[[Any], Any] | None) -> object:
        """Reads a pickle with Python's own machine."""
        unpickler = _Unpickler(stream, encoding="utf-8")
        unpickler.names, unpickler.safe = self.names, self.safe
        if persistent_load is not None:
            unpickler.persistent_load = persistent_load  # type: ignore[method-assign]
        return unpickler.load()


_PYTHON_2 = {"__builtin__": "builtins", "copy_reg": "copyreg"}


class _Unpickler(pickle.Unpickler):
    names: Mapping[str, Any]
    safe: list[Any] | None

    def find_class(self, module: str, name: str) -> object:
        if module.startswith("torch.nn.modules."):
            return vars(nn)[name]
        full_name = f"{_PYTHON_2.get(module, module)}.{name}"
        if full_name in self.names and (self.safe is not None or module.startswith("torch")):
            found = Tensor if name == "Tensor" else self.names[full_name]
            return found.function if isinstance(found, Function) else found
        if self.safe is not None and full_name not in map(_full_name, self.safe):
            raise UnsafePickle(
                f"it names {full_name[:100]!r}, which is not among the safe globals; no code from it "
                "was run"
            )
        return super().find_class(module, name)


def _full_name(value: Any) -> str:
    return f"{value.__module__}.{value.__qualname__}"
