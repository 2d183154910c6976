"""Reading and writing files: checkpoints and weights."""

from __future__ import annotations

from .files import load, save
from .weights import load_weights, save_weights

__all__ = ["load", "load_weights", "save", "save_weights"]
