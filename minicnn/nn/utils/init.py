"""Building a layer without drawing its weights."""

from __future__ import annotations

import inspect
from typing import Any

from ..init import no_init
from ..module import Module

__all__ = ["skip_init"]


def skip_init(module_cls: type[Module], *args: Any, **kwargs: Any) -> Module:
    """A module with uninitialised weights.

    Raises:
        RuntimeError: for a class that is no module, or that takes no ``device``.

    As ``torch.nn.utils.skip_init``.
    """
    if not issubclass(module_cls, Module):
        raise RuntimeError(  # noqa: TRY004 -- as torch
            f"skip_init expects a class of modules, got {module_cls}"
        )
    if "device" not in inspect.signature(module_cls).parameters:
        raise RuntimeError(f"skip_init expects a module with a device, got {module_cls.__name__}")
    with no_init():
        return module_cls(*args, **kwargs)
