"""Finding the hook that computes a parameter before each ``forward``."""

from __future__ import annotations

from typing import Any, TypeVar

from ..module import Module

Hook = TypeVar("Hook")


def find_hook(module: Module, kind: type[Hook], name: str) -> tuple[int, Hook] | None:
    """The key and the hook of a certain kind for a parameter, or None."""
    for key, entry in module._forward_pre_hooks.items():
        hook: Any = entry[0] if isinstance(entry, tuple) else entry
        if isinstance(hook, kind) and hook.name == name:  # type: ignore[attr-defined]
            return key, hook
    return None


def remove_hook(module: Module, kind: type[Hook], name: str) -> Hook:
    """Remove such a hook, and return it.

    Raises:
        ValueError: if there is none.
    """
    found = find_hook(module, kind, name)
    if found is None:
        raise ValueError(f"{type(module).__name__} has no {kind.__name__} of {name!r}")
    del module._forward_pre_hooks[found[0]]
    return found[1]
