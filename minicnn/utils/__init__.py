"""Data, checkpointing and logs under the names of ``torch.utils``."""

from __future__ import annotations

from . import checkpoint

__all__ = ["checkpoint"]
