"""The version of torchvision whose names minicnn has, and its own."""

from __future__ import annotations

from ..version import __version__ as own

__all__ = ["__version__"]

__version__ = f"0.28.0+minicnn{own}"
