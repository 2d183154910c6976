"""Modules of torch's and torchvision's names whose attributes are minicnn's objects."""

from __future__ import annotations

import functools
import importlib
import pkgutil
from collections.abc import Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

from .missing import explain
from .tables import MODULES, NAMES

__all__ = ["ROOTS", "Alias", "Finder", "alias", "find", "resolve"]

ROOTS = ("torch", "torchvision")
_STATE = (bool, int, float, str, type(None))  # of a module: it can change, so it is not kept


class Alias(ModuleType):
    """A module that looks its attributes up in the tables and in modules of minicnn.

    What is assigned to an attribute that minicnn has is assigned there, so that switches such as
    ``torch.backends.cudnn.benchmark`` have their effect.
    """

    def __init__(self, name: str) -> None:
        super().__init__(name)
        spec = ModuleSpec(name, _LOADER, is_package=True)
        vars(self).update(__spec__=spec, __loader__=_LOADER, __path__=[], __package__=name)

    def __getattr__(self, name: str) -> Any:
        value = find(f"{self.__name__}.{name}")
        if not isinstance(value, _STATE):
            vars(self)[name] = value
        return value

    def __setattr__(self, name: str, value: Any) -> None:
        if isinstance(value, Alias) and name in vars(self):
            return  # after `import torchvision.models.alexnet`, models.alexnet is the function
        if not name.startswith("__") and not isinstance(value, ModuleType):
            for source in sources(self.__name__):
                if hasattr(source, name):
                    vars(self).pop(name, None)
                    return setattr(source, name, value)
        super().__setattr__(name, value)

    def __dir__(self) -> list[str]:
        return sorted({*vars(self), *names(self.__name__)})

    def __repr__(self) -> str:
        answering = ", ".join(
            getattr(s, "__name__", type(s).__name__) for s in sources(self.__name__)
        )
        return f"<module {self.__name__!r} of minicnn ({answering})>"


@functools.cache
def alias(name: str) -> Alias:
    """The module of a dotted name that :data:`MODULES` has."""
    module = Alias(name)
    # Scripts look into the dictionary: models.__dict__["resnet18"]().
    for source in sources(name):
        for attribute in _public(source):
            if not isinstance(vars(source).get(attribute), _STATE):
                getattr(module, attribute)
    return module


def find(dotted: str) -> object:
    """What minicnn has for a name such as ``"torch.nn.Conv2d"``.

    Raises:
        AttributeError: if there is nothing; the message says why, or names the nearest thing.
    """
    module, _, name = dotted.rpartition(".")
    if dotted in NAMES:
        return resolve(NAMES[dotted])
    if name == "__all__":
        return [name for name in names(module) if not name.startswith("_")]
    plain = not name.startswith("__") or name in ("__file__", "__doc__")
    for source in sources(module) if plain else ():
        value = getattr(source, name, source)  # the source itself: it has no such name
        if not isinstance(value, ModuleType) and value is not source:
            return value
    if dotted in MODULES:
        return alias(dotted)
    message = explain(dotted, names(module)) if plain else f"module {module!r} has no {name!r}"
    # Without obj=None, Python would append a suggestion of its own.
    raise AttributeError(message, name=name, obj=None)


def names(module: str) -> list[str]:
    """All attributes that an alias module has."""
    parts = [name.rpartition(".") for name in (*MODULES, *NAMES)]
    children = {name for parent, _, name in parts if parent == module}
    return sorted(children.union(*map(_public, sources(module))))


@functools.cache
def sources(module: str) -> Sequence[Any]:
    """The modules and objects of minicnn that answer for a module, the first one first."""
    return [resolve(path) for path in MODULES[module].split()]


def resolve(path: str) -> object:
    """What a path such as ``"minicnn.nn"`` or ``"minicnn.nn.norm:_BatchNorm"`` stands for."""
    module, _, attribute = path.partition(":")
    value: Any = importlib.import_module(module)
    return getattr(value, attribute) if attribute else value


def _public(source: Any) -> list[str]:
    """The attributes of a module or an object that are not modules; those have their own alias."""
    there = vars(source)
    found_later = {name for name in dir(source) if name not in there}  # by its __getattr__
    listed = {*getattr(source, "__all__", there), *found_later}
    files = {part.name for part in pkgutil.iter_modules(getattr(source, "__path__", ()))}
    listed -= files - there.keys()  # modules that nobody has imported yet
    return [n for n in listed if not n.startswith("_") and not isinstance(there.get(n), ModuleType)]


class Finder(MetaPathFinder):
    """Answers every import of torch and torchvision, whether PyTorch is installed or not."""

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """The spec of an alias module.

        Raises:
            ImportError: for a module that is not there, with the reason.
        """
        if name.partition(".")[0] not in ROOTS:
            return None
        if name in MODULES:
            return alias(name).__spec__
        module = name.rpartition(".")[0]
        # Without name=, `from torch import fft` shows this message and not one of Python's own.
        raise ModuleNotFoundError(explain(name, names(module)))


class _Loader(Loader):
    def create_module(self, spec: ModuleSpec) -> ModuleType:
        return alias(spec.name)

    def exec_module(self, module: ModuleType) -> None:
        """Nothing is left to do."""


_LOADER = _Loader()
