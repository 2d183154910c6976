"""The error of a recording."""

from __future__ import annotations

__all__ = ["CannotRecord"]


class CannotRecord(RuntimeError):
    """A network's call does not fit into a graph; the message says why."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"cannot record the network: it {reason}")
