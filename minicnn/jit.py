"""``torch.jit`` as far as it changes no number: its functions return what they get.

There is no compiler of Python here. The network that is scripted or traced is the network itself;
``minicnn.compile`` makes inference fast.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, NoReturn, TypeVar

from .nn.module import Module

__all__ = [
    "Final",
    "ScriptModule",
    "annotate",
    "export",
    "ignore",
    "is_scripting",
    "is_tracing",
    "load",
    "save",
    "script",
    "script_method",
    "trace",
    "unused",
]

F = TypeVar("F")


class ScriptModule(Module):
    """A ``Module``, whose methods stay Python; for networks that are derived from it."""


def _identity(decorated: F) -> F:
    return decorated


def script(obj: F, **options: Any) -> F:
    """``obj`` itself: a module, function or class."""
    return obj


def trace(func: F, example_inputs: Any = None, **options: Any) -> F:
    """``func`` itself; the examples are not run."""
    return func


def annotate(the_type: Any, the_value: F) -> F:
    """``the_value`` itself."""
    return the_value


def export(fn: F) -> F:
    """``fn`` itself."""
    return fn


def unused(fn: F) -> F:
    """``fn`` itself."""
    return fn


def script_method(fn: F) -> F:
    """``fn`` itself."""
    return fn


def ignore(drop: F | bool = False, **options: Any) -> F | Callable[[F], F]:
    """The function itself, as ``@ignore`` or ``@ignore(drop=True)``."""
    return _identity if isinstance(drop, bool) else drop


def is_scripting() -> bool:
    """False: Python runs the code."""
    return False


def is_tracing() -> bool:
    """False: Python runs the code."""
    return False


def save(m: Any, f: Any, **options: Any) -> NoReturn:
    """There is no program to save.

    Raises:
        RuntimeError: always.
    """
    raise RuntimeError(
        "jit.save needs a compiled program, and minicnn has no compiler; save the weights with "
        "save(net.state_dict(), path)"
    )


def load(f: Any, **options: Any) -> NoReturn:
    """A file of TorchScript holds a program in torch's own language.

    Raises:
        RuntimeError: always.
    """
    raise RuntimeError(
        f"jit.load reads programs in TorchScript, which minicnn cannot run, got {f!r}; "
        "load() reads the weights of a state_dict"
    )
