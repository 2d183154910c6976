"""Data, checkpointing and logs under the names of ``torch.utils``."""

from __future__ import annotations

from .. import data
from .. import hub as model_zoo

__all__ = ["data", "model_zoo"]
