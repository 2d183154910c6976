"""Networks to take and train."""

from __future__ import annotations

from .alexnet import AlexNet, AlexNet227, alexnet

__all__ = ["AlexNet", "AlexNet227", "alexnet"]
