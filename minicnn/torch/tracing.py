"""``torch.fx`` as far as libraries such as timm use it when they are imported."""

from __future__ import annotations

from typing import TypeVar

__all__ = ["wrap"]

F = TypeVar("F")


def wrap(fn_or_name: F) -> F:
    """The function, or its name, itself: no code is traced here, which would stop in front of it."""
    return fn_or_name
