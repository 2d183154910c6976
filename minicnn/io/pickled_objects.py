"""Any objects in torch's files: their attributes are filled in, and no code is run for them.

What ``torch.save`` wrote may hold more than tensors and networks: a script's arguments, its own
classes, optimizers, NumPy arrays, paths. Objects are made without calling their classes, of classes
that the running program has already defined or imported. Plain values of the standard library are
made by functions on a list. Nothing else can be named, and nothing is imported for a file.
"""

from __future__ import annotations

import collections
import datetime
import decimal
import enum
import fractions
import pathlib
import sys
from collections.abc import Callable, Hashable, Iterable
from pathlib import Path
from types import BuiltinFunctionType, FunctionType, ModuleType
from typing import Any

from ..nn import Module
from ..tensor import Tensor
from . import numpy_pickle
from .pickled_module import ModuleVocabulary
from .safe_pickle import Function, UnsafePickle, plain_key
from .torch_objects import TorchVocabulary

__all__ = ["ObjectVocabulary"]

_PYTHON_2 = {"__builtin__": "builtins", "copy_reg": "copyreg"}
_FUNCTIONS = (FunctionType, BuiltinFunctionType)
# Classes whose objects have a content of their own; OrderedDict is a dict with more than that.
_BASES = (collections.OrderedDict, dict, list, set, frozenset, int, float, str, bytes)


class ObjectVocabulary(ModuleVocabulary):
    """What weights need, and objects of known classes.

    Args:
        find_in_torch: minicnn's object for a name of torch's; raises an AttributeError or ImportError
            if there is none.
        allowed: the only classes and functions that may be named besides, if given. The program
            vouches for them, so that functions among them are called.
    """

    has_bytearrays = True

    def __init__(
        self, find_in_torch: Callable[[str], object], allowed: Iterable[Any] | None = None
    ) -> None:
        super().__init__()
        self.names = {**self.names, "builtins.set": Function(self._set)}
        self._find_in_torch = find_in_torch
        self._allowed = None if allowed is None else dict(map(_with_name, allowed))
        self._made: dict[int, object] = {}  # kept, so that an id stays that of its object

    def find(self, module: str, name: str) -> object:
        module = _PYTHON_2.get(module, module)
        full_name = f"{module}.{name}"
        try:
            return TorchVocabulary.find(self, module, name)
        except UnsafePickle:
            if self._allowed is not None and full_name not in self._allowed:
                raise UnsafePickle(
                    f"it names {full_name[:100]!r}, which is not among the safe globals; no code from "
                    "it was run"
                ) from None
        if full_name in _NAMES:
            return _NAMES[full_name]
        if full_name == "builtins.frozenset":
            return Function(lambda items: frozenset(self._set(items)))
        if full_name == "copyreg._reconstructor":
            return Function(self._reconstruct)
        if self._allowed is not None and isinstance(self._allowed[full_name], _FUNCTIONS):
            return Function(self._allowed[full_name])
        found = self._look_up(module, name)
        if isinstance(found, type) and issubclass(found, enum.Enum):
            return Function(found._value2member_map_.__getitem__)
        # what has a __del__ would do something in the end
        if isinstance(found, type) and not hasattr(found, "__del__"):
            return found
        if isinstance(found, _FUNCTIONS) and (
            module.startswith("torch") or _belongs_to_program(module)
        ):
            return found
        raise UnsafePickle(
            f"it names {full_name[:100]!r}, which is no class that the program has defined or imported, "
            "and no function of the program; no code from the file was run"
        )

    def _look_up(self, module: str, name: str) -> object:
        """The object with a name, found without running any code; None if there is none."""
        if module.partition(".")[0] in ("torch", "torchvision"):
            try:
                return self._find_in_torch(f"{module}.{name}")
            except (AttributeError, ImportError):
                return None
        found: object = sys.modules.get(module)
        for part in name.split("."):
            if not isinstance(found, (type, ModuleType)):
                return None
            found = vars(found).get(part)
        return found

    def key(self, value: Any) -> Hashable:
        if isinstance(value, (Tensor, type, enum.Enum, pathlib.PurePath)):
            return value
        return frozenset(map(plain_key, value)) if type(value) is frozenset else plain_key(value)

    def _set(self, items: Any = ()) -> set[Hashable]:
        return set(map(self.key, items))

    def new(self, cls: Any, arguments: Any) -> object:
        if isinstance(cls, type) and issubclass(cls, Module):
            return super().new(cls, arguments)
        if not isinstance(cls, type) or not isinstance(arguments, tuple):
            raise UnsafePickle(f"it makes an object of a {type(cls).__name__}")
        return self._keep(_new(cls, arguments))

    def _keep(self, value: object) -> object:
        self._made[id(value)] = value
        return value

    def build(self, value: Any, state: Any) -> None:
        if isinstance(value, Module) or type(value) is collections.OrderedDict:
            super().build(value, state)
        elif numpy_pickle.is_unfilled(value):
            numpy_pickle.fill(value, state)
        elif type(value).__module__.partition(".")[0] == "minicnn" and hasattr(
            value, "__setstate__"
        ):
            value.__setstate__(state)
        elif id(value) not in self._made:
            raise UnsafePickle(f"it sets attributes of a {type(value).__name__}")
        else:
            _fill(value, state)

    def _reconstruct(self, cls: Any, base: Any, content: Any) -> object:
        """What classic protocols call for an object: ``copyreg._reconstructor``."""
        if base is not object and base not in _BASES:
            raise UnsafePickle("it makes an object of an unknown kind")
        return self.new(cls, () if base is object else (content,))


def _new(cls: type, arguments: tuple[Any, ...]) -> object:
    """An object of a class, whose own ``__new__`` and ``__init__`` are not called."""
    if issubclass(cls, tuple):
        return tuple.__new__(cls, arguments if hasattr(cls, "_fields") else arguments[0])
    for base in _BASES:
        if issubclass(cls, base):
            return base.__new__(cls, *arguments)  # type: ignore[type-var]
    if arguments:
        raise UnsafePickle(f"it makes a {cls.__name__} with arguments")
    return object.__new__(cls)


def _fill(value: Any, state: Any) -> None:
    """Sets attributes, past any ``__setstate__`` and ``__setattr__``."""
    attributes, slots = state if isinstance(state, tuple) and len(state) == 2 else (state, None)
    for part in (attributes, slots):
        if part is not None and not (isinstance(part, dict) and all(type(n) is str for n in part)):
            raise TypeError(f"the attributes of an object are a {type(part).__name__}")
    if attributes:
        object.__getattribute__(value, "__dict__").update(attributes)
    for name, content in (slots or {}).items():
        object.__setattr__(value, name, content)


def _with_name(allowed: Any) -> tuple[str, Any]:
    """A class or function by its full name; a pair with a name is one already."""
    if isinstance(allowed, tuple):
        return allowed[1], allowed[0]
    return f"{allowed.__module__}.{allowed.__qualname__}", allowed


def _belongs_to_program(module: str) -> bool:
    """Whether a module is the script that runs, or a file beside it."""
    script = getattr(sys.modules.get("__main__"), "__file__", None)
    file = getattr(sys.modules.get(module), "__file__", None)
    if module == "__main__":
        return True
    if script is None or file is None:
        return False
    return Path(script).resolve().parent in Path(file).resolve().parents


def _of(make: Callable[..., Any], *kinds: type) -> Function:
    """A function to call, if all its arguments are of some kinds."""

    def made(*arguments: Any) -> object:
        for argument in arguments:
            if not isinstance(argument, kinds):
                raise TypeError(f"a {make.__name__} is not made of a {type(argument).__name__}")
        return make(*arguments)

    return Function(made)


def _defaultdict(factory: Any = None) -> collections.defaultdict[Any, Any]:
    if factory not in (None, dict, float, int, list, set, str):
        raise UnsafePickle(f"it makes a defaultdict of {factory!r:.60}")
    return collections.defaultdict(factory)


def _deque(items: Any = (), maxlen: Any = None) -> collections.deque[Any]:
    if not isinstance(items, (list, tuple)) or not isinstance(maxlen, (int, type(None))):
        raise TypeError("a deque is made of a list")
    return collections.deque(items, maxlen)


_PATHS = ("Path", "PosixPath", "PurePath", "PurePosixPath", "PureWindowsPath", "WindowsPath")
_NUMBERS = (int, float, str, type(None))
_NAMES: dict[str, Any] = {
    **numpy_pickle.NAMES,
    **{
        f"{module}.{name}": _of(getattr(pathlib, name), str)
        for module in ("pathlib", "pathlib._local")
        for name in _PATHS
    },
    **{
        f"datetime.{name}": _of(
            getattr(datetime, name), bytes, int, str, datetime.tzinfo, datetime.timedelta
        )
        for name in ("date", "datetime", "time", "timedelta", "timezone")
    },
    "builtins.range": _of(range, int),
    "builtins.slice": _of(slice, *_NUMBERS),
    "collections.defaultdict": Function(_defaultdict),
    "collections.deque": Function(_deque),
    "decimal.Decimal": _of(decimal.Decimal, str),
    "fractions.Fraction": _of(fractions.Fraction, int, str),
}
