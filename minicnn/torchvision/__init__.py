"""torchvision's names, answered by minicnn; see :mod:`minicnn.torch`."""

from __future__ import annotations

from typing import Any

from ..torch.alias import alias


def __getattr__(name: str) -> Any:
    return getattr(alias("torchvision"), name)
