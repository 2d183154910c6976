"""Data, checkpointing, downloads and logs, under the names of ``torch.utils``."""

from __future__ import annotations

from .. import data
from . import checkpoint

__all__ = ["checkpoint", "data", "model_zoo"]


def __getattr__(name: str) -> object:
    """``model_zoo``, which is :mod:`minicnn.hub`."""
    if name != "model_zoo":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from .. import hub

    globals()[name] = hub
    return hub
