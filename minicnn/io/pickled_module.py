"""Whole modules in torch's files: their attributes are filled in, and nothing is called.

A pickle of a module names its class. Only classes are used that the running program has already
defined or imported and that are subclasses of ``nn.Module``; nothing is imported for a file.
"""

from __future__ import annotations

import sys
from collections import OrderedDict
from types import ModuleType
from typing import Any

from .. import nn
from ..nn import Module, Parameter
from ..tensor import Tensor
from .safe_pickle import UnsafePickle
from .torch_objects import TorchVocabulary

__all__ = ["ModuleVocabulary", "module_state"]

_OWNED = {"_parameters": Parameter, "_buffers": Tensor, "_modules": Module}
# Names of non-persistent buffers: here, and in torch.
_NON_PERSISTENT = ("_non_persistent_buffers", "_non_persistent_buffers_set")


class ModuleVocabulary(TorchVocabulary):
    """What ``torch.load(weights_only=True)`` admits, and modules of known classes."""

    def find(self, module: str, name: str) -> object:
        try:
            return super().find(module, name)
        except UnsafePickle:
            cls = _class_of(module, name)
            if cls is None:
                raise UnsafePickle(
                    f"it names {f'{module}.{name}'[:100]!r}, which is no nn.Module that the program "
                    "has defined or imported; no code from the file was run"
                ) from None
            return cls

    def new(self, cls: Any, arguments: Any) -> object:
        if not isinstance(cls, type) or not issubclass(cls, Module):
            return super().new(cls, arguments)
        if arguments != ():
            raise UnsafePickle("it makes a module with arguments")
        module = object.__new__(cls)
        Module.__init__(module)
        return module

    def build(self, value: Any, state: Any) -> None:
        if not isinstance(value, Module):
            super().build(value, state)
        elif not isinstance(state, dict):
            raise TypeError(f"the attributes of a module are a {type(state).__name__}")
        else:
            _fill(value, state)


def _class_of(module: str, name: str) -> type | None:
    """The subclass of Module with a name; looked up without running any code."""
    if module.startswith("torch.nn.modules."):
        found = getattr(nn, name) if name in nn.__all__ else None
    else:
        found = sys.modules.get(module)
        for part in name.split("."):
            if not isinstance(found, (type, ModuleType)):
                return None
            found = vars(found).get(part)
    return found if isinstance(found, type) and issubclass(found, Module) else None


def _fill(module: Module, state: dict[Any, Any]) -> None:
    for name, value in state.items():
        if not isinstance(name, str):
            raise TypeError(f"the name of an attribute is a {type(name).__name__}")
        if name in _OWNED:
            module.__dict__[name] = _owned(value, _OWNED[name])
        elif name in _NON_PERSISTENT:
            module.__dict__[_NON_PERSISTENT[0]] = set(value)
        elif name.startswith("_") and "hook" in name:
            if value:
                raise UnsafePickle("it holds a module with hooks")
        else:
            module.__dict__[name] = value


def _owned(value: Any, kind: type) -> OrderedDict[str, Any]:
    """Parameters, buffers or modules by name."""
    if not isinstance(value, dict) or not all(isinstance(name, str) for name in value):
        raise TypeError(f"the {kind.__name__}s of a module are a {type(value).__name__}")
    for member in value.values():
        if member is not None and not isinstance(member, kind):
            raise TypeError(f"expected a {kind.__name__}, got a {type(member).__name__}")
    return OrderedDict(value)


def module_state(module: Module) -> dict[str, Any]:
    """The attributes of a module that a file can hold.

    Raises:
        TypeError: if the module has hooks.
    """
    state = {}
    for name, value in module.__dict__.items():
        if name.startswith("_") and "hook" in name:
            if value:
                raise TypeError(f"a {type(module).__name__} with hooks cannot be saved")
        else:
            state[name] = value
    return state
