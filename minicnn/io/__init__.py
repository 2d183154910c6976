"""Reading and writing files: checkpoints."""

from __future__ import annotations

from .checkpoint import load, save

__all__ = ["load", "save"]
