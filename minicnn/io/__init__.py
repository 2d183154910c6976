"""Reading and writing files: checkpoints and weights."""

from __future__ import annotations

from .checkpoint import load, save
from .torch_file import load_torch
from .weights import load_weights, save_weights

__all__ = ["load", "load_torch", "load_weights", "save", "save_weights"]
