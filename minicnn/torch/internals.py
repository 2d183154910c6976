"""The part of ``torch._C`` that libraries such as torchmetrics call."""

from __future__ import annotations

__all__ = ["_log_api_usage_once"]


def _log_api_usage_once(event: str) -> None:
    """Does nothing: nobody is told what a program uses."""
