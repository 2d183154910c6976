"""The numbers of channels, features and pixels that layers are made with."""

from __future__ import annotations

from typing import Any

from .module import Module


def check_integers(layer: Module, **arguments: Any) -> None:
    """Raises a TypeError for an argument that is neither an integer nor a tuple of integers."""
    for name, value in arguments.items():
        many = isinstance(value, (tuple, list))
        if not all(hasattr(n, "__index__") for n in (value if many else (value,))):
            expected = "hold integers" if many else "be an integer"
            raise TypeError(f"{type(layer).__name__} expects {name} to {expected}, got {value!r}")
